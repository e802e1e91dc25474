package jetstream

import (
	"context"
	"fmt"
	"time"
)

const (
	fetchMessages = 512
	idlePoll      = 100 * time.Millisecond // between looks for messages that nobody here waits for
	firstPoll     = 500 * time.Microsecond // when somebody does, doubled up to lastPoll
	lastPoll      = 16 * time.Millisecond
)

// follow applies the stream's messages to the view until the store is closed.
func (s *Store) follow(ctx context.Context) {
	defer s.running.Done()
	wait := firstPoll
	for ctx.Err() == nil {
		before := s.view.position()
		if err := s.catchUp(ctx, before); err != nil {
			s.trouble.Store(&err)
		} else {
			s.trouble.Store(nil)
		}
		if s.view.position() != before {
			wait = firstPoll
			continue
		}
		s.rest(ctx, wait)
		wait = min(2*wait, lastPoll)
	}
}

// catchUp applies one fetch of messages.
func (s *Store) catchUp(ctx context.Context, after uint64) error {
	return s.wire.fetch(ctx, after+1, "", fetchMessages, func(m stored) error {
		return s.view.apply(m.seq, m.subject, m.data, func(seq uint64) ([]byte, error) { return s.wire.get(ctx, seq) })
	})
}

// rest waits before the next look: briefly while somebody waits for the view to
// move, and otherwise until somebody does.
func (s *Store) rest(ctx context.Context, brief time.Duration) {
	if s.waiters.Load() > 0 {
		pause(ctx, brief)
		return
	}
	t := time.NewTimer(idlePoll)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.kick:
	case <-ctx.Done():
	}
}

// look has the stream looked at now.
func (s *Store) look() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// reachSeq waits until the view has come to a stream sequence.
func (s *Store) reachSeq(ctx context.Context, seq uint64) error {
	s.waiters.Add(1)
	defer s.waiters.Add(-1)
	s.look()
	for {
		applied, moved := s.view.progress()
		if applied >= seq {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			if trouble := s.trouble.Load(); trouble != nil {
				return fmt.Errorf("this node's copy stays at message %d of %d: %w", applied, seq, *trouble)
			}
			return fmt.Errorf("this node's copy stays at message %d of %d: %w", applied, seq, ctx.Err())
		}
	}
}

func (v *view) position() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.applied
}

func (v *view) progress() (uint64, <-chan struct{}) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.applied, v.moved
}
