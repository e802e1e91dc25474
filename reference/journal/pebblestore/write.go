package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"tierlab/reference/journal"
)

// readHead is a session's head.
func readHead(db pebble.Reader, session string) (head, error) {
	var key [1 + 128]byte
	v, closer, err := db.Get(appendHeadKey(key[:0], session))
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			return head{}, fmt.Errorf("%w: %q", journal.ErrUnknown, session)
		}
		return head{}, unreadable(session, 0, "its head", err)
	}
	h, err := parseHead(session, v)
	if err2 := closer.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return head{}, unreadable(session, 0, "its head", err)
	}
	return h, nil
}

// Own makes the caller the session's owner.
func (s *Store) Own(ctx context.Context, session, owner string, create bool) (journal.Head, error) {
	if err := journal.CheckSession(session); err != nil {
		return journal.Head{}, err
	}
	if len(owner) > journal.MaxName {
		return journal.Head{}, fmt.Errorf("journal: session %q: its owner's name has %d bytes, and may have %d", session, len(owner), journal.MaxName)
	}
	return s.write(ctx, session, func(db *database, b *pebble.Batch) (head, error) {
		h, err := readHead(db, session)
		if errors.Is(err, journal.ErrUnknown) && create {
			root := journal.Root(session)
			h, err = head{Head: journal.Head{Session: session, Hash: root, First: 1}, anchor: root}, nil
		}
		if err != nil {
			return head{}, err
		}
		h.Epoch++
		h.Owner = owner
		return h, setHead(b, &h)
	})
}

// Append writes a batch.
func (s *Store) Append(ctx context.Context, b *journal.Batch) (journal.Head, error) {
	if err := b.Check(); err != nil {
		return journal.Head{}, err
	}
	return s.write(ctx, b.Session, func(db *database, out *pebble.Batch) (head, error) {
		h, err := owned(db, b.Session, b.Epoch)
		if err != nil {
			return head{}, err
		}
		if b.After != h.Seq {
			return head{}, fmt.Errorf("%w: session %q: the batch follows record %d, and the last is %d", journal.ErrConflict, b.Session, b.After, h.Seq)
		}
		return h, encode(db, out, &h, b)
	})
}

// owned is the head of a session whose latest epoch is the caller's.
func owned(db *database, session string, epoch uint64) (head, error) {
	h, err := readHead(db, session)
	if err == nil && epoch != h.Epoch {
		err = fmt.Errorf("%w: session %q: the writer's epoch is %d, and the latest is %d, of %q", journal.ErrFenced, session, epoch, h.Epoch, h.Owner)
	}
	return h, err
}

// Compact drops the records that the snapshot includes, one by one: a range
// deletion for each of many sessions would weigh on every read.
func (s *Store) Compact(ctx context.Context, session string, epoch uint64) error {
	if err := journal.CheckSession(session); err != nil {
		return err
	}
	_, err := s.write(ctx, session, func(db *database, b *pebble.Batch) (head, error) {
		h, err := owned(db, session, epoch)
		if err != nil || h.Snapshot < h.First {
			return h, err
		}
		key := make([]byte, 0, 160)
		v, closer, err := db.Get(appendRecordKey(key, session, h.Snapshot))
		if err != nil {
			return head{}, unreadable(session, h.Snapshot, "it", err)
		}
		r, err := parseRecord(v, "")
		if err := errors.Join(err, closer.Close()); err != nil {
			return head{}, unreadable(session, h.Snapshot, "it", err)
		}
		for ; h.First <= h.Snapshot; h.First++ {
			if err := b.Delete(appendRecordKey(key, session, h.First), nil); err != nil {
				return head{}, err
			}
		}
		h.anchor = r.Hash
		return h, setHead(b, &h)
	})
	return err
}

// write lets fill make one durable change to a session. Nothing is written if
// fill leaves the batch empty.
func (s *Store) write(ctx context.Context, session string, fill func(*database, *pebble.Batch) (head, error)) (journal.Head, error) {
	db, err := s.acquireWriter(ctx)
	if err != nil {
		return journal.Head{}, err
	}
	defer s.release(db)
	k := s.sessions.get(session)
	defer s.sessions.put(session, k)
	k.Lock()
	defer k.Unlock()
	b := db.NewBatch()
	defer b.Close() // whose only error is of a batch closed twice
	h, err := fill(db, b)
	if err != nil {
		return journal.Head{}, err
	}
	if !b.Empty() {
		s.writing.Add(1)
		err = s.commit(b)
		s.writing.Add(-1)
	}
	if failure := s.disk.failure(); failure != nil {
		return journal.Head{}, failure
	}
	if err != nil {
		s.disk.freeze(err)
		return journal.Head{}, s.disk.failure()
	}
	return h.Head, nil
}

