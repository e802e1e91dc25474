// Package journaltest is the conformance suite of journal.Store. A store's tests
// call Run, or RunOptions where it can also be reopened and crashed.
//
// # What is checked
//
//	own        epochs rise, heads are whole, sessions are made only when asked for
//	append     numbering and chain, heads, every error of a batch, which changes nothing
//	fence      a batch of any epoch but the latest is refused (INV-J2, INV-J3)
//	read       order, starting points, early ends, compaction and its anchor (INV-J4)
//	state      puts, lists, snapshots, summaries, values of megabytes (INV-J5)
//	timers     set, moved, cleared, due in order of time over all sessions (INV-J5)
//	outbox     sent and taken out, by sender and over all senders (INV-J5)
//	totals     sums of charges, exact under concurrency (INV-J5)
//	sessions   names in order, after a name, early ends
//	unknown    every method's answer for a session that is not there
//	keep       what a caller was handed, or has handed over, is not shared
//	contend    writers that take one session from each other, and writers that
//	           follow the same record: one order, no loss, no double (INV-J2, INV-J3)
//	property   random batches, owners, compactions, reopenings and crashes over
//	           several sessions, beside a model in memory (all of INV-J1 to J5)
//
// INV-J1 under a crash is checked by property if Options.Crash is given: nothing
// that was acknowledged is missing, and nothing else is there.
//
// The suite uses session names and accounts that begin with a prefix of its own
// and looks at no others, so that one store may serve all of it.
package journaltest
