// Package exporters writes workloads in formats that other tools read.
//
// No other format holds all that a record holds. An exporter says, with
// counts, what it dropped; importing its output again gives a workload that
// keeps the rest: the same calls with the same tokens, due at the same times
// when every call takes as long as recorded.
//
// Formats that state times rather than causes get the times of a replay in
// which every model call takes its recorded_ms, or no time where that is
// unknown, and every tool call its duration.
package exporters
