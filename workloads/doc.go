// Package workloads holds recorded and generated agent workloads: one record
// format for what a replay reads and for what it writes.
package workloads
