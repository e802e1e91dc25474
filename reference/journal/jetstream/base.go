package jetstream

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"tierlab/reference/journal"
)

// baseState is a session's view as a base message carries it, so that the
// messages before it can be dropped.
type baseState struct{ view sessionView }

// encodeBase lays a session's view out. Its cells are small values or parts.
func encodeBase(s *sessionView) []byte {
	w := writer{}
	h := &s.head
	w.number(h.Seq)
	w.buf = append(w.buf, h.Hash[:]...)
	w.number(h.Epoch)
	w.text(h.Owner)
	w.number(h.First)
	w.buf = append(w.buf, s.before[:]...)
	w.number(h.Snapshot)
	w.number(s.snapshot)
	w.buf = append(w.buf, s.snapHash[:]...)
	w.bytes(h.Summary)
	w.number(uint64(len(s.state)))
	for _, key := range slices.Sorted(maps.Keys(s.state)) {
		c := s.state[key]
		w.text(key)
		w.number(c.seq)
		w.bytes(c.value)
	}
	w.number(uint64(len(s.timers)))
	for _, name := range slices.Sorted(maps.Keys(s.timers)) {
		w.text(name)
		w.time(s.timers[name])
	}
	w.number(uint64(len(s.outbox)))
	for _, id := range slices.Sorted(maps.Keys(s.outbox)) {
		w.message(s.outbox[id])
	}
	w.number(uint64(len(s.charges)))
	for _, account := range slices.Sorted(maps.Keys(s.charges)) {
		t := s.charges[account]
		w.charge(journal.Charge{Account: account, Spent: t.Spent, Reserved: t.Reserved})
	}
	w.number(uint64(len(s.marks)))
	for _, m := range s.marks {
		w.number(m.record)
		w.number(m.seq)
	}
	return w.buf
}

// decodeBase reads what encodeBase wrote.
func decodeBase(data []byte) (*baseState, error) {
	r := &reader{buf: data}
	s := newSessionView("")
	h := &s.head
	h.Seq, h.Hash, h.Epoch, h.Owner, h.First = r.number(), r.hash(), r.number(), r.text(), r.number()
	s.before = r.hash()
	h.Snapshot, s.snapshot, s.snapHash, h.Summary = r.number(), r.number(), r.hash(), r.bytes()
	for range r.count(3) {
		key := r.text()
		s.state[key] = cell{seq: r.number(), value: r.bytes(), index: -1}
	}
	for range r.count(2) {
		name := r.text()
		s.timers[name] = r.time()
	}
	for range r.count(3) {
		m := r.message()
		s.outbox[m.ID] = m
	}
	for range r.count(9) {
		c := r.charge()
		s.charges[c.Account] = journal.Totals{Spent: c.Spent, Reserved: c.Reserved}
	}
	s.marks = list(r, 2, func() mark { return mark{record: r.number(), seq: r.number()} })
	if r.bad || len(r.buf) != 0 {
		return nil, errBroken
	}
	return &baseState{*s}, nil
}

// readBase is the state that a base message stands for. A part that is gone
// belongs to a base that a later one has replaced: the session then waits for
// that, as an orphan.
func readBase(m *message, fetch load) (base *baseState, problem, err error) {
	body := m.body
	for _, seq := range m.parts {
		data, err := fetch(seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			s := newSessionView("")
			s.orphan = true
			return &baseState{*s}, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		part, err := decode(data)
		if err != nil {
			return nil, err, nil
		}
		body = append(body, part.body...)
	}
	base, problem = decodeBase(body)
	return base, problem, nil
}

// trim drops the marks of the messages up to the one at seq, after which the
// record first comes.
func trim(marks []mark, first, seq uint64) []mark {
	i, _ := slices.BinarySearchFunc(marks, seq+1, func(m mark, seq uint64) int { return cmp.Compare(m.seq, seq) })
	return append([]mark{{first, seq}}, slices.Clone(marks[i:])...)
}
