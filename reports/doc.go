// Package reports turns the outcomes of a run into what a person or a machine
// decides by: a summary with intervals, a winner per goal or none, figures,
// histograms, comparisons.
//
// # From outcomes to a report
//
// A Collector is the workloads.Sink of one replication of one policy. It keeps
// integer sums and HdrHistograms (microseconds up to a day, three significant
// digits) and becomes a Point, a few kilobytes. Only measured sessions count:
// those that arrived inside the measured window; a step's outcome carries the
// mark of its session. FromRecords builds the same Point from a run's file.
// Points of one policy pool by Merge; every sum is of integers, so the result
// does not depend on the order in which events happened or replications
// finished. New takes the points of all policies and replications and makes
// the Report, which writes itself.
//
// # Statistics
//
// A replication is one sample: within it, sessions share queues and are not
// independent. So every interval is a Student t interval over the
// replications' own values, and the figure shown with it is their mean; pooled
// percentiles, from the merged histograms, stand apart. Policies meet the same
// sessions, arrivals and luck in the same replication (common random numbers),
// so two policies are compared by the differences of their values within each
// replication.
//
// A goal is a measure and a direction, such as the median active makespan, low.
// For each goal all pairs of policies are tested (paired t, two-sided) and the
// p-values corrected by Holm's method over all pairs; testing all pairs, not
// only those of the best, is what makes it right to look at the data for who
// is best. A policy wins when it is better than every other one at 5 %, and
// otherwise nobody does. The oracle, which knows the future, takes no part;
// regret is the paired difference to it, and may be negative since it is
// greedy. With one replication there is no interval and no winner.
//
// Whether a task is resolved is an estimate of the quality model unless a
// check produced it; reports say which.
//
// # Files
//
// Write makes summary.json (Summary, versioned by its schema), summary.txt,
// summary.md, report.html (self-contained), figures/ as SVG and PNG,
// histograms/POLICY/METRIC.hgrm (pooled, milliseconds) and .hlog (one interval
// a replication, microseconds), and points.jsonl (one Point a line), from which
// ReadPoints and New make the same report again, also together with the points
// of other replications. Compare sets two summaries against each other and
// checks Thresholds.
//
// # Determinism
//
// The same points give the same bytes. No time of day is in any file.
package reports
