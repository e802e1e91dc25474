// Package ledger meters what sessions use and holds tenants to their budgets:
// reserve before an effect, settle after it.
//
// # Accounts
//
// What is counted is a journal.Amount: picodollars, steps, tokens and compute
// units. It is counted in three accounts at once:
//
//	session/ID          one session, from its start on
//	tenant/NAME         all sessions of a tenant (a session without one belongs to tenant "default")
//	tenant/NAME/DAY     the same within one UTC day, as of the reservation
//	overrun/ACCOUNT     by how much settlements exceeded their reservations
//
// NAME is escaped as in a URL's query, so that no tenant can be named like
// another one's day.
//
// # The order of calls
//
//	h, err := l.Reserve(now, request)        all accounts, or none and an error
//	batch.Charges += l.Reservation(h)        in the write of the event that the effect follows from
//	store.Append(batch)                      refused for certain: l.Drop(h)
//	... the effect ...
//	batch.Charges += l.Settle(h, spent)      in the write of the event that says how it ended
//	store.Append(batch)
//	l.Settled(h, spent)                      only now others may use what is left over
//
// The hold is a plain value that lies in the journal with the event it was made
// for. Whoever wakes the session settles it, in whatever process.
//
// # What the ledger promises
//
//	INV-L1  For every account with a limit: spent + reserved <= limit + overrun,
//	        in memory and in the store, at every moment and after any crash. The
//	        overrun is 0 when nothing costs more than was reserved for it.
//	INV-L2  In memory, an account's spent + reserved is never below the store's: a
//	        reservation counts from before its write begins, what is left over
//	        is free from when the settlement's write has ended.
//	INV-L3  A reservation enters all its accounts or none.
//	INV-L4  An account's totals are the sum of the charges that were written.
//	INV-L5  A hold is settled once: Settle after Settled charges nothing.
//	INV-L6  After Kill has returned, Reserve refuses what it named.
//
// A reservation whose session's process died stays until the session is woken
// and settles it, which is why a crash cannot win budget back. A hold that is
// given back entirely is settled with the zero Amount. A hold keeps the day on
// which it was made: what is settled after midnight counts for the day before.
//
// All arithmetic is in whole numbers. Prices are rounded up to picodollars
// (Pico). No account holds more than 2^63-1 of anything, which is 9.2 million
// dollars: beyond it Reserve refuses, and a settlement is cut to fit.
//
// # Several nodes
//
// A Ledger belongs to one process. Where several own sessions over one replicated
// store, each is given a part of every tenant's limits (Config.Node and Nodes),
// counts in accounts of its own (tenant/NAME@NODE), and the parts sum to no more
// than the whole. A session's own account goes with its owner; an actor that loses
// or hibernates a session says so by Forget.
//
// # Switches
//
// A session, a tenant or a tool is stopped by Kill and goes on after Revive. The
// switches are the records of a journal of their own, SwitchSession, which is
// their audit trail: what, why, who, when. Reserve looks at them before every
// effect; what is under way ends by itself or by its session's own Kill.
//
// # Loops
//
// Loops watches one session's tool calls for repetition without progress. It is
// a pure function of what it was shown, and so the same after a replay.
//
// # Bills
//
// A Meter reads off outcomes what a session used (Use), and a Catalogue's books say
// what that costs under steps, actions, sessions, tokens, neurons or compute time
// (configs/books.yaml; token prices are the topology's). Bill is a pure function, the
// same for simulated and live runs. A compute unit, Amount.Units, is a neuron: a
// measure of inference that does not run while a session waits; Catalogue.Neurons
// counts them.
//
// # Reading guide
//
// ledger.go and settle.go are reserve and settle, switch.go the switches, loop.go
// the detector; property_test.go runs them against random crashes. use.go and bill.go
// are the bills.
package ledger
