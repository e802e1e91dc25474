// Package sched decides what an engine computes next: which sequences enter an
// iteration, with how many tokens, who waits, and who gives way. It plans over
// the blocks of a kv.Cache and knows no token, no tensor and no clock, so an
// engine over a GPU and a simulated site run the same object. It is pure: the
// same calls give the same plans.
//
// # Driving it
//
// A driver asks for plans with Next, runs them in that order, and reports each
// with Commit. Config.Depth plans may be ahead of the one that is due: with 0
// the device waits for the host between iterations, with 1 it does not.
//
//	live:  for s.Next(now(), &p) { b.Submit(step(&p)) }
//	       b.Wait(&o); ev = s.Commit(now(), o, ev[:0])
//	sim:   for s.Next(t, &p) { busy = max(t, busy) + cost.StepTime(p.Shape); at(busy, commit) }
//
// A simulator jumps: a plan that is alone in flight has the same rows for
// StableFor more iterations, each one token on, until an Add, a Cancel, an
// early end, or StableUntil. It adds up StepTime(p.Shape.After(i)) to the next
// of these and commits all iterations that have ended at once (Iterations). An
// Add may be handed in while one is under way, which then is the last of the
// jump. Before a Cancel, those that have ended are committed, and the one under
// way stays in flight (Under). What follows is the same, plan by plan, as
// without jumps.
//
// # An iteration
//
//  1. If the most urgent waiting request has a higher priority than a running
//     sequence that is less urgent, and lacks a slot or memory, the least
//     urgent of these is preempted, until it fits.
//  2. Decode: each running sequence that is one token behind gets a row, the
//     most urgent first. Where memory lacks, the least urgent running sequence
//     is preempted: its blocks go, those it has completed stay cached while
//     nobody needs them, and it goes back to the queue with its urgency.
//  3. Chunked prefill: running sequences that are further behind get chunks,
//     the most urgent first, in the rest of Budget, cut at a block's border.
//  4. Admission: waiting requests enter, the most urgent first, with their
//     longest resident prefix, while there is a slot, budget, and memory for
//     the whole prompt, for what running prompts still lack, and for one more
//     block of each running sequence. The first that does not fit ends it.
//
// A block that a planned row fills is found by others at once, in the same
// plan even: of requests with a common prefix that arrive together, one
// computes it (package kv says what a backend promises for that).
//
// # The stall bound
//
// While a running sequence is between two tokens of its output, chunks are cut so that
// Coster.StepTime of the whole iteration stays within Stall; a plan's first
// chunk reaches at least the next block border, so that prompts get on under
// any load. The gap between two tokens of a sequence that is not preempted is
// therefore at most max(Stall, StepTime of the decode rows and one block), as
// far as the model is right, and twice that for a Host sequence with Depth 1.
//
// # Urgency, fairness and starvation
//
// A request's urgency is fixed when it arrives: key = start - Priority x Aging,
// where start is its arrival or, if that is later, its session's clock, but at
// most Lead after its arrival. The clock is that of start-time fair queueing:
// each request of the session moves it by Burst, each token computed or
// produced by Share. Smaller keys come first, equal ones by arrival. So:
//
//	A request of priority p is overtaken only by requests that arrive less than
//	(P - p) x Aging + Lead after it, P being the highest priority in use.
//
// Beyond that nothing is ahead of it but what was, which is finite; the most
// urgent sequence is never preempted, and each iteration moves it on by at
// least a block of its prompt or a token, except while it waits for memory that
// running sequences hold, and those end after at most MaxTokens iterations each
// with nobody admitted meanwhile. A preempted sequence returns to the front of
// all that arrived after that window.
//
// # Late ends, forced lengths, tokens from the host
//
// With Depth above 0 a row may already be planned when its sequence ends or is
// cancelled: it runs, and is discarded at its Commit. Output lengths that are
// forced never cost such a row. A sequence whose next token needs the host
// (Request.Host: a mask of a grammar) is planned only when its last one is
// committed, so with Depth 1 it takes part in every second plan.
//
// # Differences from the obvious interface
//
// Row names a range of the table, not only new blocks: a table's end can change
// when a block is copied on write or merged with its double. NewBlocks is left
// out unless Config.Tables asks for it, since naming a resident prefix costs
// O(context) and a simulator has no use for it. Outcome carries token ids,
// because the content of generated blocks follows from them; a simulation
// leaves them out and names them by Request.Salt. StableUntil bounds jumps by
// the next end of a retention, the one thing that changes with time alone.
//
// # Errors
//
// Add refuses with ErrFull when Queue requests wait beyond those that free
// slots can take (HTTP 429), and with the other errors when the request can
// never be served (HTTP 400). A device's failure ends the engine: the driver
// fails what has not ended and starts with a new Cache and Scheduler.
//
// # Invariants
//
//	SC-1  A plan has at most one row for a sequence and for a slot; a row starts
//	      where the sequence's last one ended, or whole resident blocks later,
//	      and the rows start over only after a preemption.
//	SC-2  A plan has at most Budget tokens and Slots rows; at most Depth plans
//	      are ahead of the oldest that is not committed.
//	SC-3  Each running sequence that is one token behind and may be planned is
//	      in the plan; with a chunk, the stall bound holds as stated.
//	SC-4  A sequence waits with no block and no slot, or runs with a slot.
//	SC-5  Tokens: output tokens = the sum over requests of what Events report;
//	      a forced request produces exactly MaxTokens; added = finished +
//	      stopped + cancelled + running + waiting; computed + cached =
//	      released + dropped + those of running sequences.
//	SC-6  Every request that is not cancelled ends; overtaking is bounded as
//	      stated.
//	SC-7  A request's rows compute the same positions from the same tokens
//	      whatever runs beside it: on a device whose next token follows from all
//	      keys and values read, its output is the same as alone.
//	SC-8  The same calls give the same plans; jumping gives the same plans.
//
// Nothing allocates in the steady state, once slices have grown to the largest
// batch.
package sched
