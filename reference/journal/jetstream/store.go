package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"tierlab/reference/journal"
)

var _ journal.Store = (*Store)(nil)

// tries bounds how often a write begins anew because others write.
const tries = 16

// Own implements journal.Store.
func (s *Store) Own(ctx context.Context, session, owner string, create bool) (journal.Head, error) {
	if err := journal.CheckSession(session); err != nil {
		return journal.Head{}, err
	}
	g, release, err := s.hold(session)
	if err != nil {
		return journal.Head{}, err
	}
	defer release()
	vacant := func(err error) bool { return create && errors.Is(err, journal.ErrUnknown) }
	// This node's copy will do, if it is not behind: the expected sequence tells.
	if !g.unsure {
		err = s.recall(g, session)
	}
	if g.unsure || err != nil && !vacant(err) {
		err = s.refresh(ctx, g, session)
	}
	for range tries {
		if err != nil && !vacant(err) {
			return journal.Head{}, err
		}
		m := &message{kind: ownKind, epoch: g.head.Epoch + 1, owner: owner}
		if err = s.write(ctx, g, session, m); err == nil {
			g.known, g.head.Epoch, g.head.Owner = true, m.epoch, owner
			return g.copyHead(), nil
		}
		if err != errTaken {
			return journal.Head{}, err
		}
		err = s.refresh(ctx, g, session)
	}
	return journal.Head{}, s.busy(session)
}

// Append implements journal.Store.
func (s *Store) Append(ctx context.Context, b *journal.Batch) (journal.Head, error) {
	if err := b.Check(); err != nil {
		return journal.Head{}, err
	}
	g, release, err := s.hold(b.Session)
	if err != nil {
		return journal.Head{}, err
	}
	defer release()
	for range tries {
		if !g.known || g.unsure || fits(b, &g.head) != nil {
			if err := s.refresh(ctx, g, b.Session); err != nil {
				return journal.Head{}, err
			}
			if err := fits(b, &g.head); err != nil {
				return journal.Head{}, err
			}
		}
		m := &message{kind: batchKind, epoch: b.Epoch, batch: b, hash: g.head.Hash}
		last := link(m)
		if err = s.write(ctx, g, b.Session, m); err == nil {
			g.advance(b, last)
			return g.copyHead(), nil
		}
		if err != errTaken {
			return journal.Head{}, err
		}
		g.known = false
	}
	return journal.Head{}, s.busy(b.Session)
}

func (s *Store) busy(session string) error {
	return s.unavailable(fmt.Errorf("others wrote to session %q %d times in between", session, tries))
}

// fits says whether a batch may follow a head.
func fits(b *journal.Batch, h *journal.Head) error {
	if b.Epoch != h.Epoch {
		return fmt.Errorf("%w: session %q has epoch %d of %q, the batch %d", journal.ErrFenced, b.Session, h.Epoch, h.Owner, b.Epoch)
	}
	if b.After != h.Seq {
		return fmt.Errorf("%w: session %q has %d records, the batch follows %d", journal.ErrConflict, b.Session, h.Seq, b.After)
	}
	return nil
}

// link computes the hashes of a batch's records and returns the last.
func link(m *message) journal.Hash {
	h := m.hash
	for i := range m.batch.Records {
		h = h.Next(m.batch.After+uint64(i)+1, m.epoch, &m.batch.Records[i])
		m.links = append(m.links, h)
	}
	return h
}

// advance is what a written batch makes of the head.
func (g *grip) advance(b *journal.Batch, last journal.Hash) {
	g.head.Seq += uint64(len(b.Records))
	g.head.Hash = last
	if b.Snapshot != nil {
		g.head.Snapshot = g.head.Seq
	}
	if b.Summary != nil {
		g.head.Summary = bytes.Clone(b.Summary)
	}
}

func (g *grip) copyHead() journal.Head {
	h := g.head
	h.Summary = bytes.Clone(h.Summary)
	return h
}
