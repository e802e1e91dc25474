// Package batching is the server at a site at the simulator's engine fidelity:
// the scheduler and the cache of a real engine (engine/sched, engine/kv) over a
// model of how long iterations take. It decides nothing of its own. It is pure,
// and has the surface of sim/site's server at the queue fidelity.
//
// # Time
//
// Iterations follow each other without a pause while there is work. At the end
// of each the plan is committed and the next one asked for at that very time;
// with Ahead above 0, plans are made while others run, as the engine's loop
// makes them. A request that arrives, or is withdrawn, while an iteration runs
// counts from the next plan on. What ends at t makes room for what arrives at t.
//
// A plan that is alone in flight and stays valid is not asked for again: the
// server adds up the durations of its iterations and commits them together, at
// the end of the last one or of the one under way when a request arrives. What
// comes of it is the same, plan by plan, as iteration by iteration (SC-8).
//
// A Device stands for a real one in a run that is played again: each plan is
// asked for and ends when it did there, and what is handed in at the time of an
// asking comes before it. The scheduler, fed the same arrivals and times, then
// makes the run's plans again.
//
// # Transitions
//
// A job starts when a plan first takes it up, and Cached says how much of its
// prompt was resident then; its first token comes with the end of the iteration
// that samples it, the last one ends the job. A job that is preempted goes back
// to the queue of the scheduler and stays in its phase. Started and FirstToken
// are reported with the next transition that somebody waits for, at their own
// times: nothing is due in between.
//
// # Invariants
//
//	B1  Jobs: arrived = refused + rejected + too long + held + done + cancelled +
//	    failed, and each job held ends exactly once.
//	B2  Time: of each job, queue + prefill + decode = end - arrival; over all
//	    jobs these sum to the server's integrals, to the nanosecond.
//	B3  Tokens: each whose keys and values were computed or found resident is of
//	    a job that is held, or was given up by an end, a preemption or a
//	    failure: computed + cached = released + dropped + failing + held. With
//	    Ahead 0, what ends gave up are the prompts and answers of done jobs,
//	    less each one's last token, and what withdrawn ones had.
//	B4  Blocks: free + cached + referenced = all; with no job no table holds any.
//	B5  Capacity: at most Slots jobs run, and the device runs one iteration at a
//	    time: busy time is the sum of the iterations'.
//	B6  Jumping over stable iterations changes no transition.
//
// Check verifies what can be told at any time.
package batching
