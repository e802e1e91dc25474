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
//	calls, tools, timers,      record           effects
//	people, other sessions --> (batch) --> life ------> gate --> router, Caller, Tools
//	        mailbox               |     (machine,        |
//	                              +--- conversation, ----+--> Store.Append, then notices
//	                                      state)
//
// What the records determine is a life. The actor applies what it writes to it,
// a replay applies what it reads, by the same code: Rebuild, Wake, Branch and
// Export all begin with a replay.
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
// The records of a turn go into one Append with the state that tools wrote, the
// messages that they sent, and the ledger's charges. A step takes two: one
// with the decision and its reservation before the model call, one with the
// answer before its tools. Attempts after a step's first, hedges among them,
// and tool calls that cost are written down (started) before they begin.
//
// While a store cannot write (*journal.UnavailableError) the session stands
// still: it tries again for Config.Patience and then ends here with that error.
// A session whose owner is another by now (journal.ErrFenced) ends here at once,
// and those who wait are told who has it (*OwnedError).
//
// # Records
//
// A record is a kind and a JSON body; its time, less that of the first record, is
// the machine's time and never goes back. s, a and t number steps from 0,
// attempts from 1 and tool calls from 0; times in bodies are in ns.
//
//	created         the Spec, and all that a machine needs to live it again: the
//	                configuration, the key of its draws, its home, its origin
//	arrived         the session begins
//	routed          a decision, and the ledger's hold. Sites and models are
//	                numbered in the order in which the session met them, and
//	                named where they come up first: no topology is needed to read on
//	committed       what the machine asked to store is durable
//	started         what is reserved for a further attempt, or for a tool call
//	first_token     of an attempt that a hedge depends on
//	attempt         how an attempt ended: status, times, tokens, price, the
//	                answer's message or the error; next is the length of the next
//	                prompt, where one follows without tool calls
//	validated       the validator's verdict
//	tool            how a tool call ended: result, error, price, writes, messages
//	                sent (m) or had; next is the length of the next step's prompt
//	timer           a timer of the machine's has fired
//	approval_asked  a tool call waits for a person
//	approval        what that person said, and why
//	said            a person's message
//	message         another session's, with the sender's number for it
//	refused         a message of this session's that its receiver has not taken
//	killed          the end by a person, a switch, or a loop that was found
//	moved           a quiet point: nothing asked for is under way
//	ended           the status, and the machine's digest, which a replay checks
//
// A body of a newer version ("v" above 1; 1 is not written) and a kind that is
// not listed are errors that name the record; nothing is skipped, and no record is
// added to such a journal.
//
// A snapshot (snapshot.go) is the records up to one of them in one piece. It is
// made every Config.Snapshot records, so that Store.Compact can drop the records
// before it; the chain of hashes then begins after it.
//
// # After a crash
//
// The records are replayed into a fresh machine with their own times. What it
// then waits for is asked for again: timers are set anew, and a model call that
// may have been made is answered as lost (agent.Event with StatusLost), which
// charges its whole reservation and does not count as a failure. A tool call
// that may have been made goes by its class: Pure and Keyed ones are made again
// with the same key, of a Once the outcome is reported as unknown. After a moved
// record, under the next epoch, nothing has been begun, and all is simply done.
// Where the clock of the process before was ahead, time goes on from its last record.
//
// # Open sessions
//
// The steps of a session without Spec.Recorded follow from its model's answers.
// Tool calls of one answer run in parallel, each on the state as of its start,
// and what they write becomes durable with their end: of two that write one key
// the later to finish wins. Calls of a tool that works on the state
// (tools.Tool.Serial) take turns in the order of the answer. Arguments that are
// no JSON, an unknown tool, a refusal and a failure are results that the model
// reads; whether it tries again is its own decision. An answer without tool calls
// is the last, unless a person has said something meanwhile: that is another
// step. Where answers are validated, it is the last all the same.
//
// The ledger's detector watches a step's calls in the order in which they were
// asked for: the model is warned of a loop before its next step, then the session
// is killed.
//
// # Money
//
// The router's bound on an attempt's price, its tokens, its compute units and one
// step are reserved before it, and settled with the record of its end: tokens and bytes at the
// site's prices. A call that was called off, or timed out, without word of what
// it had used has cost its bound. Where the ledger has no room now but will have
// when others settle, the step waits; otherwise the decision is one for nowhere,
// for the reason router.RuleBudget.
//
// # Where data may go
//
// Spec.Data holds for all that a session does. The router keeps its model calls
// to the device, or to sites of the regions. A tool that carries what it is given
// elsewhere (tools.Tool.Outward: http_fetch, and the tools of MCP servers that
// the operator has not called local) is refused when the session is created, and
// at each call, those of code included. A message goes to a session whose rules
// are as strict; others refuse it. The journal is where its operator puts it.
//
// # Messages
//
// Messages lie in the sender's outbox until the receiver has made them durable.
// Who owns the receiver fetches them, and drops those that it has had by the
// sender's number: each takes effect once, one sender's in their order. What
// exceeds the receiver's Inbox is refused to the sender, whose model reads why
// before its next step.
//
// # Rest
//
// A session that waits for nothing but a timer, a message or a person hibernates
// after Config.Hibernate: it has no goroutine and no memory then, only its
// journal and in it the earliest of its timers. A runtime asks the store for due
// timers when the next of them is, and every Config.Watchdog for those that
// others have left; another owner's are taken over when they are Overdue.
//
// # Reads
//
// Strong goes through the actor's mailbox and asks the store whether the session
// is still its own; without an actor here it reads the journal. Bounded and
// Eventual return the runtime's latest copy, with its age.
//
// # Reading guide
//
// session.go is the contract, record.go the records, life.go and program.go what
// follows from them; actor.go, flush.go and load.go drive them; route.go, call.go,
// toolcall.go and meter.go carry effects out; watchdog.go, courier.go, leave.go
// and read.go are the runtime around the actors; replay.go, branch.go and
// export.go work on a store alone.
package session
