package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"tierlab/reference/journal"
)

// unreadable says that something stored makes no sense, or that the disk does
// not give it out.
func unreadable(session string, seq uint64, what string, err error) error {
	var system syscall.Errno
	if errors.As(err, &system) {
		return fmt.Errorf("journal: session %q: record %d: %s cannot be read: %w", session, seq, what, err)
	}
	reason, _, _ := strings.Cut(err.Error(), "\n") // below it, Pebble's errors carry where they were made
	return &journal.CorruptError{Session: session, Seq: seq, Problem: what + " cannot be read: " + reason}
}

// ended is a caller's error as the iteration returns it.
func ended(err error) error {
	if errors.Is(err, journal.ErrStop) {
		return nil
	}
	return err
}

// session reads something of one session at one moment, with its head.
func (s *Store) session(ctx context.Context, session string, take func(db *database, h *head) (*pebble.Iterator, error)) (*database, *pebble.Iterator, error) {
	if err := journal.CheckSession(session); err != nil {
		return nil, nil, err
	}
	return s.reading(ctx, session, func(db *database) (*pebble.Iterator, error) {
		h, err := readHead(db, session)
		if err != nil {
			return nil, err
		}
		return take(db, &h)
	})
}

// each calls back for all that lies under a prefix, as of one moment.
func (s *Store) each(ctx context.Context, session string, low, high []byte, one func(it *pebble.Iterator) error) (err error) {
	open := func(db *database) (*pebble.Iterator, error) {
		return db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	}
	var db *database
	var it *pebble.Iterator
	if session == "" {
		db, it, err = s.reading(ctx, "", open)
	} else {
		db, it, err = s.session(ctx, session, func(db *database, _ *head) (*pebble.Iterator, error) { return open(db) })
	}
	if err != nil {
		return err
	}
	defer s.release(db)
	defer it.Close() // whose error is Error's
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := one(it); err != nil {
			return ended(err)
		}
	}
	if err := it.Error(); err != nil {
		return unreadable(session, 0, "something stored", err)
	}
	return nil
}

// Head says how far a session's journal has come.
func (s *Store) Head(ctx context.Context, session string) (found journal.Head, err error) {
	db, _, err := s.session(ctx, session, func(_ *database, h *head) (*pebble.Iterator, error) {
		found = h.Head
		return nil, nil
	})
	if err != nil {
		return journal.Head{}, err
	}
	s.release(db)
	return found, nil
}

// Read calls each with a session's records, whose chain it checks up to the head.
func (s *Store) Read(ctx context.Context, session string, after uint64, each func(journal.Record) error) error {
	var h head
	var from journal.Hash
	db, it, err := s.session(ctx, session, func(db *database, now *head) (*pebble.Iterator, error) {
		h = *now
		if after+1 < h.First {
			return nil, fmt.Errorf("journal: session %q: records up to %d were compacted away, and those after %d are asked for: begin with the snapshot", session, h.First-1, after)
		}
		if after >= h.Seq {
			return nil, nil
		}
		var err error
		if from, err = hashOf(db, &h, after); err != nil {
			return nil, err
		}
		return db.NewIter(&pebble.IterOptions{LowerBound: appendRecordKey(nil, session, after+1), UpperBound: appendRecordKey(nil, session, h.Seq+1)})
	})
	if err != nil {
		return err
	}
	defer s.release(db)
	if it == nil {
		return nil
	}
	defer it.Close() // whose error is Error's
	return readChain(ctx, it, &h, after, from, each)
}

// hashOf is the hash of a record that is kept, or of the one before the first.
func hashOf(db pebble.Reader, h *head, seq uint64) (journal.Hash, error) {
	if seq == h.First-1 {
		return h.anchor, nil
	}
	v, closer, err := db.Get(appendRecordKey(nil, h.Session, seq))
	if err != nil {
		return journal.Hash{}, unreadable(h.Session, seq, "it", err)
	}
	r, err := parseRecord(v, "")
	if err := errors.Join(err, closer.Close()); err != nil {
		return journal.Hash{}, unreadable(h.Session, seq, "it", err)
	}
	return r.Hash, nil
}

// readChain hands on records that follow a hash, up to the head.
func readChain(ctx context.Context, it *pebble.Iterator, h *head, seq uint64, hash journal.Hash, each func(journal.Record) error) error {
	kind := ""
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		seq++
		if _, n, ok := parseNumbered(it.Key()); !ok || n != seq {
			return &journal.CorruptError{Session: h.Session, Seq: seq, Problem: fmt.Sprintf("it is missing, and record %d follows", n)}
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return unreadable(h.Session, seq, "it", err)
		}
		r, err := parseRecord(v, kind)
		if err != nil {
			return unreadable(h.Session, seq, "it", err)
		}
		if hash = hash.Next(seq, r.Epoch, &r.Entry); hash != r.Hash {
			return &journal.CorruptError{Session: h.Session, Seq: seq, Problem: "its hash does not follow from its content and the record before"}
		}
		r.Seq, kind = seq, r.Kind
		if err := each(r); err != nil {
			return ended(err)
		}
	}
	if err := it.Error(); err != nil {
		return unreadable(h.Session, seq+1, "it", err)
	}
	if seq != h.Seq {
		return &journal.CorruptError{Session: h.Session, Seq: seq + 1, Problem: fmt.Sprintf("it is missing, and the last is %d", h.Seq)}
	}
	if hash != h.Hash {
		return &journal.CorruptError{Session: h.Session, Seq: seq, Problem: "its hash is not the head's"}
	}
	return nil
}

