package jetstream

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Member is a node's latest announcement.
type Member struct {
	Node string
	Body []byte
	Seq  uint64    // its stream sequence
	Seen time.Time // when this node's copy came to it
}

// Announce writes an announcement of a node, which every store of the stream
// sees in its order among all else that is written. The node's announcements
// before it are dropped once in a while.
func (s *Store) Announce(ctx context.Context, node string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	m := message{kind: pulseKind, id: s.newID(), body: body}
	began := time.Now()
	seq, err := s.wire.publish(ctx, s.subject(node, memberSort), m.encode(), nil)
	if err != nil {
		return s.unavailable(err)
	}
	s.view.begun(seq, began)
	select {
	case s.kick <- struct{}{}:
	default:
	}
	if seq%announceDrop == 0 {
		return s.dropBefore(ctx, s.subject(node, memberSort), seq)
	}
	return nil
}

// announceDrop is every which message of the stream drops a node's older
// announcements, if it is one.
const announceDrop = 64

// Members are the nodes that have announced something, in order of name.
func (s *Store) Members() []Member {
	v := s.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.SortedFunc(maps.Values(v.members), func(a, b Member) int { return strings.Compare(a.Node, b.Node) })
}

// Turnout is closed at the next announcement that this node's copy comes to.
func (s *Store) Turnout() <-chan struct{} {
	s.view.mu.RLock()
	defer s.view.mu.RUnlock()
	return s.view.turnout
}

// takeMember notes an announcement. One that cannot be read is of a newer
// program, whose nodes this one does not count.
func (v *view) takeMember(node string, seq uint64, data []byte) {
	m, err := decode(data)
	if err != nil {
		return
	}
	v.members[node] = Member{Node: node, Body: m.body, Seq: seq, Seen: time.Now()}
	close(v.turnout)
	v.turnout = make(chan struct{})
}
