// Package network says how long a request and its answer spend on the way
// between two places of a topology.
//
// # What is modelled
//
// A request of B bytes from a to b, sent at time t, reaches b after
//
//	setup + slow start + rtt/2 + B/bandwidth + retransmission
//
// and an answer's last byte reaches a half a round trip after it was sent: an
// answer is streamed, its tokens are small, so its bytes count in the price
// of egress and not in time.
//
// rtt is the link's undisturbed round trip plus its jitter, times the factor
// of a fault that slows the link, or a site at either end. Jitter is lognormal, one draw a link and
// time slot (SlotLength): all that crosses a link in one slot meets the same
// weather, whatever the policy, so policies compare under common random
// numbers.
//
// setup is paid when no connection is open: one round trip for TCP and one
// for TLS 1.3 (RFC 8446), as Platform.TLSRoundTrips says. Connections are
// pooled between two places, stay open for Platform.KeepAlive after their last
// use, and are shared by all sessions.
//
// slow start: a connection that was idle for longer than IdleRestart begins
// again with the initial window W of ten segments (RFC 6928, RFC 5681 section
// 4.1) and doubles it every round trip until it covers the bandwidth-delay
// product. Sending B bytes then takes
//
//	rounds = ceil(log2(B/W + 1)) - 1
//
// round trips more than one flight does, less what the window had grown by
// on a busy connection.
//
// retransmission: with the link's loss probability a transfer loses its tail
// and waits for one timeout, max(200 ms, 2 rtt) (RFC 6298 with Linux's floor).
//
// Uploads are whole contexts: a KV cache hit at the far end saves prefill and
// never bytes. Only where a site stores conversations are the new tokens all
// that is sent; that is the caller's count of B.
//
// All durations are in nanoseconds since the start of the run; bandwidth is in
// 10^9 bytes/s, which is bytes per nanosecond.
package network
