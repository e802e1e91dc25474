// Package engine runs a model: it drives the scheduler's plans through a
// backend and hands each request its tokens.
package engine
