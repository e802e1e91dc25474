package journaltest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"tierlab/reference/journal"
)

// model is what a store must hold, in memory.
type model struct {
	sessions map[string]*modelled
	totals   map[string]journal.Totals
}

// modelled is one session of the model.
type modelled struct {
	head     journal.Head
	records  []journal.Record // all that were ever written; those before head.First are gone
	state    map[string][]byte
	timers   map[string]time.Time
	outbox   map[uint64]journal.Message
	snapshot []byte
}

func newModel() *model {
	return &model{sessions: map[string]*modelled{}, totals: map[string]journal.Totals{}}
}

// own is a successful Own that handed out an epoch.
func (m *model) own(session, owner string, epoch uint64) journal.Head {
	x := m.sessions[session]
	if x == nil {
		x = &modelled{
			head:  journal.Head{Session: session, Hash: journal.Root(session), First: 1},
			state: map[string][]byte{}, timers: map[string]time.Time{}, outbox: map[uint64]journal.Message{},
		}
		m.sessions[session] = x
	}
	x.head.Epoch, x.head.Owner = epoch, owner
	return x.head
}

// accepts says which error a batch gets; nil: none.
func (m *model) accepts(b *journal.Batch) error {
	x := m.sessions[b.Session]
	switch {
	case x == nil:
		return journal.ErrUnknown
	case b.Epoch != x.head.Epoch:
		return journal.ErrFenced
	case b.After != x.head.Seq:
		return journal.ErrConflict
	}
	return nil
}

// append is an accepted batch.
func (m *model) append(b *journal.Batch) journal.Head {
	x := m.sessions[b.Session]
	h := &x.head
	for i := range b.Records {
		h.Seq++
		h.Hash = h.Hash.Next(h.Seq, b.Epoch, &b.Records[i])
		x.records = append(x.records, journal.Record{Entry: b.Records[i], Seq: h.Seq, Epoch: b.Epoch, Hash: h.Hash})
	}
	for _, p := range b.Puts {
		if p.Value == nil {
			delete(x.state, p.Key)
		} else {
			x.state[p.Key] = p.Value
		}
	}
	for _, t := range b.Timers {
		if t.At.IsZero() {
			delete(x.timers, t.Name)
		} else {
			x.timers[t.Name] = t.At
		}
	}
	for _, id := range b.Sent {
		delete(x.outbox, id)
	}
	for _, msg := range b.Sends {
		msg.From = b.Session
		x.outbox[msg.ID] = msg
	}
	for _, c := range b.Charges {
		t := m.totals[c.Account]
		add(&t.Spent, c.Spent)
		add(&t.Reserved, c.Reserved)
		m.totals[c.Account] = t
	}
	if b.Snapshot != nil {
		x.snapshot, h.Snapshot = b.Snapshot, h.Seq
	}
	if b.Summary != nil {
		h.Summary = b.Summary
	}
	return *h
}

func add(sum *journal.Amount, a journal.Amount) {
	sum.PicoUSD += a.PicoUSD
	sum.Steps += a.Steps
	sum.Tokens += a.Tokens
	sum.Units += a.Units
}

// compact is an accepted Compact.
func (m *model) compact(session string) {
	h := &m.sessions[session].head
	h.First = max(h.First, h.Snapshot+1)
}

// compareAll compares everything that a store can be asked for.
func (s *suite) compareAll(m *model) {
	s.Helper()
	for _, name := range slices.Sorted(maps.Keys(m.sessions)) {
		s.compareSession(m.sessions[name])
	}
	s.compareAcross(m)
}

func (s *suite) compareSession(x *modelled) {
	s.Helper()
	h := x.head
	if got := s.head(h.Session); !sameHead(got, h) {
		s.Fatalf("head %+v, want %+v", got, h)
	}
	compare(s, s.records(h.Session, h.First-1), x.records[h.First-1:])
	if h.First > 1 {
		s.wantGone(h.Session, h.First-2)
	}
	body, seq, err := s.store.Snapshot(s.ctx(), h.Session)
	if err != nil || seq != h.Snapshot || string(body) != string(x.snapshot) || (body == nil) != (x.snapshot == nil) {
		s.Fatalf("Snapshot of %q = %q, %d, %v; want %q, %d", h.Session, body, seq, err, x.snapshot, h.Snapshot)
	}
	keys := s.keys(h.Session, "")
	if want := slices.Sorted(maps.Keys(x.state)); !slices.Equal(keys, want) {
		s.Fatalf("keys of %q are %q, want %q", h.Session, keys, want)
	}
	for _, k := range keys {
		if v, err := s.store.Get(s.ctx(), h.Session, k); err != nil || string(v) != string(x.state[k]) {
			s.Fatalf("Get(%q, %q) = %q, %v; want %q", h.Session, k, v, err, x.state[k])
		}
	}
	s.compareMessages(s.messages(h.Session), x)
}

func (s *suite) compareMessages(got []journal.Message, x *modelled) {
	s.Helper()
	want := slices.Sorted(maps.Keys(x.outbox))
	if len(got) != len(want) {
		s.Fatalf("outbox of %q: %+v, want %v", x.head.Session, got, want)
	}
	for i, id := range want {
		if g, w := got[i], x.outbox[id]; g.From != w.From || g.ID != w.ID || g.To != w.To || string(g.Body) != string(w.Body) {
			s.Fatalf("outbox of %q: %+v, want %+v", x.head.Session, g, w)
		}
	}
}

// compareAcross compares what is asked over all sessions.
func (s *suite) compareAcross(m *model) {
	s.Helper()
	timers := map[journal.Due]bool{}
	sent := 0
	for name, x := range m.sessions {
		for timer, at := range x.timers {
			timers[journal.Due{Session: name, Timer: journal.Timer{Name: timer, At: at.Round(0).UTC()}}] = true
		}
		sent += len(x.outbox)
	}
	list := s.due(base.Add(1000 * time.Hour))
	for i, d := range list {
		d.At = d.At.UTC()
		if !timers[d] || i > 0 && d.At.Before(list[i-1].At) {
			s.Fatalf("Due: %+v is not set, or out of order in %+v", d, list)
		}
	}
	if all := s.messages(""); len(list) != len(timers) || len(all) != sent {
		s.Fatalf("%d timers and %d messages, want %d and %d", len(list), len(all), len(timers), sent)
	}
	for account, want := range m.totals {
		if got := s.totals(strings.TrimPrefix(account, s.prefix)); got != want {
			s.Fatalf("totals of %q: %+v, want %+v", account, got, want)
		}
	}
	var names []string
	if err := s.store.Sessions(s.ctx(), "", func(h journal.Head) error {
		if strings.HasPrefix(h.Session, s.prefix) {
			names = append(names, h.Session)
			if x := m.sessions[h.Session]; x == nil || !sameHead(x.head, h) {
				s.Fatalf("Sessions: %+v", h)
			}
		}
		return nil
	}); err != nil {
		s.Fatalf("Sessions: %v", err)
	}
	if want := slices.Sorted(maps.Keys(m.sessions)); !slices.Equal(names, want) {
		s.Fatalf("Sessions: %q, want %q", names, want)
	}
}