// value reads one value, nil if it is not there.
func (s *Store) value(ctx context.Context, session string, key []byte, keep func(v []byte) error) error {
	db, _, err := s.session(ctx, session, func(db *database, _ *head) (*pebble.Iterator, error) {
		return nil, get(db, key, keep)
	})
	if err != nil {
		return err
	}
	s.release(db)
	return nil
}

// get hands a value that is there to keep.
func get(db pebble.Reader, key []byte, keep func(v []byte) error) error {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return unreadable("", 0, fmt.Sprintf("%q", key), err)
	}
	return errors.Join(keep(v), closer.Close())
}

// Snapshot is the latest snapshot and the record it includes last.
func (s *Store) Snapshot(ctx context.Context, session string) (body []byte, seq uint64, err error) {
	err = s.value(ctx, session, appendSnapshotKey(nil, session), func(v []byte) (err error) {
		if body, seq, err = parseSnapshot(v); err != nil {
			return unreadable(session, 0, "its snapshot", err)
		}
		return nil
	})
	return body, seq, err
}

// Get is one key of a session's state.
func (s *Store) Get(ctx context.Context, session, key string) (value []byte, err error) {
	err = s.value(ctx, session, appendStateKey(nil, session, key), func(v []byte) error {
		value = append([]byte{}, v...)
		return nil
	})
	return value, err
}

// List calls each with the keys that begin with prefix, in order.
func (s *Store) List(ctx context.Context, session, prefix string, each func(journal.Put) error) error {
	low := appendStateKey(nil, session, prefix)
	skip := len(low) - len(prefix)
	return s.each(ctx, session, low, after(low), func(it *pebble.Iterator) error {
		v, err := it.ValueAndErr()
		if err != nil {
			return unreadable(session, 0, fmt.Sprintf("key %q", it.Key()[skip:]), err)
		}
		return each(journal.Put{Key: string(it.Key()[skip:]), Value: append([]byte{}, v...)})
	})
}

// Due calls each with the timers set for no later than until.
func (s *Store) Due(ctx context.Context, until time.Time, each func(journal.Due) error) error {
	last := nanoseconds(until)
	high := after(appendDueKey(nil, last, "", "")[:9])
	if last == math.MaxInt64 {
		high = []byte{dueKey + 1}
	}
	return s.each(ctx, "", []byte{dueKey}, high, func(it *pebble.Iterator) error {
		ns, session, name, ok := parseDueKey(it.Key())
		if !ok {
			return unreadable("", 0, fmt.Sprintf("timer %q", it.Key()), errShort)
		}
		return each(journal.Due{Session: session, Timer: journal.Timer{Name: name, At: time.Unix(0, ns).UTC()}})
	})
}

// Outbox calls each with the messages that no batch has named in Sent.
func (s *Store) Outbox(ctx context.Context, session string, each func(journal.Message) error) error {
	low := []byte{outboxKey}
	if session != "" {
		low = appendSessionKey(nil, outboxKey, session)
	}
	return s.each(ctx, session, low, after(low), func(it *pebble.Iterator) error {
		from, id, ok := parseNumbered(it.Key())
		v, err := it.ValueAndErr()
		if err == nil && !ok {
			err = errShort
		}
		var m journal.Message
		if err == nil {
			m, err = parseMessage(v)
		}
		if err != nil {
			return unreadable(from, 0, fmt.Sprintf("message %d", id), err)
		}
		m.From, m.ID = from, id
		return each(m)
	})
}

// Totals are an account's sums.
func (s *Store) Totals(ctx context.Context, account string) (sum journal.Totals, err error) {
	db, _, err := s.reading(ctx, "", func(db *database) (*pebble.Iterator, error) {
		sum = journal.Totals{}
		return nil, get(db, appendAccountKey(nil, account), func(v []byte) (err error) {
			if sum, err = parseTotals(v); err != nil {
				return unreadable("", 0, fmt.Sprintf("account %q", account), err)
			}
			return nil
		})
	})
	if err != nil {
		return journal.Totals{}, err
	}
	s.release(db)
	return sum, nil
}

// Sessions calls each with the heads of sessions whose name is after a name.
func (s *Store) Sessions(ctx context.Context, last string, each func(journal.Head) error) error {
	low := []byte{headKey}
	if last != "" {
		low = append(appendHeadKey(nil, last), end)
	}
	return s.each(ctx, "", low, []byte{headKey + 1}, func(it *pebble.Iterator) error {
		session := string(it.Key()[1:])
		v, err := it.ValueAndErr()
		if err != nil {
			return unreadable(session, 0, "its head", err)
		}
		h, err := parseHead(session, v)
		if err != nil {
			return unreadable(session, 0, "its head", err)
		}
		return each(h.Head)
	})
}
