// Package inspect measures a workload in one pass and selects sessions from
// it.
//
// # Memory
//
// Quantiles come from HDR histograms with three digits (two for the tools one
// by one), so they are within 0.1 % (1 %) of the exact ones and memory does
// not grow with the file. Counts, sums, means, minima and maxima are exact.
//
// # What is measured
//
//	sessions.steps         steps of a session, those of sub-agents and compactions included
//	sessions.tools         tool calls of a session
//	sessions.parallelism   steps / steps of the longest chain of waits: 1 for a chain
//	turns                  1 + the session's gaps of cause human
//	tokens.prompt          keep + add of a step's context
//	tokens.reuse_share     what one cache that never forgets would find of all
//	                       prompts: sum of keep, but for tokens of a shared prefix that
//	                       no earlier prompt held, / sum of prompt
//	tools.duration_s       calls with a duration of their own; the others are
//	                       counted in untimed (spawning calls, sources without times)
//	tools.top4_share       share of the total time that the longest 4 % of the calls hold
//	gaps                   delays before a step by cause, apart: tool_client_s, human_s,
//	                       unknown_s, and other_s for delays that state no cause
//	arrivals               rate (n-1)/(last-first); cv of the gaps and burstiness
//	                       (cv-1)/(cv+1) (Goh and Barabási, EPL 81:48002, 2008: -1 regular,
//	                       0 Poisson, towards 1 bursty), for files in order of arrival
//	agents                 steps that spawn, sub-agents at once (width), steps per sub-agent
//	recorded_s, ttft_s     the recording's own model latency
//
// A figure is named by its path in the JSON form, as in tools.duration_s.p90.
package inspect
