// Package session runs agents as durable actors: the live driver of the
// decisions in reference/agent and reference/router.
//
// # An actor
//
// A session is an actor: one goroutine that takes one event at a time, hands it
// to the session's agent.Machine and carries out what that asks for. Everything
// that an event brought (an answer, a tool's result, an approval) is a record of
// the session's journal, so that the journal is at once the recovery log, the
// audit trail and the recording.
//
// # Gates
//
//	output  No effect that anyone can see (a model call, a tool call, a message,
//	        a notice, an answer to Read at Strong) is carried out before the
//	        records that it follows from are durable, the reservation of its
//	        price included. A Commit effect of the machine is such a write; the
//	        Committed that answers it is the one record that may still be pending
//	        when the effect after it starts.
//	input   While a write is under way the actor takes no other event.
//
// # After a crash
//
// The records are replayed into a fresh machine with their own times. What it
// then waits for is asked for again: timers are set anew, and a model call that
// may have been made is answered as lost (agent.Event with StatusLost), which
// charges its whole reservation and does not count as a failure; a tool call
// that may have been made goes by its class, tools.Repeat.
package session
