// Package child is the inside of a sandbox's child process: it takes programs
// from the pool, one at a time, and runs each in an instance of its own. The
// protocol is package border's.
package child
