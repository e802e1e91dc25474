package journal

import (
	"context"
	"time"
)

// Hash is a link of a session's chain.
type Hash [32]byte

// Entry is a record to be written.
type Entry struct {
	At   time.Time // wall clock, kept to the nanosecond
	Kind string    // the writer's; not empty
	Body []byte    // the writer's
}

// Record is an entry in its place.
type Record struct {
	Entry
	Seq   uint64 // from 1
	Epoch uint64 // of the owner that wrote it
	Hash  Hash
}

// Head says how far a session's journal has come.
type Head struct {
	Session  string
	Seq      uint64 // of the last record; 0: none
	Hash     Hash   // of the last record; hash(0) if there is none
	Epoch    uint64 // the latest; 0: nobody has owned it
	Owner    string // who took the latest epoch
	First    uint64 // the first record that is kept; later than 1 after Compact
	Snapshot uint64 // the record that the snapshot includes last; 0: there is none
	Summary  []byte // the latest Batch.Summary
}

// Batch is one atomic write to one session's journal. Check says what it may
// hold. Of two changes to one key or timer the later counts.
type Batch struct {
	Session string
	Epoch   uint64 // from Own
	After   uint64 // the last record's number, as the writer knows it
	Records []Entry
	// Puts change the session's state.
	Puts []Put
	// Timers set a timer by name, anew if it is there, or clear it (At zero).
	Timers []Timer
	// Sends enter the outbox, where they stay until a later batch names them in
	// Sent.
	Sends []Message
	Sent  []uint64
	// Charges are added to accounts' totals.
	Charges []Charge
	// Snapshot, if not nil, stands for all records up to this batch's last. It
	// replaces the one before. Summary, if not nil, replaces Head.Summary.
	Snapshot, Summary []byte
}

// Put sets a key of a session's state; a nil value deletes it.
type Put struct {
	Key   string
	Value []byte
}

// Timer wakes a session.
type Timer struct {
	Name string
	At   time.Time
}

// Due is a timer of some session.
type Due struct {
	Session string
	Timer
}

// Message is from one session to another. Its ID is the sender's number for it,
// rising, so that a receiver can drop what it has had.
type Message struct {
	From string // filled in by the store
	ID   uint64
	To   string
	Body []byte
}

// Charge is an amount added to an account, in whole units of the ledger's:
// picodollars, steps, tokens and compute units. Reserved and Spent may be
// negative (a reservation that is taken back).
type Charge struct {
	Account         string
	Spent, Reserved Amount
}

// Amount is what an account counts.
type Amount struct {
	PicoUSD, Steps, Tokens, Units int64
}

// Totals are an account's sums.
type Totals struct {
	Spent, Reserved Amount
}

// Store keeps journals. Its methods may be called by many goroutines; batches of
// one session are written one at a time by their owner. Errors can be told by
// errors.Is and errors.As: ErrUnknown, ErrFenced, ErrConflict, ErrLocked,
// *CorruptError, *VersionError, *UnavailableError.
//
// Every method that names a session answers ErrUnknown if it is not there, and
// no read returns what is not durable. A function that is handed what was found
// is called without a lock held, may call the store, may keep what it is handed,
// and ends the iteration by an error; ErrStop ends it without one.
type Store interface {
	// Own makes the caller the session's owner under a new epoch. A session that
	// is not there is created if create is set, and is ErrUnknown otherwise.
	Own(ctx context.Context, session, owner string, create bool) (Head, error)
	// Append writes a batch and returns when it is durable. After an error other
	// than ErrFenced and ErrConflict it is not known whether it was written; the
	// owner has to ask Head, or Own again.
	Append(ctx context.Context, b *Batch) (Head, error)
	Head(ctx context.Context, session string) (Head, error)
	// Read calls each with the records after a number, in order, and checks
	// their chain. Records that were compacted away are an error.
	Read(ctx context.Context, session string, after uint64, each func(Record) error) error
	// Snapshot is the latest snapshot and the record it includes last.
	Snapshot(ctx context.Context, session string) (body []byte, seq uint64, err error)
	// Get is one key of a session's state, nil if it is not set.
	Get(ctx context.Context, session, key string) ([]byte, error)
	// List calls each with the keys that begin with prefix, in order.
	List(ctx context.Context, session, prefix string, each func(Put) error) error
	// Due calls each with the timers set for no later than until, in order of time.
	Due(ctx context.Context, until time.Time, each func(Due) error) error
	// Outbox calls each with the messages that no batch has named in Sent. An
	// empty session asks for those of all.
	Outbox(ctx context.Context, session string, each func(Message) error) error
	// Totals are an account's sums; zero for one that was never charged.
	Totals(ctx context.Context, account string) (Totals, error)
	// Sessions calls each with the heads of sessions whose name is after a name,
	// in order of name, until each returns an error; ErrStop ends without one.
	Sessions(ctx context.Context, after string, each func(Head) error) error
	// Compact drops the records that the session's snapshot includes, and keeps
	// the hash before the first that stays.
	Compact(ctx context.Context, session string, epoch uint64) error
	// Close waits for writes under way.
	Close() error
}
