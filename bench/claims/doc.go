// Package claims checks what is claimed of agent clouds against the simulator and
// against the live stack on this machine, and says what it found: a list of parts (P1
// to P16) and of figures (C1 to C16).
//
// # From figures to verdicts
//
// An experiment turns a claim into checks: a statement, a criterion, and the
// figure found. A figure is an Estimate, a mean over replications with its 95 %
// interval by Student's t; policies and platforms are compared in pairs, by the
// differences within each replication (they meet the same sessions and luck).
// A check is true when the whole interval keeps the criterion, false when the
// whole interval breaks it, and open otherwise.
//
// A check is assumed when the model was given what it states; agreeing then
// proves nothing, and disagreeing still refutes it. With the assumed checks
// that are true left out, the verdict is
//
//	holds                   every check is true
//	holds where             some are; their conditions are the region
//	undecided               none is true, and some are open
//	modelled, not measured  nothing is left: the model was given all of it
//	does not hold           otherwise
//	waits for               nothing was checked, because a part is not built
//
// # Criteria
//
//	C1   sums within 0.5 %; "minutes" are at least 60 s; a call of 20 ms should be
//	     able to write a median answer, by the deployments' iteration times
//	C2   95 % of users' round trips (of attempts' completions) keep each end of
//	     the band; only the upper end for completions
//	C3   median hops and round trips in the stated ranges; at least 300 metro
//	     sites; 95 % of users within 50 ms of one
//	C4   a mean of 20 to 50 tool calls per session or user's request
//	C5   at a share of easy steps, some policy gives at least 70 % of the answers
//	     by models below the frontier, is cheaper than all-frontier and loses at
//	     most 5 points of its resolve rate
//	C6   all-edge resolves over 5 points less than all-central, and one routed
//	     policy is faster and cheaper per resolved task than all-central, loses
//	     at most 5 points to it and resolves more than all-edge; per cell of (rho,
//	     validator miss, fatality)
//	C7   request to first result in under 1 ms; the topologies' containers start in
//	     0.1 to 30 s
//	C8   p99 of commit and read under 10 ms where the session lives; under 10 ms,
//	     the round trip included, for 95 % of the pairs of a region's metro sites
//	C10  list prices per GB in the claimed ranges
//	C11  a smaller coefficient of variation of session bills by steps than by
//	     tokens; a smaller mean bill by neurons than by compute seconds where
//	     tools take half of the time, with seconds priced so that chat costs the
//	     same by both
//	C12  no policy is surely better than the heuristic in time, cost and resolve
//	     rate at once; half of keyword's estimates within a factor 2 of the outcome
//	C14  a step takes more time with the part outside the runtime
//	C16  a strong read takes longer than an eventual one, and the latter is stale
//	P7   live sessions of which a tenth of the calls fails and a tenth of the answers is
//	     refused all come to their end, no step without an accepted answer
//	P14  nothing is granted beyond a budget, or after a kill switch
//	P16  the edge saves at least 10 % of the active makespan over the quickest
//	     hyperscaler-like cloud
//
// A live figure is a quantile of the batches that were measured here; its interval is
// over the batches. How far a neighbour on the machine moved them shows in it.
//
// # Resolve rate
//
// Success is the model of DESIGN section 5 and so an estimate. A session that
// came to its end with k wrong answers accepted counts as resolved with
// probability (1 - fatality)^k, the mean of what the simulator draws.
//
// Read next: verdict.go (checks to verdicts), lab.go (how experiments run),
// easy.go (one of them).
package claims
