// Package sim replays agent workloads in a modelled world of tiers, on a
// virtual clock.
//
// It decides nothing. What a session does next is reference/agent's decision,
// where an attempt runs reference/router's; both are the objects that serve
// live traffic. The simulator is their driver: it answers an effect by an
// event at the time that a model of the network, the sites, the tools and the
// stores gives.
//
// # From an effect to its event
//
//	Route        -> workflow transitions -> reference/router -> Routed
//	StartAttempt -> upload (sim/network) -> site: response cache, cold start,
//	                queue, prefill, decode (sim/site or sim/batching) ->
//	                download -> AttemptDone
//	Validate     -> Validator.Latency -> Validated
//	RunTool      -> sandbox start, way to the data, recorded time -> ToolDone
//	Commit       -> store (and its round trip) -> Committed
//	SetTimer     -> TimerFired
//
// # Fidelity
//
// At the queue fidelity a replica is a limited-processor-sharing server whose
// speed falls with its occupancy as an iteration of the engine grows longer,
//
//	speed(n) = (StepBase + StepPerSeq) / (StepBase + n StepPerSeq)
//
// a prompt's uncached tokens are work at PrefillTokS and each further output
// token is one iteration. What is cached is estimated: each replica remembers
// the tokens of every line of contexts of a session, and of shared prefixes,
// by least recent use within KVTokens.
//
// At the engine fidelity a replica runs the scheduler and the cache of the real
// engine (engine/sched, engine/kv) in modelled time: sim/batching. How long an
// iteration takes is sim/steptime's: the roofline of the deployment's figures,
// the same that the queue fidelity uses, or a profile measured on an engine.
// What is cached follows from contents: every token is named by the shared
// prefix or the session and step that it was first written in (context.go).
//
// At both, a user's own device runs one sequence at a time in order of arrival
// and remembers one context; an attempt that is called off there keeps the
// device until it would have ended.
//
// A replica that scales to zero starts with the first request that finds it
// stopped; others that come meanwhile wait for the same start. A start, like a
// site's failure, empties its cache. Loads and health reach the router late:
// sampled at most once in Platform.ViewInterval, and then half the mean round
// trip to the homes on their way.
//
// # Time, luck and load
//
// A point is one policy at one replication. Its draws are keyed by (seed,
// replication, session, step, ...), never by the order of events, so all
// policies meet the same sessions, origins, difficulties and jitter (common
// random numbers), and a paired difference between policies is mostly the
// policies' own. Open and closed loads resample the workload's sessions with
// replacement; a recorded load replays each once at its recorded time, and its
// replications then differ only in what the world draws.
//
// The measured window opens after WarmUp and takes the next Sessions arrivals.
// Load goes on until the last of them has finished. Memory is bounded by the
// sessions that are active: a session that is over leaves nothing but what the
// sink took of it.
//
// # What holds
//
// INVARIANTS.md numbers the conservation laws that every point is held to.
//
// Read next: point.go (the loop), session.go (effects), call.go (an attempt's
// way), replica.go and engine.go (the two fidelities).
package sim
