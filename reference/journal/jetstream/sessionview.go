package jetstream

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"tierlab/reference/journal"
)

// inline is the largest value of a session's state that views keep in memory,
// in bytes. Of a larger one they keep its place in the stream.
const inline = 1 << 10

// markEvery is how many batches lie between two marks of a session.
const markEvery = 32

// sessionView is what one session's messages add up to.
type sessionView struct {
	head     journal.Head
	last     uint64 // stream sequence of the subject's last message
	state    map[string]cell
	timers   map[string]time.Time
	outbox   map[uint64]journal.Message
	charges  map[string]journal.Totals // what this session's batches add to each account
	snapshot uint64                    // stream sequence of the batch that holds it
	snapHash journal.Hash              // of the last record that the snapshot includes
	before   journal.Hash              // of the record before head.First
	marks    []mark
	batches  int  // since the last mark
	orphan   bool // messages before these were dropped, and the base that stands for them is still to come
	problem  error
}

// cell is a value, or where it is.
type cell struct {
	value []byte
	seq   uint64 // stream sequence of the message that holds it; 0: value is it
	index int    // among that batch's Puts; -1: the message is the value
}

// mark says which message a record is in, so that Read begins near it.
type mark struct{ record, seq uint64 }

func newSessionView(name string) *sessionView {
	root := journal.Root(name)
	return &sessionView{
		head:  journal.Head{Session: name, Hash: root, First: 1},
		state: map[string]cell{}, timers: map[string]time.Time{}, outbox: map[uint64]journal.Message{},
		charges: map[string]journal.Totals{}, before: root,
	}
}

// take applies the subject's next message. What does not fit is kept as the
// session's problem, which its reads return.
func (s *sessionView) take(v *view, seq uint64, m *message, base *baseState, problem error) {
	if s.problem != nil && base == nil {
		s.last = seq
		return
	}
	switch {
	case problem != nil:
		s.fail(problem)
	case base != nil:
		s.rebase(v, base)
	case m.prev != s.last || s.orphan:
		s.orphan = true
	default:
		if err := s.fit(v, seq, m); err != nil {
			s.fail(err)
		}
	}
	s.last = seq
}

func (s *sessionView) fail(err error) {
	var newer *journal.VersionError
	if errors.As(err, &newer) {
		s.problem = &journal.VersionError{Where: fmt.Sprintf("the journal of session %q", s.head.Session), Found: newer.Found, Newest: newer.Newest}
		return
	}
	s.problem = &journal.CorruptError{Session: s.head.Session, Seq: s.head.Seq + 1, Problem: err.Error()}
}

// fit applies a message that follows the last one.
func (s *sessionView) fit(v *view, seq uint64, m *message) error {
	switch m.kind {
	case ownKind:
		if m.epoch <= s.head.Epoch {
			return fmt.Errorf("an owner of epoch %d follows one of epoch %d", m.epoch, s.head.Epoch)
		}
		s.head.Epoch, s.head.Owner = m.epoch, m.owner
		return nil
	case closeKind:
		return nil
	case batchKind:
		if m.epoch != s.head.Epoch {
			return fmt.Errorf("was written under epoch %d, and the session's is %d", m.epoch, s.head.Epoch)
		}
		last, err := s.chain(m)
		if err != nil {
			return err
		}
		s.mark(seq)
		s.head.Seq, s.head.Hash = m.batch.After+uint64(len(m.batch.Records)), last
		s.effects(v, seq, m.batch)
		return nil
	}
	return fmt.Errorf("%w: kind %d among a session's messages", errBroken, m.kind)
}

// chain checks that a batch continues the session's chain and returns the hash
// of its last record.
func (s *sessionView) chain(m *message) (journal.Hash, error) {
	if m.batch.After != s.head.Seq || m.hash != s.head.Hash {
		return m.hash, fmt.Errorf("follows record %d with hash %x, and the last is %d with %x", m.batch.After, m.hash[:4], s.head.Seq, s.head.Hash[:4])
	}
	return checkChain(m)
}

// checkChain checks a batch's records against each other.
func checkChain(m *message) (journal.Hash, error) {
	h := m.hash
	for i := range m.batch.Records {
		seq := m.batch.After + uint64(i) + 1
		if h = h.Next(seq, m.epoch, &m.batch.Records[i]); h != m.links[i] {
			return h, fmt.Errorf("record %d: its hash is %x, and its chain gives %x", seq, m.links[i][:4], h[:4])
		}
	}
	return h, nil
}

func (s *sessionView) mark(seq uint64) {
	if s.batches%markEvery == 0 {
		s.marks = append(s.marks, mark{s.head.Seq + 1, seq})
	}
	s.batches++
}

// effects are what a batch says beside its records.
func (s *sessionView) effects(v *view, seq uint64, b *journal.Batch) {
	for i, p := range b.Puts {
		switch {
		case p.Value == nil:
			delete(s.state, p.Key)
		case len(p.Value) > inline:
			s.state[p.Key] = cell{seq: seq, index: i}
		default:
			s.state[p.Key] = cell{value: p.Value}
		}
	}
	for _, t := range b.Timers {
		if t.At.IsZero() {
			delete(s.timers, t.Name)
		} else {
			s.timers[t.Name] = t.At
		}
	}
	for _, id := range b.Sent {
		delete(s.outbox, id)
	}
	for _, m := range b.Sends {
		m.From = s.head.Session
		s.outbox[m.ID] = m
	}
	for _, c := range b.Charges {
		v.charge(c.Account, c.Spent, c.Reserved, 1)
		t := s.charges[c.Account]
		add(&t.Spent, c.Spent, 1)
		add(&t.Reserved, c.Reserved, 1)
		s.charges[c.Account] = t
	}
	if b.Snapshot != nil {
		s.head.Snapshot, s.snapshot, s.snapHash = s.head.Seq, seq, s.head.Hash
	}
	if b.Summary != nil {
		s.head.Summary = bytes.Clone(b.Summary)
	}
}

// rebase replaces everything by a base's state.
func (s *sessionView) rebase(v *view, base *baseState) {
	for account, t := range s.charges {
		v.charge(account, t.Spent, t.Reserved, -1)
	}
	base.view.head.Session = s.head.Session
	*s = base.view
	for id, m := range s.outbox {
		m.From = s.head.Session
		s.outbox[id] = m
	}
	for account, t := range s.charges {
		v.charge(account, t.Spent, t.Reserved, 1)
	}
}

// start is the stream sequence at which the message with a record is, or one
// before it.
func (s *sessionView) start(record uint64) uint64 {
	at := uint64(0)
	for _, m := range s.marks {
		if m.record > record {
			break
		}
		at = m.seq
	}
	return at
}
