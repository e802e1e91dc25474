package journaltest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"tierlab/reference/journal"
)

func own(s *suite) {
	name := s.name("a")
	_, err := s.store.Own(s.ctx(), name, "first", false)
	s.wantErr("Own of a session that is not there", err, journal.ErrUnknown)
	if _, err := s.store.Head(s.ctx(), name); !errors.Is(err, journal.ErrUnknown) {
		s.Errorf("a refused Own left a session: Head: %v", err)
	}
	var before uint64
	for _, owner := range []string{"first", "second", "second"} {
		h, err := s.store.Own(s.ctx(), name, owner, true)
		if err != nil {
			s.Fatal(err)
		}
		if h.Epoch <= before || h.Owner != owner || h.Session != name {
			s.Errorf("Own by %q: %+v after epoch %d", owner, h, before)
		}
		if h.Seq != 0 || h.Hash != journal.Root(name) || h.First != 1 || h.Snapshot != 0 || h.Summary != nil {
			s.Errorf("a new session's head is %+v", h)
		}
		if got := s.head(name); !sameHead(got, h) {
			s.Errorf("Head is %+v, and Own returned %+v", got, h)
		}
		before = h.Epoch
	}
	h := s.put(s.head(name), journal.Batch{Records: entries(1, 3), Summary: []byte("sum")})
	h2, err := s.store.Own(s.ctx(), name, "third", false)
	if err != nil {
		s.Fatal(err)
	}
	h.Epoch, h.Owner = h2.Epoch, "third"
	if !sameHead(h, h2) || h2.Epoch <= before {
		s.Errorf("after a takeover the head is %+v, want %+v with an epoch above %d", h2, h, before)
	}
	for _, bad := range []string{"", "a b", "../x", "-a", strings.Repeat("x", 129)} {
		if _, err := s.store.Own(s.ctx(), bad, "o", true); err == nil || errors.Is(err, journal.ErrUnknown) {
			s.Errorf("Own(%q): %v, want an error that says what a name is", bad, err)
		}
	}
}

func appends(s *suite) {
	name := s.name("a")
	h := s.own(name)
	chain := h.Hash
	var want []journal.Record
	for i, n := range []int{1, 3, 0, 17, 1} {
		list := entries(len(want)+1, n)
		h2 := s.put(h, journal.Batch{Records: list})
		for j := range list {
			seq := uint64(len(want) + 1)
			chain = chain.Next(seq, h.Epoch, &list[j])
			want = append(want, journal.Record{Entry: list[j], Seq: seq, Epoch: h.Epoch, Hash: chain})
		}
		h.Seq, h.Hash = uint64(len(want)), chain
		if !sameHead(h, h2) || !sameHead(s.head(name), h) {
			s.Fatalf("after batch %d: Append returned %+v, Head is %+v, want %+v", i+1, h2, s.head(name), h)
		}
	}
	compare(s, s.records(name, 0), want)
	odd := []journal.Entry{
		{At: time.Unix(0, 1), Kind: "k"},
		{At: time.Unix(-7, 3), Kind: strings.Repeat("k", journal.MaxName), Body: []byte{}},
		{At: base.In(time.FixedZone("z", 3600)), Kind: "\x00\xff", Body: bytes.Repeat([]byte{0, 255}, 1000)},
	}
	s.put(h, journal.Batch{Records: odd})
	for i, r := range s.records(name, h.Seq) {
		if !r.At.Equal(odd[i].At) || r.Kind != odd[i].Kind || !bytes.Equal(r.Body, odd[i].Body) {
			s.Errorf("record %d came back as %+v", r.Seq, r.Entry)
		}
	}
}

// compare checks records one by one.
func compare(s *suite, got, want []journal.Record) {
	s.Helper()
	if len(got) != len(want) {
		s.Errorf("%d records, want %d", len(got), len(want))
		return
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.Seq != w.Seq || g.Epoch != w.Epoch || g.Hash != w.Hash || g.Kind != w.Kind || !g.At.Equal(w.At) || !bytes.Equal(g.Body, w.Body) {
			s.Errorf("record %+v, want %+v", g, w)
			return
		}
	}
}

