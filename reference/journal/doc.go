// Package journal keeps what happens to sessions: an append-only log for each
// of them, written by one owner at a time, with the state, timers, messages and
// charges that follow from its records in the same atomic write.
//
// # What a store promises
//
//	INV-J1  What Append has acknowledged is there after any crash, whole: all of
//	        a batch or nothing of it.
//	INV-J2  A session's records are numbered 1, 2, 3 ... without gaps. A batch is
//	        taken only if it follows the last record (Batch.After) and its epoch
//	        is the session's latest.
//	INV-J3  Epochs rise: Own hands out one above all before. Once it has returned,
//	        no batch of an earlier epoch is taken (ErrFenced), wherever its writer
//	        runs and whatever it believes.
//	INV-J4  A record's hash is SHA-256 over the hash before it, its number, epoch,
//	        time, kind and body; Read checks the chain, and a record that does not
//	        fit is a *CorruptError that names it, never a shorter log.
//	INV-J5  Timers, messages in the outbox, state and totals are exactly what the
//	        acknowledged batches say.
//
// A store that can no longer write (a full disk, a lost quorum) says so in every
// Append from then on and keeps serving reads; it does not end the process.
//
// # The chain
//
//	hash(n) = SHA-256( hash(n-1) | u64 seq | u64 epoch | i64 unix ns | u32 len(kind) | kind | u32 len(body) | body )
//
// with little-endian numbers and hash(0) = SHA-256("tierlab/journal/1" | session).
//
// # Reading guide
//
// journal.go is the interface; package pebblestore keeps journals in a folder on
// this machine, package jetstream in a replicated NATS stream, and both pass
// journaltest.
package journal
