// Package site models the server at a site at the simulator's queue fidelity:
// limited processor sharing, and an estimate of the prefixes its key-value
// cache still holds. Both are pure: no goroutine, no clock, no draws; the owner
// hands them the time, a time.Duration since the start of the run.
//
// # Server
//
// A job brings two amounts of work: prefill, up to its first token, and decode,
// from there to its last. Work is the time it would take alone on a server of
// speed 1. At most Slots jobs are in service; others wait, first come first
// served, and at most QueueLimit of them: the next is rejected (HTTP 429). Of
// p jobs in prefill and d in decode, each receives work at a speed that Speed
// gives for (p, d), and that changes only when p or d does.
//
// This covers M/G/K (Fixed; Kleinrock, "Queueing Systems", vol. 1, 1975),
// processor sharing (Shared without a slot limit; Yashkov, "Processor-sharing
// queues: some progress in analysis", Queueing Systems 2, 1987), limited
// processor sharing (Shared with one; Avi-Itzhak and Halfin, "Expected response
// times in a non-symmetric time sharing queue with a limited number of service
// positions", ITC 12, 1988; Zhang and Zwart, "Steady state approximations of
// limited processor sharing queues in heavy traffic", Queueing Systems 60,
// 2008), and an inference engine with continuous batching (Batched), where n
// jobs together get n*Speed(n): more than one job would, less than n times as
// much.
//
// # Virtual time
//
// Each phase has a virtual time V with dV/dt = the phase's present speed, so
// that a job which enters the phase at V0 with work w leaves it when V reaches
// V0 + w, whatever comes and goes in between. A heap by that value finds the
// next to leave; an arrival, a departure and a change of speed cost O(log n)
// and touch no other job.
//
// Time is in whole nanoseconds. A speed is rounded to a multiple of 2^-32, and
// virtual time is counted in units of 2^-32 ns in 128 bits, so V is exact and
// the result is the same on every machine. A job leaves its phase at the first
// nanosecond at which V has reached its value: at most one nanosecond late,
// and what V overshoots by is not given back. Nothing else is rounded.
//
// At one instant completions come first, then first tokens, then admissions,
// again and again until nothing is due; of several completions (or first
// tokens) the one with the least virtual time, then the earliest arrival. A
// call that takes a time first carries out everything due by then: a job that
// leaves at t makes room for one that arrives at t.
//
// # Driving it
//
// The owner keeps one event pending for each server, at NextAt, and calls
// Advance there (des.Wakeup does the bookkeeping). Every call appends the
// transitions it brought about to a slice of the owner's, in order of time;
// an Advance that finds nothing due does no harm.
//
//	h, outcome, out := s.Arrive(now, site.Job{Tag: attempt, Prefill: p, Decode: d}, out[:0])
//	...
//	out = s.Advance(now, out[:0])
//	for i := range out { ... out[i].Kind, out[i].Tag, out[i].Split() ... }
//
// Jobs lie in a slab with a free list; once slab, heaps and out have grown,
// nothing allocates.
//
// # Invariants
//
//	I1  Jobs: arrived = refused + rejected + waiting + in service + done +
//	    cancelled + failed, and each job held ends exactly once.
//	I2  Time: of each job, queue + prefill + decode = end - arrival, and over
//	    all jobs these sum to the server's integrals, all to the nanosecond.
//	I3  Work: a phase that ends received its work, and less than a nanosecond's
//	    worth more.
//	I4  Occupancy: at most Slots jobs are in service.
//	I5  Work conserving: no job waits while a slot is free.
//	I6  Order: transitions are in order of time, which never runs backwards.
//	I7  FCFS: jobs start in order of arrival.
//	I8  Down: a server that is down holds no job.
//	P1  Prefixes: the tokens resident never exceed the capacity.
//	P2  Prefixes: a hit is no longer than what was stored last under its key.
//
// # Prefixes
//
// Prefixes holds, for keys chosen by the owner (a session, a shared system
// prompt, a sub-agent's parent), how many of the context's first tokens are
// resident. Room is made block by block at the tail of the least recently used
// prefix, as a paged cache evicts; a lookup takes the longest of several names
// of one context. It is an estimate in that a context stored under two names
// counts twice. All calls are O(1), but that one Store may drop several
// prefixes, each of which was stored once; memory is bounded by the capacity
// in blocks, and nothing allocates once the table has grown.
package site
