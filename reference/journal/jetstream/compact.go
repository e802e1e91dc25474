package jetstream

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"tierlab/reference/journal"
)

// partBytes is how much of a base's state one message carries.
const partBytes = 512 << 10

// Compact implements journal.Store. It writes a base, the session's state up to
// now as one message (and parts of it before that, if it is large), and drops
// all messages before the one that holds the snapshot. Until the base is durable
// nothing is dropped.
func (s *Store) Compact(ctx context.Context, session string, epoch uint64) error {
	if err := journal.CheckSession(session); err != nil {
		return err
	}
	g, release, err := s.hold(session)
	if err != nil {
		return err
	}
	defer release()
	if err := s.refresh(ctx, g, session); err != nil {
		return err
	}
	if g.head.Epoch != epoch {
		return fmt.Errorf("%w: session %q has epoch %d of %q, not %d", journal.ErrFenced, session, g.head.Epoch, g.head.Owner, epoch)
	}
	base := s.view.trimmed(session)
	if base == nil {
		return nil
	}
	m, first, err := s.baseMessage(ctx, session, epoch, base)
	if err != nil {
		return err
	}
	if err := s.write(ctx, g, session, m); err != nil {
		if err == errTaken {
			g.known = false
			return fmt.Errorf("%w: session %q: another write came in between", journal.ErrConflict, session)
		}
		return err
	}
	g.head.First = base.head.First
	if first == 0 {
		first = g.last
	}
	if err := s.dropBefore(ctx, s.wire.name+"."+session, base.snapshot); err != nil {
		return s.unavailable(err)
	}
	if err := s.dropBefore(ctx, s.subject(session, partSort), first); err != nil {
		return s.unavailable(err)
	}
	return nil
}

// trimmed is a copy of a session's view without the records that its snapshot
// includes; nil if there are none.
func (v *view) trimmed(session string) *sessionView {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s := v.sessions[session]
	if s.head.Snapshot < s.head.First {
		return nil
	}
	c := *s
	c.head.First, c.before = s.head.Snapshot+1, s.snapHash
	c.state, c.timers = maps.Clone(s.state), maps.Clone(s.timers)
	c.outbox, c.charges = maps.Clone(s.outbox), maps.Clone(s.charges)
	c.marks = trim(s.marks, c.head.First, s.snapshot)
	return &c
}

// baseMessage writes the parts of a base and returns the message that names them
// and the stream sequence of the first, 0 if there are none.
func (s *Store) baseMessage(ctx context.Context, session string, epoch uint64, base *sessionView) (*message, uint64, error) {
	m, first := &message{kind: baseKind, epoch: epoch}, uint64(0)
	for _, key := range slices.Sorted(maps.Keys(base.state)) {
		c := base.state[key]
		if c.seq == 0 {
			continue
		}
		value, err := s.value(ctx, c)
		if err != nil {
			return nil, 0, s.unavailable(err)
		}
		seq, err := s.writePart(ctx, session, epoch, value)
		if err != nil {
			return nil, 0, err
		}
		first = cmp.Or(first, seq)
		base.state[key] = cell{seq: seq, index: -1}
	}
	data := encodeBase(base)
	if len(data) <= partBytes {
		m.body = data
		return m, first, nil
	}
	for part := range slices.Chunk(data, partBytes) {
		seq, err := s.writePart(ctx, session, epoch, part)
		if err != nil {
			return nil, 0, err
		}
		first = cmp.Or(first, seq)
		m.parts = append(m.parts, seq)
	}
	return m, first, nil
}

// writePart writes a part where none expects a place. One that is written twice,
// or for a base that then fails, stays until the next base.
func (s *Store) writePart(ctx context.Context, session string, epoch uint64, body []byte) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	m := message{kind: partKind, id: s.newID(), epoch: epoch, body: body}
	data, subject := m.encode(), s.subject(session, partSort)
	for {
		seq, err := s.wire.publish(ctx, subject, data, nil)
		if err == nil {
			return seq, nil
		}
		if pause(ctx, retryPause) != nil {
			return 0, s.unavailable(err)
		}
	}
}
