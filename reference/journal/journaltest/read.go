package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"tierlab/reference/journal"
)

func read(s *suite) {
	name := s.name("a")
	h := s.own(name)
	if n := len(s.records(name, 0)); n != 0 {
		s.Fatalf("a new session has %d records", n)
	}
	for i := range 4 {
		h = s.put(h, journal.Batch{Records: entries(25*i+1, 25)})
	}
	all := s.records(name, 0)
	for _, after := range []uint64{0, 1, 24, 25, 99} {
		compare(s, s.records(name, after), all[after:])
	}
	for _, after := range []uint64{100, 101, 1 << 62} {
		if n := len(s.records(name, after)); n != 0 {
			s.Errorf("Read after %d of 100: %d records", after, n)
		}
	}
	fault := errors.New("a caller's own")
	for _, stop := range []error{journal.ErrStop, fault, fmt.Errorf("wrapped: %w", journal.ErrStop)} {
		n := 0
		err := s.store.Read(s.ctx(), name, 10, func(r journal.Record) error {
			if n++; n == 3 {
				return stop
			}
			return nil
		})
		if n != 3 {
			s.Errorf("Read went on to record %d after %v", n, stop)
		}
		if errors.Is(stop, journal.ErrStop) && err != nil || stop == fault && !errors.Is(err, fault) {
			s.Errorf("Read ended by %v: %v", stop, err)
		}
	}
	next, err := s.store.Own(s.ctx(), name, "next", false)
	if err != nil {
		s.Fatal(err)
	}
	s.put(next, journal.Batch{Records: entries(101, 1)})
	if last := s.records(name, 0); len(last) != 101 || last[100].Epoch != next.Epoch || last[99].Epoch != h.Epoch {
		s.Errorf("after a takeover: %d records, the last %+v", len(last), last[len(last)-1])
	}
}

func compact(s *suite) {
	name := s.name("a")
	h := s.put(s.own(name), journal.Batch{Records: entries(1, 40)})
	if err := s.store.Compact(s.ctx(), name, h.Epoch); err != nil {
		s.Fatalf("Compact without a snapshot: %v", err)
	}
	if got := s.head(name); !sameHead(got, h) || len(s.records(name, 0)) != 40 {
		s.Errorf("Compact without a snapshot left %+v", got)
	}
	h = s.put(h, journal.Batch{Records: entries(41, 10), Snapshot: []byte("at 50"), Puts: []journal.Put{{Key: "k", Value: []byte("v")}},
		Timers: []journal.Timer{{Name: "t", At: base}}, Sends: []journal.Message{{ID: 1, To: "b"}}})
	h = s.put(h, journal.Batch{Records: entries(51, 5)})
	all := s.records(name, 0)
	s.wantErr("Compact under another epoch", s.store.Compact(s.ctx(), name, h.Epoch+1), journal.ErrFenced)
	for range 2 { // a second time changes nothing
		if err := s.store.Compact(s.ctx(), name, h.Epoch); err != nil {
			s.Fatalf("Compact: %v", err)
		}
		h.First = 51
		if got := s.head(name); !sameHead(got, h) {
			s.Fatalf("head %+v, want %+v", got, h)
		}
		compare(s, s.records(name, 50), all[50:])
		compare(s, s.records(name, 52), all[52:])
		s.wantGone(name, 0, 49)
	}
	if v, err := s.store.Get(s.ctx(), name, "k"); string(v) != "v" || err != nil {
		s.Errorf("Get after Compact: %q, %v", v, err)
	}
	if len(s.due(base)) != 1 || len(s.messages(name)) != 1 {
		s.Errorf("after Compact: timers %v, messages %v", s.due(base), s.messages(name))
	}
	h = s.put(h, journal.Batch{Records: entries(56, 2), Snapshot: []byte("at 57")})
	if err := s.store.Compact(s.ctx(), name, h.Epoch); err != nil { // all of them
		s.Fatalf("Compact: %v", err)
	}
	if h.First = 58; !sameHead(s.head(name), h) || len(s.records(name, 57)) != 0 {
		s.Errorf("head %+v, want %+v", s.head(name), h)
	}
	s.wantGone(name, 0, 56)
	h = s.put(h, journal.Batch{Records: entries(58, 1)})
	if l := s.records(name, 57); len(l) != 1 || l[0].Hash != h.Hash || l[0].Seq != 58 {
		s.Errorf("after the anchor: %+v, head %+v", l, h)
	}
}

// wantGone checks that records that were compacted away are an error.
func (s *suite) wantGone(session string, after ...uint64) {
	s.Helper()
	for _, n := range after {
		called := false
		err := s.store.Read(s.ctx(), session, n, func(journal.Record) error { called = true; return nil })
		var corrupt *journal.CorruptError
		if err == nil || called || errors.As(err, &corrupt) || errors.Is(err, journal.ErrUnknown) {
			s.Errorf("Read after %d, which is compacted away: called %v, %v", n, called, err)
		}
	}
}

