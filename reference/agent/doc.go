// Package agent decides what a session does next.
package agent
