// Package des is the kernel of the discrete-event simulator: a clock and the
// list of pending events.
//
// # Order
//
// Events are delivered by time, and events of the same time in the order in
// which they were scheduled. The order is total, is decided in this package
// alone and depends on nothing but the calls made, so a run repeats exactly.
// Time is a time.Duration since the start of the run; it never runs backwards,
// and Schedule panics when asked to change the past.
//
// # Use
//
// An event is a small value of the simulator's own type E, such as
// {kind uint8; a, b, c int32}. There is one loop and no goroutine, callback or
// interface per entity:
//
//	k := des.New[event](1024)
//	k.Schedule(0, event{kind: arrival})
//	for at, e, ok := k.Next(); ok; at, e, ok = k.Next() {
//		switch e.kind { ... }
//	}
//
// # Superseded events
//
// The kernel does not cancel. An entity whose next event moves, as a server's
// does when a job joins it, keeps a Wakeup: it schedules a new event only when
// the new time is earlier than the one pending, and recognises an event that
// has been superseded by its generation. An entity therefore has at most one
// live event, and none at all is added when its next time moves later.
//
// # Structure
//
// The list is an implicit four-ary heap (Johnson, "Priority queues with update
// and finding minimum spanning trees", IPL 4(3), 1975) of 16-byte keys; the
// payloads lie beside it in slots that are reused. The root has index 3, so
// the four children of a node are one aligned group of 64 bytes, a cache line
// (LaMarca and Ladner, "The influence of caches on the performance of heaps",
// JEA 1, 1996). Keys are compared as 128-bit integers by a borrow chain, which
// makes choosing the least of four children free of branches: a branch there
// is mispredicted half of the time, and that, not the number of comparisons,
// is what a heap of this size costs. Once the slices have grown to the largest
// number of pending events, nothing allocates.
//
// Limits: 2^24 (16.7 million) events pending at once, 2^40 (1.1e12) scheduled
// in one run. Both are checked.
package des
