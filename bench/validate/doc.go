// Package validate says how far the simulator is from a real engine: it offers
// the same load to both and compares what came of it.
//
// # The two sides
//
// The load is a workload's sessions, drawn with replacement by their number,
// with Poisson arrivals that are drawn too and then fixed: both sides get the
// same sessions at the same times (Draw). The real side is package live against
// the engine's HTTP surface on this machine. The simulated side is package sim at
// the engine fidelity in a world of one site, whose engine has the real one's
// settings and the step-time model of a profile, and which requests reach and
// leave in the times of the profile's overhead. Where a step may run says nothing
// here, so private data, residency, origins and pinned models are left out
// (OneSite).
//
// Real runs alternate between the loads, forwards and then backwards, after a
// short load that is not measured. Each uses token ids of its own: nothing that
// an earlier run left in the cache is found. The simulated side has no noise and
// runs once.
//
// # Loads
//
// A load's rate is a share of the capacity, the most sessions per second that
// the simulated engine gets through when there is always another one: the best of
// 1, 2, 4, ... sessions at once, up to four times the slots, counted between the
// first and the last quarter of the ends.
//
// # Metrics
//
//	E2E      of a model call, from sending it to the end of its answer
//	TTFT     of a model call, from sending it to its first token
//	TPOT     of a model call, from its first token to the end, for each further token
//	ITL      between two tokens of an answer, over all answers together
//	queue    of a model call, from its arrival at the scheduler to its start there
//	session  its makespan without the time of people
//
// Quantiles are of the empirical distribution: the least value that a share q of
// the values does not exceed. A run's 99th percentile counts from 662 values on,
// with which the second largest lies above the true percentile with a confidence
// of 99 % (S. S. Wilks, Determination of sample sizes for setting tolerance
// limits, Annals of Mathematical Statistics 12(1), 1941).
//
// # Error, spread, verdict
//
//	real     mean over the real runs of the metric's statistic
//	error    simulated / real - 1
//	spread   (largest - smallest of the real runs) / real
//
// An error is within its bar, or within the spread of the real runs where that
// is larger, or outside. Bars are 5, 7 and 9 % for mean, p90 and p99 of E2E, 15 %
// for TTFT and 5 % for ITL. What has no bar is shown for the reader.
//
// The simulator's own step times are those of the profile. To tell an error of
// these from one of scheduling, each load is simulated a second time with a model
// fitted to the iterations of its own real runs: the error that is left then is
// not the profile's. It is shown and not judged.
//
// # Ranking
//
// Over several settings of the scheduler and of how long contexts are retained
// over tool calls, each on the same load, the simulator
// has to put in order what the real runs do. A pair of settings is separated
// when the difference of its means over the real runs exceeds the larger of the
// two ranges (largest - smallest). Tau is Kendall's over the separated pairs:
// concordant less discordant, over all of them; a simulated tie is neither.
//
// # What makes a run invalid
//
// Sessions and timers that are late did not offer the load: a real run whose
// lag's 99th percentile exceeds Config.MaxLag is invalid, and so is one in which
// a call failed. Both are said. Time that the hypervisor took (steal) and that
// other processes used is recorded, from /proc/stat and /proc/self/stat where
// there are such files.
package validate
