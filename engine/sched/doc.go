// Package sched decides what an engine computes next.
package sched
