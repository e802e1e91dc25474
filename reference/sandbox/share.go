package sandbox

import (
	"context"
	"sync"
)

// shares keeps a session from holding more than its share of a pool's children:
// the runs beyond it wait for those of the same session, not among those of all
// others. As each session stands in the queue for a child with no more than its
// share, the children go round. A child that a run has cost counts as held
// until another is in its place: a session whose programs are killed would
// otherwise take one child after the other while they are replaced.
type shares struct {
	most  int // runs of a session that hold or wait for a child
	queue int // more of them that may wait for that

	mu sync.Mutex
	of map[string]*share
}

type share struct {
	slots chan struct{}
	runs  int // that hold a slot or wait for one
}

func newShares(c *Config) *shares {
	return &shares{most: c.PerSession, queue: c.Queue, of: make(map[string]*share)}
}

// take waits for a place in a session's share and returns what gives it back.
func (s *shares) take(ctx, closing context.Context, session string) (release func(), err error) {
	if session == "" {
		return func() {}, nil
	}
	own, err := s.enter(session)
	if err != nil {
		return nil, err
	}
	select {
	case own.slots <- struct{}{}:
		return func() { <-own.slots; s.leave(session, own) }, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-closing.Done():
		err = ErrClosed
	}
	s.leave(session, own)
	return nil, err
}

func (s *shares) enter(session string) (*share, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.of[session]
	if own == nil {
		own = &share{slots: make(chan struct{}, s.most)}
		s.of[session] = own
	}
	if own.runs >= s.most+s.queue {
		return nil, ErrBusy
	}
	own.runs++
	return own, nil
}

// leave forgets a session of which nothing runs.
func (s *shares) leave(session string, own *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own.runs--; own.runs == 0 {
		delete(s.of, session)
	}
}