// refused gives each faulty batch something of every kind, and looks whether any
// of it was written.
func refused(s *suite) {
	name, other := s.name("a"), s.name("b")
	h := s.put(s.own(name), journal.Batch{Records: entries(1, 2), Summary: []byte("first")})
	s.own(other)
	good := func() journal.Batch {
		return journal.Batch{
			Session: name, Epoch: h.Epoch, After: h.Seq, Records: entries(3, 2), Puts: []journal.Put{{Key: "k", Value: []byte("v")}},
			Timers: []journal.Timer{{Name: "t", At: base}}, Sends: []journal.Message{{ID: 1, To: other}},
			Charges: []journal.Charge{{Account: s.name("acc"), Spent: journal.Amount{Steps: 1}}}, Snapshot: []byte("s"), Summary: []byte("second"),
		}
	}
	for what, spoil := range map[string]func(*journal.Batch){
		"after an earlier record":  func(b *journal.Batch) { b.After-- },
		"after a later record":     func(b *journal.Batch) { b.After++ },
		"of an epoch not given":    func(b *journal.Batch) { b.Epoch++ },
		"of epoch 0":               func(b *journal.Batch) { b.Epoch = 0 },
		"of a bad session":         func(b *journal.Batch) { b.Session = "a/b" },
		"of an unknown session":    func(b *journal.Batch) { b.Session = s.name("nobody") },
		"with a record of no kind": func(b *journal.Batch) { b.Records[1].Kind = "" },
		"with a record of no time": func(b *journal.Batch) { b.Records[1].At = time.Time{} },
		"with an oversized body":   func(b *journal.Batch) { b.Records[0].Body = make([]byte, journal.MaxValue+1) },
		"too large":                func(b *journal.Batch) { b.Records[0].Body, b.Snapshot = make([]byte, 7<<20), make([]byte, 7<<20) },
		"with an empty key":        func(b *journal.Batch) { b.Puts[0].Key = "" },
		"with a nameless timer":    func(b *journal.Batch) { b.Timers[0].Name = "" },
		"to a bad session":         func(b *journal.Batch) { b.Sends[0].To = "" },
		"to no account":            func(b *journal.Batch) { b.Charges[0].Account = "" },
	} {
		b := good()
		spoil(&b)
		_, err := s.store.Append(s.ctx(), &b)
		var gone *journal.UnavailableError
		if err == nil || errors.As(err, &gone) {
			s.Errorf("a batch %s: error %v, want one that says so", what, err)
		}
		switch {
		case strings.HasPrefix(what, "after"):
			s.wantErr("a batch "+what, err, journal.ErrConflict)
		case strings.HasPrefix(what, "of epoch"), strings.HasPrefix(what, "of an epoch"):
			s.wantErr("a batch "+what, err, journal.ErrFenced)
		case what == "of an unknown session":
			s.wantErr("a batch "+what, err, journal.ErrUnknown)
		}
	}
	s.untouched(h)
}

// untouched checks that nothing but the head's records and summary is there.
func (s *suite) untouched(h journal.Head) {
	s.Helper()
	if got := s.head(h.Session); !sameHead(got, h) {
		s.Errorf("the head is now %+v, want %+v", got, h)
	}
	if n := len(s.records(h.Session, 0)); n != int(h.Seq) {
		s.Errorf("%d records, want %d", n, h.Seq)
	}
	if v, err := s.store.Get(s.ctx(), h.Session, "k"); v != nil || err != nil {
		s.Errorf("Get = %q, %v, want nothing", v, err)
	}
	if l := s.due(base.Add(time.Hour)); len(l) != 0 {
		s.Errorf("timers %v, want none", l)
	}
	if l := s.messages(h.Session); len(l) != 0 {
		s.Errorf("messages %v, want none", l)
	}
	if sum := s.totals("acc"); sum != (journal.Totals{}) {
		s.Errorf("totals %+v, want none", sum)
	}
	if body, seq, err := s.store.Snapshot(s.ctx(), h.Session); body != nil || seq != 0 || err != nil {
		s.Errorf("Snapshot = %q, %d, %v, want none", body, seq, err)
	}
}

func fence(s *suite) {
	name := s.name("a")
	old := s.put(s.own(name), journal.Batch{Records: entries(1, 1)})
	for range 3 {
		now, err := s.store.Own(s.ctx(), name, "next", false)
		if err != nil {
			s.Fatal(err)
		}
		for _, after := range []uint64{old.Seq, now.Seq, now.Seq + 1} {
			_, err := s.store.Append(s.ctx(), &journal.Batch{Session: name, Epoch: old.Epoch, After: after, Records: entries(9, 1)})
			s.wantErr("Append by the owner before", err, journal.ErrFenced)
		}
		_, err = s.store.Append(s.ctx(), &journal.Batch{Session: name, Epoch: old.Epoch, After: now.Seq})
		s.wantErr("an empty batch by the owner before", err, journal.ErrFenced)
		s.wantErr("Compact by the owner before", s.store.Compact(s.ctx(), name, old.Epoch), journal.ErrFenced)
		if got := s.head(name); !sameHead(got, now) {
			s.Fatalf("a fenced batch changed the head to %+v, want %+v", got, now)
		}
		old = s.put(now, journal.Batch{Records: entries(int(now.Seq)+1, 2)})
	}
	epochs := map[uint64]int{}
	for _, r := range s.records(name, 0) {
		epochs[r.Epoch]++
	}
	if len(epochs) != 4 {
		s.Errorf("records by epoch: %v, want 4 epochs", epochs)
	}
}

// cancelled checks that what is given up before it starts is not written.
func cancelled(s *suite) {
	name := s.name("a")
	h := s.own(name)
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	_, err := s.store.Append(ctx, &journal.Batch{Session: name, Epoch: h.Epoch, Records: entries(1, 1)})
	s.wantErr("Append under a cancelled context", err, context.Canceled)
	_, err = s.store.Own(ctx, name, "o", true)
	s.wantErr("Own under a cancelled context", err, context.Canceled)
	if got := s.head(name); !sameHead(got, h) {
		s.Errorf("a cancelled call changed the head to %+v, want %+v", got, h)
	}
}
