// Package agent decides what a session does next. A Machine is one session: a
// pure state machine that is handed events and answers with effects. It holds
// no clock, makes no random choice but by keyed draws, and does nothing
// itself: a driver (the simulator, or a live session's actor) carries the
// effects out and hands back what came of them.
//
// # A step's life
//
//	           edges met                 budget
//	waiting ---------------> (admitted) ----------> routing <---------------+
//	                            |  ^ freed             | Routed             |
//	                            v  |                   |                    |
//	                          holding <- no room now --+                    |
//	                                                   | first attempt:     |
//	                                                   v commit             |
//	                                                storing                 |
//	                            fallback at once       v                    |
//	                           +------------------- calling                 | pause over
//	                           |   (rejected, error, | |  ^                 |
//	                           +----- timeout) ------+ |  | hedge           |
//	                                                   |  +--+              |
//	                                            answer v                    |
//	                                               validating               |
//	                                                |      | refused        |
//	                                         passed |      +-----------> pausing
//	                                                v
//	  over <--- acting <------------------------ sealing
//	    |        tools, spawned steps            commit
//	    v
//	StepDone, edges of dependents
//
// A session that compacts its context runs calling twice: see compact.go. An
// open session, whose steps follow from what its model answers, gets them as
// grow.go says.
//
// # Time
//
// Each instant between a step's being due and its end is attributed to one of
// queue, network, prefill, decode, tool, state, backoff. In calling, the
// attempt that ended the race says what the time was; the wait until a hedge
// was sent is backoff, as is a wait for budget. Validation and sandboxed tools
// are tool; commits, and what an orchestration service takes between Route and
// Routed, are state. A gap whose cause is a person is think, any other is
// tool. A user turn also takes the round trip between user and home, which is
// network: at the session's start, and at each gap whose cause is a person. The session's split is the sum along its critical path, walked back
// from its end over the edges that made steps due.
//
// # Money
//
// Reserve, then settle: before an effect that costs, its bound is set aside,
// and the effect happens only if spent + reserved stays within the budget. A
// step for which there is no room only because of others' reservations waits
// for them to settle; one that can never fit ends the session with status
// budget (or goes on with the answer that it has).
//
// # Invariants
//
//	INV-A1  A step's answer is accepted at most once, and no attempt at it
//	        starts afterwards.
//	INV-A2  No step begins before all its edges' moments, each plus its delay
//	        under the caps.
//	INV-A3  At most two attempts at a step are started and neither settled nor
//	        cancelled; two only if the second is a hedge. A call has at most
//	        Config.MaxAttempts, hedges and lost ones not counted, and at most
//	        one hedge for each of them.
//	INV-A4  Every Start is answered by one AttemptDone. At StepDone, all
//	        attempts at the step have been.
//	INV-A5  spent + reserved <= budget + Overrun; Overrun is 0 when no price
//	        exceeds its bound. The same for steps and tokens.
//	INV-A6  Exactly one Finish, when nothing that was asked for is unanswered;
//	        no effect after it.
//	INV-A7  Every step that was due has exactly one StepDone, before Finish.
//	INV-A8  The parts of the split sum to end - start to the nanosecond; an
//	        attempt's parts sum to done - sent.
//	INV-A9  A pause lies within [0, Config.BackoffBound(failures)].
//	INV-A10 For every call: effective input = recorded input - cut + sum; cut
//	        and sum are 0 unless CompactAbove is set.
//	INV-A11 The log of events, replayed into a fresh Machine, gives the same
//	        effects and the same Digest.
//	INV-A12 Any sequence of events ends in bounded work: none panics, and one
//	        that has been overtaken changes nothing.
package agent