// commit makes a batch durable, with a mark beside it in the log.
func (s *Store) commit(b *pebble.Batch) error {
	if log := s.disk.log.Load(); log != nil {
		var mark [markSize]byte
		if err := b.LogData(appendMark(mark[:0], s.marks, log.log, uint64(log.synced.Load())), nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

func setHead(out *pebble.Batch, h *head) error {
	op := out.SetDeferred(1+len(h.Session), headBytes(h))
	appendHeadKey(op.Key[:0], h.Session)
	appendHead(op.Value[:0], h)
	return op.Finish()
}

// encode puts all of a batch into Pebble's, and moves the head.
func encode(db *database, out *pebble.Batch, h *head, b *journal.Batch) error {
	if len(b.Records)+len(b.Puts)+len(b.Timers)+len(b.Sends)+len(b.Sent)+len(b.Charges) == 0 && b.Snapshot == nil && b.Summary == nil {
		return nil
	}
	name := len(b.Session)
	for i := range b.Records {
		e := &b.Records[i]
		h.Seq++
		h.Hash = h.Hash.Next(h.Seq, h.Epoch, e)
		op := out.SetDeferred(name+10, recordBytes(e))
		appendRecordKey(op.Key[:0], b.Session, h.Seq)
		appendRecord(op.Value[:0], h.Epoch, &h.Hash, e)
		if err := op.Finish(); err != nil {
			return err
		}
	}
	for i := range b.Puts {
		if err := put(out, b.Session, &b.Puts[i]); err != nil {
			return err
		}
	}
	if err := setTimers(db, out, b); err != nil {
		return err
	}
	if err := setOutbox(out, b); err != nil {
		return err
	}
	for i := range b.Charges {
		c := &b.Charges[i]
		op := out.MergeDeferred(1+len(c.Account), totalsSize)
		appendAccountKey(op.Key[:0], c.Account)
		appendTotals(op.Value[:0], &c.Spent, &c.Reserved)
		if err := op.Finish(); err != nil {
			return err
		}
	}
	if b.Snapshot != nil {
		op := out.SetDeferred(1+name, 8+len(b.Snapshot))
		appendSnapshotKey(op.Key[:0], b.Session)
		binary.LittleEndian.PutUint64(op.Value, h.Seq)
		copy(op.Value[8:], b.Snapshot)
		if err := op.Finish(); err != nil {
			return err
		}
		h.Snapshot = h.Seq
	}
	if b.Summary != nil {
		h.Summary = append([]byte{}, b.Summary...)
	}
	return setHead(out, h)
}

func put(out *pebble.Batch, session string, p *journal.Put) error {
	n := len(session) + 2 + len(p.Key)
	if p.Value == nil {
		op := out.DeleteDeferred(n)
		appendStateKey(op.Key[:0], session, p.Key)
		return op.Finish()
	}
	op := out.SetDeferred(n, len(p.Value))
	appendStateKey(op.Key[:0], session, p.Key)
	copy(op.Value, p.Value)
	return op.Finish()
}

func setOutbox(out *pebble.Batch, b *journal.Batch) error {
	n := len(b.Session) + 10
	for _, id := range b.Sent {
		op := out.DeleteDeferred(n)
		appendOutboxKey(op.Key[:0], b.Session, id)
		if err := op.Finish(); err != nil {
			return err
		}
	}
	for i := range b.Sends {
		op := out.SetDeferred(n, messageBytes(&b.Sends[i]))
		appendOutboxKey(op.Key[:0], b.Session, b.Sends[i].ID)
		appendMessage(op.Value[:0], &b.Sends[i])
		if err := op.Finish(); err != nil {
			return err
		}
	}
	return nil
}

// setTimers keeps the index by time in step with the timers by name.
func setTimers(db *database, out *pebble.Batch, b *journal.Batch) error {
	for i := range b.Timers {
		t := &b.Timers[i]
		if slices.ContainsFunc(b.Timers[i+1:], func(u journal.Timer) bool { return u.Name == t.Name }) {
			continue // the later one counts
		}
		key := appendTimerKey(make([]byte, 0, 192), b.Session, t.Name)
		old, closer, err := db.Get(key)
		if err != nil && !errors.Is(err, pebble.ErrNotFound) {
			return unreadable(b.Session, 0, "timer "+t.Name, err)
		}
		if err == nil {
			ns, err := parseTimer(old)
			if err := errors.Join(err, closer.Close()); err != nil {
				return unreadable(b.Session, 0, "timer "+t.Name, err)
			}
			if err := out.Delete(appendDueKey(nil, ns, b.Session, t.Name), nil); err != nil {
				return err
			}
		}
		if t.At.IsZero() {
			err = out.Delete(key, nil)
		} else {
			ns := t.At.UnixNano()
			var v [8]byte
			binary.LittleEndian.PutUint64(v[:], uint64(ns))
			err = errors.Join(out.Set(key, v[:], nil), out.Set(appendDueKey(nil, ns, b.Session, t.Name), nil, nil))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
