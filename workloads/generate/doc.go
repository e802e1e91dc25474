// Package generate makes agent workloads whose statistics follow published
// ones, and fits a profile to a recording.
//
// # Profiles
//
// A Profile (YAML) describes a population of sessions; the built-in ones are
// in configs/profiles. Its sources say where its figures come from, and its
// published figures, each with a tolerance, are what a test compares some
// hundreds of generated sessions with. Keys end in the unit: _s is seconds,
// _tokens, _bytes and _share speak for themselves.
//
// # Distributions
//
// A Dist names a family and states figures that publications give. All
// families may add zero (the probability of exactly 0), shift (added), min and
// max (clamp; max is the tail's end in a spliced law).
//
//	constant           value
//	uniform            min, max
//	lognormal          p50, and p90 or mean
//	gamma              mean, cv: shape 1/cv^2
//	exponential        mean
//	poisson            mean
//	negative_binomial  mean, cv: size mean^2/((cv mean)^2 - mean)
//	discrete           values, weights
//	spliced            p50, p90, tail_share, and tail_total or tail_alpha
//
// A spliced law is a lognormal body with a Pareto tail: the largest tail_share
// of the values hold tail_total of the sum. splicedLaw has the derivation.
//
// # A session
//
// A session has a number of steps in all and consists of turns. Between turns
// a person thinks (a gap of cause human). A step's kind is drawn in two
// stages: whether it is simple, with probability simple_share wherever the
// step stands, and then by weight among the kinds of that class whose role
// fits the place.
//
//	loop    keeps the session's context, adds the results of the last tools,
//	        and calls tools, in parallel where it calls several
//	answer  keeps the session's context, ends the turn, calls no tools
//	aside   has a small context of its own (a page to summarize, a message to
//	        classify); its answer is added to the session's next prompt. Only
//	        asides carry private data, so a private step fits a device
//
// The context of a session starts at the profile's prefix (prefixes nest, and
// the last of a chain may have copies, of which the k-th has weight 1/k) and
// grows. When a prompt would exceed compact_at_tokens, a step of kind compact
// sums it up, and the next prompt is prefix, summary and what was to be added;
// with truncate there is no such step, and the next prompt is cut down.
//
// With agents.probability a loop step delegates instead of calling tools: one
// tool call per sub-agent, all in parallel, each with a chain of steps from the
// agents' prefix. The parent waits for the reports or, with probability resume,
// goes on at once and joins them in the turn's answer. The steps of sub-agents
// and compactions count as the session's.
//
// The durations of tool calls follow one pooled law, which is what
// publications state; a call's name is then drawn by Bayes' rule from the
// tools' own laws (nameTool).
//
// Arrivals are a renewal process with gamma distributed gaps; cv above 1 makes
// bursts. They are stored, so a replay may keep or replace them. An origin is
// given only where the profile says so.
//
// # Determinism
//
// Every quantity is one keyed draw through an inverse distribution, under the
// key (seed, profile, session number, step number, what). The same profile,
// seed and number of sessions give the same bytes, and n sessions are the
// first n of any larger workload.
//
// # Fitting
//
// Fit reads a recording and states each quantity's law by maximum likelihood,
// chosen among candidate families by the Akaike criterion, with the
// Kolmogorov-Smirnov distance and quantiles of both as goodness of fit.
package generate
