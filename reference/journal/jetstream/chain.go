package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tierlab/reference/journal"
)

// read calls each with the records after a number, up to the head of this node's
// copy. It gives up after the store's timeout without progress.
func (s *Store) read(ctx context.Context, session string, after uint64, each func(journal.Record) error) error {
	c := chainReader{session: session, after: after, each: each}
	moved, bounded := time.Now(), false
	for {
		var from uint64
		err := s.view.look(session, func(v *sessionView) {
			if !bounded { // what is written from here on is not read
				c.end, bounded = v.head.Seq, true
			}
			c.first, c.before = v.head.First, v.before
			from = v.start(max(after, c.seq) + 1)
		})
		if err != nil {
			return err
		}
		if after+1 < c.first {
			return fmt.Errorf("journal: session %q: the records up to %d have been compacted away; asked for those after %d", session, c.first-1, after)
		}
		if max(after, c.seq) >= c.end {
			return nil
		}
		began := c.seq
		err = s.readFrom(ctx, from, &c)
		var lost *fetchError
		if err != nil && !errors.Is(err, errGone) && !errors.As(err, &lost) {
			return stop(err)
		}
		if c.seq > began {
			moved = time.Now()
			continue
		}
		// Compacted under our hands, or the replica that answers is behind this copy.
		if pause(ctx, lastPoll) != nil || time.Since(moved) > s.timeout {
			return s.unread(&c, err)
		}
	}
}

// unread says why a read did not come to its end.
func (s *Store) unread(c *chainReader, err error) error {
	var lost *fetchError
	if errors.As(err, &lost) {
		return s.unavailable(err)
	}
	return c.corrupt(max(c.after, c.seq)+1, fmt.Sprintf("is not in the stream, though the last is %d", c.end))
}

// readFrom passes the session's messages from a stream sequence on to c, until
// there are no more or c has come to its end.
func (s *Store) readFrom(ctx context.Context, from uint64, c *chainReader) error {
	for {
		next := from
		err := s.wire.fetch(ctx, from, s.wire.name+"."+c.session, fetchMessages, func(m stored) error {
			next = m.seq + 1
			return c.take(m.data)
		})
		if err != nil || next == from || c.seq >= c.end {
			return err
		}
		from = next
	}
}

// chainReader checks a session's records as they come.
type chainReader struct {
	session    string
	after, end uint64
	first      uint64 // the first record that is kept
	before     journal.Hash
	each       func(journal.Record) error
	seq        uint64 // of the last record that was checked
	hash       journal.Hash
}

var errGone = errors.New("jetstream: the record has been compacted away")

func (c *chainReader) take(data []byte) error {
	m, err := decode(data)
	var newer *journal.VersionError
	if errors.As(err, &newer) {
		newer.Where = fmt.Sprintf("the journal of session %q", c.session)
		return newer
	}
	if err != nil {
		return c.corrupt(c.seq+1, err.Error())
	}
	if m.kind != batchKind || m.batch.After+uint64(len(m.batch.Records)) <= c.seq || c.seq >= c.end {
		return nil
	}
	if c.seq > 0 && m.batch.After != c.seq || c.seq == 0 && m.batch.After > c.after {
		return errGone
	}
	if c.seq > 0 && m.hash != c.hash || m.batch.After+1 == c.first && m.hash != c.before {
		return c.corrupt(m.batch.After+1, "its batch does not follow from the hash of the record before")
	}
	h := m.hash
	for i, e := range m.batch.Records {
		seq := m.batch.After + uint64(i) + 1
		if h = h.Next(seq, m.epoch, &e); h != m.links[i] {
			return c.corrupt(seq, fmt.Sprintf("its hash is %x, and its chain gives %x", m.links[i][:4], h[:4]))
		}
		c.seq, c.hash = seq, h
		if seq <= c.after || seq > c.end {
			continue
		}
		if err := c.each(journal.Record{Entry: e, Seq: seq, Epoch: m.epoch, Hash: h}); err != nil {
			return err
		}
	}
	return nil
}

func (c *chainReader) corrupt(seq uint64, problem string) error {
	return &journal.CorruptError{Session: c.session, Seq: seq, Problem: problem}
}
