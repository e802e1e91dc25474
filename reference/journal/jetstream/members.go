package jetstream

import (
	"context"
	"maps"
	"time"
)

// member is a node's latest announcement.
type member struct {
	body []byte
	seq  uint64
	last uint64 // the last one, which may not have come yet
}

// Announce writes an announcement of a node, which every store of the stream
// sees in its order among all else that is written. The node's announcements
// before it are dropped once in a while. It expects the one before, as pulse does.
func (s *Store) Announce(ctx context.Context, node string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	m := message{kind: pulseKind, id: s.newID(), body: body}
	began, last := time.Now(), s.view.announced(node)
	seq, err := s.wire.publish(ctx, s.subject(node, memberSort), m.encode(), &last)
	s.look()
	if err != nil {
		return s.unavailable(err)
	}
	s.view.begun(seq, began)
	s.view.setAnnounced(node, seq)
	if seq%announceDrop == 0 {
		return s.dropBefore(ctx, s.subject(node, memberSort), seq)
	}
	return nil
}

// announceDrop is every which message of the stream drops a node's older
// announcements, if it is one.
const announceDrop = 64

// Members calls each with the latest announcement of every node, as far as this
// node's copy has come, and its stream sequence.
func (s *Store) Members(each func(node string, body []byte, seq uint64)) {
	s.view.mu.RLock()
	all := maps.Clone(s.view.members)
	s.view.mu.RUnlock()
	for node, m := range all {
		if m.seq > 0 {
			each(node, m.body, m.seq)
		}
	}
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
	v.members[node] = member{m.body, seq, max(seq, v.members[node].last)}
	close(v.turnout)
	v.turnout = make(chan struct{})
}

// announced is the stream sequence of a node's last announcement; 0: none.
func (v *view) announced(node string) uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.members[node].last
}

func (v *view) setAnnounced(node string, seq uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	m := v.members[node]
	m.last = max(m.last, seq)
	v.members[node] = m
}
