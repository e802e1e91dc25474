package jetstream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"tierlab/reference/journal"
)

// Subjects under a session's or node's name.
const (
	partSort   = "base"
	memberSort = "member"
	pulseSort  = "pulse"
)

// keepPulses is how long a node's marks stay in the stream. A copy that is
// further behind sees a gap where they were and asks for a new barrier.
const keepPulses = time.Minute

// barriers lets all who want one at a time share a write.
type barriers struct {
	mu      sync.Mutex
	running bool
	closed  bool
	next    *barrier
	last    time.Time // when the latest was begun
	old     []pulse   // those that are in the stream
}

type barrier struct {
	done chan struct{}
	seq  uint64
	err  error
}

type pulse struct {
	seq uint64
	at  time.Time
}

// barrier writes a mark at the log's end and returns its stream sequence: all
// that was acknowledged, to anyone, before the call has a lower one. A leader's
// word would not do: one that has been cut off believes for up to 10 s that it
// still leads.
func (s *Store) barrier(ctx context.Context) (uint64, error) {
	b := &s.barriers
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, errClosed
	}
	if b.next == nil {
		b.next = &barrier{done: make(chan struct{})}
		if !b.running {
			b.running = true
			s.running.Add(1)
			go s.rounds()
		}
	}
	mine := b.next
	b.mu.Unlock()
	select {
	case <-mine.done:
		return mine.seq, mine.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// rounds writes barriers until nobody wants one.
func (s *Store) rounds() {
	defer s.running.Done()
	b := &s.barriers
	for {
		b.mu.Lock()
		r := b.next
		b.next = nil
		b.running = r != nil
		b.mu.Unlock()
		if r == nil {
			return
		}
		r.seq, r.err = s.pulse()
		close(r.done)
	}
}

// pulse writes one mark. It expects the node's mark before, so that a leader
// without a quorum takes one of them and not each try: when such a leader
// returns, the server drops what it took in vain entry by entry, in seconds each.
func (s *Store) pulse() (uint64, error) {
	ctx, cancel := context.WithTimeout(s.life, s.timeout)
	defer cancel()
	m := message{kind: pulseKind, id: s.newID()}
	data, subject := m.encode(), s.subject(s.node, pulseSort)
	began := time.Now()
	for {
		var expect *uint64
		if last, known := s.view.ownPulse(); known {
			if last.id == m.id { // an earlier try, whose acknowledgement was lost
				s.pulsed(last.seq, began)
				return last.seq, nil
			}
			expect = &last.seq
		}
		seq, err := s.wire.publish(ctx, subject, data, expect)
		if err == nil {
			s.view.setPulse(ownPulse{seq, m.id})
			s.pulsed(seq, began)
			return seq, nil
		}
		s.look()
		if pause(ctx, retryPause) != nil {
			return 0, s.unavailable(err)
		}
	}
}

// ownPulse is this node's latest mark.
type ownPulse struct {
	seq uint64
	id  writeID
}

func (v *view) ownPulse() (ownPulse, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.marked, v.marked.seq > 0
}

func (v *view) setPulse(p ownPulse) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p.seq > v.marked.seq {
		v.marked = p
	}
}

// takePulse notes a mark of this node.
func (v *view) takePulse(node string, seq uint64, data []byte) {
	if m, err := decode(data); err == nil && node == v.node && seq > v.marked.seq {
		v.marked = ownPulse{seq, m.id}
	}
}

// pulsed notes a mark, and drops those that all copies should have passed.
func (s *Store) pulsed(seq uint64, began time.Time) {
	s.view.begun(seq, began)
	b := &s.barriers
	b.mu.Lock()
	b.last = began
	b.old = append(b.old, pulse{seq, began})
	var drop uint64
	if began.Sub(b.old[0].at) > 2*keepPulses {
		i := 0
		for began.Sub(b.old[i].at) > keepPulses {
			i++
		}
		drop = b.old[i].seq
		b.old = append([]pulse(nil), b.old[i:]...)
	}
	b.mu.Unlock()
	if drop > 0 {
		s.dropBefore(s.life, s.subject(s.node, pulseSort), drop)
	}
}

// dropBefore deletes a subject's messages below a sequence. Failing to do so
// loses nothing: the next time deletes them too.
func (s *Store) dropBefore(ctx context.Context, subject string, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	return s.wire.stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(seq))
}

// begun tells the view of a barrier, for its age.
func (v *view) begun(seq uint64, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pending = append(v.pending, pulse{seq, at})
	v.refresh()
}

// refresh moves the view's age up to the barriers that it has reached.
func (v *view) refresh() {
	for len(v.pending) > 0 && v.pending[0].seq <= v.applied {
		if at := v.pending[0].at; at.After(v.freshAt) {
			v.freshAt = at
		}
		v.pending = v.pending[1:]
	}
}

// reach brings the view up to all that was acknowledged before the call.
func (s *Store) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for {
		before := s.view.seenGaps()
		seq, err := s.barrier(ctx)
		if err == nil {
			err = s.reachSeq(ctx, seq)
		}
		if err != nil {
			return s.unavailable(err)
		}
		// Where messages were dropped before this copy saw them, what stands for
		// them was written before the gap was seen: behind it, but maybe not behind
		// this barrier.
		if s.view.seenGaps() == before {
			return nil
		}
	}
}

func (v *view) seenGaps() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.gaps
}

// unavailable is err as a *journal.UnavailableError with the timeout in words,
// unless it is one.
func (s *Store) unavailable(err error) error {
	if e, ok := err.(*journal.UnavailableError); ok {
		return e
	}
	return &journal.UnavailableError{Err: fmt.Errorf("stream %q, within %v: %w", s.wire.name, s.timeout, err)}
}

// keepFresh writes a barrier wherever none was for a while, so that bounded
// reads have one to go by.
func (s *Store) keepFresh(ctx context.Context, every time.Duration) {
	defer s.running.Done()
	for pause(ctx, every) == nil {
		s.barriers.mu.Lock()
		idle := time.Since(s.barriers.last)
		s.barriers.mu.Unlock()
		if idle >= every {
			s.barrier(ctx)
		}
	}
}