// unknown asks every method that names a session for one that is not there.
func unknown(s *suite) {
	name := s.name("nobody")
	for what, ask := range map[string]func(context.Context) error{
		"Own": func(ctx context.Context) error { _, err := s.store.Own(ctx, name, "o", false); return err },
		"Append": func(ctx context.Context) error {
			_, err := s.store.Append(ctx, &journal.Batch{Session: name, Epoch: 1})
			return err
		},
		"Head":     func(ctx context.Context) error { _, err := s.store.Head(ctx, name); return err },
		"Read":     func(ctx context.Context) error { return s.store.Read(ctx, name, 0, nil) },
		"Snapshot": func(ctx context.Context) error { _, _, err := s.store.Snapshot(ctx, name); return err },
		"Get":      func(ctx context.Context) error { _, err := s.store.Get(ctx, name, "k"); return err },
		"List":     func(ctx context.Context) error { return s.store.List(ctx, name, "", nil) },
		"Outbox":   func(ctx context.Context) error { return s.store.Outbox(ctx, name, nil) },
		"Compact":  func(ctx context.Context) error { return s.store.Compact(ctx, name, 1) },
	} {
		s.wantErr(what+" of a session that is not there", ask(s.ctx()), journal.ErrUnknown)
	}
}

// keep scribbles over what went in and what came out.
func keep(s *suite) {
	name := s.name("a")
	h := s.own(name)
	body := func() []byte { return []byte("abc") }
	b := journal.Batch{
		Session: name, Epoch: h.Epoch, Records: []journal.Entry{{At: base, Kind: "k", Body: body()}, {At: base, Kind: "k", Body: body()}},
		Puts: []journal.Put{{Key: "k", Value: body()}, {Key: "l", Value: body()}}, Snapshot: body(), Summary: body(),
		Sends: []journal.Message{{ID: 1, To: "b", Body: body()}, {ID: 2, To: "b", Body: body()}},
	}
	if _, err := s.store.Append(s.ctx(), &b); err != nil {
		s.Fatal(err)
	}
	for _, v := range [][]byte{b.Records[0].Body, b.Puts[0].Value, b.Snapshot, b.Summary, b.Sends[0].Body} {
		clear(v)
	}
	for range 2 { // the second time sees what the first has scribbled over
		var out [][]byte
		for _, r := range s.records(name, 0) {
			out = append(out, r.Body)
		}
		snap, _, err1 := s.store.Snapshot(s.ctx(), name)
		v, err2 := s.store.Get(s.ctx(), name, "k")
		err3 := s.store.List(s.ctx(), name, "", func(p journal.Put) error { out = append(out, p.Value); return nil })
		if err := errors.Join(err1, err2, err3); err != nil {
			s.Fatal(err)
		}
		for _, m := range s.messages(name) {
			out = append(out, m.Body)
		}
		out = append(out, snap, v, s.head(name).Summary)
		for i, v := range out {
			if !bytes.Equal(v, body()) {
				s.Errorf("value %d of %d is %q", i, len(out), v)
			}
			clear(v)
		}
	}
}

// callbacks calls the store from within a callback, while others write.
func callbacks(s *suite) {
	name := s.name("a")
	h := s.put(s.own(name), journal.Batch{Records: entries(1, 5), Puts: []journal.Put{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}},
		Timers: []journal.Timer{{Name: "t", At: base}}, Sends: []journal.Message{{ID: 1, To: "b"}}})
	calls := 0
	inside := func() error {
		if calls++; calls > 100 {
			return errors.New("the iteration follows what is written during it")
		}
		if _, err := s.store.Get(s.ctx(), name, "a"); err != nil {
			return err
		}
		h = s.put(h, journal.Batch{Records: entries(int(h.Seq)+1, 1), Puts: []journal.Put{{Key: "c", Value: []byte("3")}}})
		return nil
	}
	err := errors.Join(
		s.store.Read(s.ctx(), name, 0, func(journal.Record) error { return inside() }),
		s.store.List(s.ctx(), name, "", func(journal.Put) error { return inside() }),
		s.store.Due(s.ctx(), base, func(d journal.Due) error {
			if d.Session == name {
				return inside()
			}
			return nil
		}),
		s.store.Outbox(s.ctx(), name, func(journal.Message) error { return inside() }),
		s.store.Sessions(s.ctx(), s.prefix, func(journal.Head) error {
			if err := inside(); err != nil {
				return err
			}
			return journal.ErrStop
		}),
	)
	// Read and List may or may not see what was written meanwhile.
	if err != nil || calls < 10 {
		s.Errorf("%d calls back, %v", calls, err)
	}
	if n := len(s.records(name, 0)); n != int(h.Seq) {
		s.Errorf("%d records, want %d", n, h.Seq)
	}
}
