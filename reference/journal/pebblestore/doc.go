// Package pebblestore keeps journals in a folder on this machine, in Pebble, an
// embedded log-structured merge tree. It is a journal.Store.
//
// # A batch
//
// All that a batch changes is one Pebble batch: one record of the write-ahead
// log with one checksum, written and synced before Append returns. After a crash
// it is there whole or not at all (INV-J1). Sessions commit side by side, and
// Pebble syncs what they have written since the last sync together; one session
// commits one batch at a time, under a lock that covers the check of epoch and
// place, so that a takeover waits for the write before it (INV-J2, INV-J3).
//
// Pebble shows a batch to readers before it is synced. Readers of one session
// therefore wait for its write under way, and readers over all sessions for a
// sync after the moment they look at: nothing is read that can still be lost.
//
// # The folder
//
//	FORMAT    "tierlab journal 1": the number of the format described here; then
//	          "marks" and eight bytes in hexadecimal, drawn for this folder
//	data/     Pebble's files, among them LOCK, held by the process that has it open
//
// A folder with a higher number is refused (*journal.VersionError) and so is one
// that holds anything else; both are left as they are. A second process gets
// journal.ErrLocked.
//
// # Keys and values
//
// A key is one byte for its kind, then as follows; S is a session's name, 0 a
// zero byte, which no name holds. Numbers in keys are big-endian, in values
// little-endian; v marks a length of 1 to 10 bytes (unsigned LEB128).
//
//	h S                  head: u64 epoch, seq, first, snapshot; hash of seq; hash before
//	                     first; v owner; 0, or 1 and the summary
//	r S 0 u64 seq        record: u64 epoch; i64 ns since 1970; hash; v kind; body
//	s S 0 key            state: value
//	p S                  snapshot: u64 seq; body
//	m S 0 name           timer: i64 ns since 1970
//	t u64 ns^1<<63 S 0 name   the same timers in order of time: empty
//	o S 0 u64 id         message in the outbox: v to; body
//	a account            totals: i64 picodollars, steps, tokens, units spent; the same reserved
//
// Charges are merge operands, which Pebble adds up when it reads or compacts, so
// that sessions charge one account without a lock. The head is rewritten with
// each batch, its summary with it.
//
// # What is checked
//
// Pebble checks a checksum for every block of a table and every record of the
// log. Read checks each record's place and hash, and that the chain ends in the
// head's. Damage is a *journal.CorruptError.
//
// A log's end that cannot be read may be a write that a crash cut short. Whether
// it is follows from marks: each batch carries one in the log (28 bytes: the
// folder's eight, u64 the log's number, u64 how many of its bytes were durable
// when the batch was made, u32 CRC-32C), and Open refuses a log that is not
// readable up to its furthest mark. What is left is damage, after a crash, to the
// batches of the last sync, for which no later mark vouches: they are dropped as
// if they had been cut short. An orderly Close leaves nothing in the log.
//
// # A disk that fails
//
// Pebble ends the process, or panics where it cannot be caught, when its log or
// its manifest cannot be written or synced. So it writes through a layer (disk)
// that stops at the first error of any write: from then on nothing under the
// folder changes, whatever Pebble does, and every Append is
// *journal.UnavailableError. Reads go on, from a second, read-only view of the
// folder that ends where the last successful sync did. So nobody is shown what
// the failed write left in the machine's memory. What became of a batch that was
// under way is settled when the folder is opened again, after the cause is
// removed.
//
// # Memory
//
// A hibernated session costs no memory here beyond its share of the tables' index
// and filters in the cache. The store's own is the cache (16
// MiB), what is not in a table yet (16 MiB, up to four times that under load),
// and at most 256 open tables; at most two compactions run at once.
package pebblestore
