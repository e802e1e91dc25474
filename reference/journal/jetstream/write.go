package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tierlab/reference/journal"
)

// grip is what a store knows of a session that it writes to.
type grip struct {
	mu     sync.Mutex // one write at a time
	known  bool
	unsure bool   // a write's outcome is not known
	last   uint64 // stream sequence of the subject's last message
	head   journal.Head
}

var errClosed = errors.New("jetstream: the store is closed")

// errTaken says that another message has taken the place of a write, which was
// therefore not written and never will be.
var errTaken = errors.New("jetstream: another message has taken the place")

// hold locks a session for a write; release unlocks it.
func (s *Store) hold(session string) (g *grip, release func(), err error) {
	s.calls.RLock()
	if s.closed {
		s.calls.RUnlock()
		return nil, nil, errClosed
	}
	s.mu.Lock()
	if g = s.grips[session]; g == nil {
		g = &grip{}
		s.grips[session] = g
	}
	s.mu.Unlock()
	g.mu.Lock()
	return g, func() { g.mu.Unlock(); s.calls.RUnlock() }, nil
}

// write puts a message behind the subject's last one, at most once whatever gets
// lost on the way: every try expects the same place, and whose message is in it
// tells the outcome. It is errTaken if another's is; after any other error the
// outcome is not known.
func (s *Store) write(ctx context.Context, g *grip, session string, m *message) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	m.prev, m.id = g.last, s.newID()
	data := m.encode()
	if most := s.wire.conn.MaxPayload() - headerRoom; int64(len(data)) > most {
		return fmt.Errorf("jetstream: session %q: a batch of %d bytes: the servers take %d (their max_payload)", session, len(data), most)
	}
	for {
		seq, err := s.wire.publish(ctx, s.wire.name+"."+session, data, &m.prev)
		if err == errMismatch {
			seq, err = s.outcome(ctx, session, m)
		}
		if err == nil {
			g.last = seq
			return nil
		}
		if err == errTaken {
			return err
		}
		if pause(ctx, retryPause) != nil {
			g.unsure = true
			return s.unavailable(fmt.Errorf("whether it was written is not known: %w", err))
		}
	}
}

// headerRoom is what a published message's headers take of max_payload, in bytes.
const headerRoom = 1 << 10

var errNotYet = errors.New("jetstream: neither this write nor another is there")

// outcome finds whose message has the place that m expects.
func (s *Store) outcome(ctx context.Context, session string, m *message) (uint64, error) {
	if err := s.reach(ctx); err != nil {
		return 0, err
	}
	var found *message
	var at uint64
	var broken error
	err := s.wire.fetch(ctx, m.prev+1, s.wire.name+"."+session, 1, func(st stored) error {
		found, broken = decode(st.data)
		at = st.seq
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case at == 0:
		return 0, errNotYet
	case broken == nil && found.id == m.id:
		return at, nil
	case broken == nil && found.prev != m.prev:
		// What was behind m.prev has been compacted away.
		return 0, errors.New("jetstream: the place of the write has been compacted away")
	}
	return 0, errTaken
}

// refresh makes a grip what the stream says, after closing the place of a write
// whose outcome is not known.
func (s *Store) refresh(ctx context.Context, g *grip, session string) error {
	for g.unsure {
		err := s.write(ctx, g, session, &message{kind: closeKind, epoch: g.head.Epoch})
		if err != nil && err != errTaken {
			return err
		}
		g.unsure = false
	}
	g.known = false
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.recall(g, session)
}

// recall makes a grip what this node's copy says.
func (s *Store) recall(g *grip, session string) error {
	s.view.mu.RLock()
	defer s.view.mu.RUnlock()
	v, err := s.view.find(session)
	if v == nil {
		v = newSessionView(session)
	}
	g.known, g.last, g.head = err == nil, v.last, v.head
	return err
}
