// Package jetstream keeps journals in a stream of NATS JetStream, replicated over
// as many servers as the stream has replicas. It also starts such a server in
// this process (Server), and tells the nodes of a stream of each other (Announce,
// Members), on which reference/session/placement builds.
//
// # The stream
//
// All journals are in one stream, named "journal" unless Config says otherwise,
// whose order all nodes agree on:
//
//	journal.<session>        what is written to a session: its owners, batches, bases
//	journal.<session>.base   parts of the session's base that are too large for one message
//	journal.<node>.pulse     barriers, which mark the log's end for strong reads
//	journal.<node>.member    announcements of nodes
//
// A message is one atomic write: a version byte, its kind, its fields and a CRC.
// Messages of a newer version are a *journal.VersionError.
//
// # The fence
//
// Every message of a session names the stream sequence of the session's message
// before it, and is published with that as Nats-Expected-Last-Subject-Sequence:
// JetStream takes it only if nothing has come in between. Own is such a message
// with a higher epoch, so that the next batch of an older owner expects a place
// that is taken, which its store finds to be ErrFenced, or ErrConflict under the
// same epoch. Views check epochs, places and the hash chain of everything once
// more; what does not fit is a *journal.CorruptError of that session.
//
// A write whose acknowledgement is lost is published again as it was. Whichever
// copy arrives first takes the place, and the other is refused; then the store
// looks whose message is there. So no batch is written twice, and ErrFenced and
// ErrConflict mean that nothing was or will be written. Where neither an
// acknowledgement nor a refusal comes within Config.Timeout, the outcome is not
// known and the error, a *journal.UnavailableError, says so. Head and Own of the
// same store then first take the place themselves, so that what they return is
// final.
//
// # Views and reads
//
// Every store keeps in memory what the stream adds up to, the view, by applying
// the messages in their order: heads, small values of states, timers, outboxes,
// sums, and the places of values above 1 KiB and of snapshots, which are fetched
// when they are asked for. Records are not kept. A session with an empty state
// takes about 1 KiB.
//
//	strong  The methods of Store. Each first writes a barrier, shared by all who
//	        ask at the time, and waits until the view has come to it: it returns
//	        everything that was acknowledged anywhere before it was called
//	        (linearizable), and costs a replicated write. A leader's word is not
//	        enough: one that is cut off answers for up to 10 s more.
//	local   The methods of Store.Local. They read the view as it stands, a prefix
//	        of the log, and never wait for another node. Freshness bounds its age.
//	owner   Append and Own read nothing: the expected sequence checks what the
//	        store remembers of the session.
//
// # Compaction
//
// Compact writes a base (all that the session's messages so far add up to) and
// then drops the messages before the one that holds the snapshot. Bases are read
// by nodes that start later. A copy that is behind may meet a gap in the stream
// where messages were dropped; what stands for them is behind it, and a strong
// read that sees a gap writes another barrier and waits for that.
//
// # Without a quorum
//
// While no more than half of the replicas answer, every write and strong read
// ends in a *journal.UnavailableError after Config.Timeout (15 s); it goes through
// within that time if a new leader is elected, which takes 4 to 9 s after the old
// one was lost, and well under 1 s after it was stopped (Server.Stop). A batch
// larger than the servers' max_payload (16 MiB for Server) is refused at once.
//
// One replica of three may be lost at a time, and the next once it has caught up.
// A leader that was cut off takes that long after it returns: the server (2.15)
// drops what it had taken in vain entry by entry, in up to some seconds each, so
// that a store has at most one write per session, one barrier and one
// announcement with it.
//
// # Reading guide
//
// codec.go is the format, write.go the fence, barrier.go and follow.go the strong
// reads, sessionview.go what messages add up to, base.go and compact.go the rest.
package jetstream
