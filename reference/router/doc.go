// Package router decides where a model call runs: site, model and replica,
// what to fall back on, and when to hedge. It also decides where a session
// lives and where its tools run. It is pure: a driver hands it time, events
// and keyed draws, and the same calls give the same answers. A live gateway
// and a simulation drive the same code.
//
//	             Observe, ObserveSite, Feedback, Switch
//	                          |
//	                          v
//	Request --> Policy --reads--> View (loads, health, breakers: stale)
//	               |
//	               v
//	            answer --> hard rules --> replica --> Decision
//
// # Requests and decisions
//
// A policy sees a [Request] (the step, and what its session has behind it) and
// a [View]. It sees neither the answer's length nor anything else of the
// future; only a [Clairvoyant] policy does, of which there is one, the oracle.
// It answers with a [Decision]: target, reason, fallbacks in order, hedge.
//
// A [Router] is a policy with everything around it. Each replication, and each
// live gateway, has its own; they share the world's [Table]. A decision takes
// from 0.1 to some microseconds and allocates nothing.
//
// # Hard rules
//
// No policy can break these. The Router checks every answer. It replaces one
// that breaks a rule by the nearest target that breaks none, with the rule as
// the reason, and drops such fallbacks. Where there is no target the answer is
// [NoTarget].
//
//   - Private data (Request.PII, of the step or its session) stays on the
//     user's own device.
//   - A pinned model is the only one that may answer.
//   - The model has the request's modality.
//   - The prompt leaves the model room to answer: Config.MaxOutput tokens, or a
//     quarter of its context where that is less.
//   - Residency: the site's region is in the list. The user's own device is
//     exempt, since the data comes from there.
//   - Kill switches: the site and the model are switched on.
//   - Budget: the most that the attempt can cost is within what the session
//     has left. That is the whole prompt at the price of new tokens (or cached
//     ones, if dearer) and Config.MaxOutput tokens of answer. It is also
//     Decision.ReserveUSD, taken over the target and the fallbacks.
//
// Health is soft. A site that reports itself down, a deployment whose
// [Breaker] is open and one that has failed this very step are avoided where
// the rules leave another choice, and tried where they do not. A refusal by a
// validator is no failure of the site.
//
// # Replicas
//
// Where a policy names no replica the Router takes the least loaded by the
// view, ties by the session's hash, or one that holds the session's KV cache,
// unless its queue costs more than the prefill that it saves.
//
// # Views
//
// The view is what replicas last reported, so it is as old as the reports. It
// is kept up report by report. Policies that spread load by it inherit its age:
// least-loaded herds, p2c less so.
//
// # Policies
//
// [Catalogue] lists the built-in policies and their parameters; [Parse] reads
// "name:param=value,...". The default model of a site is the first listed of
// its deployments that the rules admit.
//
//	by place        static-TIER, nearest, session-affinity
//	by load         random, round-robin, least-loaded, p2c
//	by estimate     min-latency, hedged, latency-budget, cost-cap
//	by ability      cascade, trajectory, threshold
//	as published    history, keyword (CLAIMS C12)
//	by hindsight    oracle
//
// Estimates (estimate.go) are made from round trip, upload, reported queue,
// uncached prompt and an answer of Config.ExpectedOutput tokens. Policies that
// estimate weigh up the nearest 32 servers of each model.
//
// # Homes and tools
//
// A [HomePolicy] places session actors and says when moving pays. A prompt is
// put together at the home, so data rules bind the home as they bind the steps:
// a driver that means them end to end asks PlaceFor, with PII set where any
// step is private. [ToolPlace] places tool calls.
//
// Package routertest holds every policy to these promises.
package router
