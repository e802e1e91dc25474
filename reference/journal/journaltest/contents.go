package journaltest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tierlab/reference/journal"
)

func state(s *suite) {
	a, b := s.name("a"), s.name("a0") // one name begins with the other
	ha, hb := s.own(a), s.own(b)
	big := bytes.Repeat([]byte("megabytes"), 400_000)
	if s.o.Small {
		big = big[:300_000]
	}
	ha = s.put(ha, journal.Batch{Puts: []journal.Put{
		{Key: "x", Value: []byte("1")}, {Key: "x/1", Value: []byte{}}, {Key: "x/2", Value: big}, {Key: "y", Value: []byte("old")},
		{Key: "y", Value: []byte("new")}, {Key: "\x00\xff", Value: []byte("odd")}, {Key: "x\xff", Value: []byte("end")},
	}})
	hb = s.put(hb, journal.Batch{Puts: []journal.Put{{Key: "x/3", Value: []byte("b")}}})
	for key, want := range map[string][]byte{"x": []byte("1"), "x/1": {}, "x/2": big, "y": []byte("new"), "\x00\xff": []byte("odd"), "z": nil, "x/3": nil, "x/": nil} {
		got, err := s.store.Get(s.ctx(), a, key)
		if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			s.Errorf("Get(%q): %d bytes, nil %v, %v; want %d bytes, nil %v", key, len(got), got == nil, err, len(want), want == nil)
		}
	}
	for prefix, want := range map[string]string{"": "\x00\xff x x/1 x/2 x\xff y", "x": "x x/1 x/2 x\xff", "x/": "x/1 x/2", "x\xff": "x\xff", "y/": ""} {
		if got := strings.Join(s.keys(a, prefix), " "); got != want {
			s.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
	s.put(ha, journal.Batch{Puts: []journal.Put{{Key: "x", Value: nil}, {Key: "nothing", Value: nil}, {Key: "y", Value: nil}, {Key: "y", Value: []byte("again")}, {Key: "x/1", Value: []byte("set")}, {Key: "x/1", Value: nil}}})
	if got := strings.Join(s.keys(a, ""), " "); got != "\x00\xff x/2 x\xff y" {
		s.Errorf("after deletes the keys are %q", got)
	}
	if got := strings.Join(s.keys(b, ""), " "); got != "x/3" {
		s.Errorf("the other session's keys are %q", got)
	}
	s.put(hb, journal.Batch{})
}

// keys lists a session's keys and checks that values come along.
func (s *suite) keys(session, prefix string) []string {
	s.Helper()
	var list []string
	err := s.store.List(s.ctx(), session, prefix, func(p journal.Put) error {
		v, err := s.store.Get(s.ctx(), session, p.Key)
		if err != nil || !bytes.Equal(v, p.Value) || p.Value == nil {
			s.Errorf("List has %d bytes for %q, Get %d, %v", len(p.Value), p.Key, len(v), err)
		}
		list = append(list, p.Key)
		return nil
	})
	if err != nil {
		s.Fatalf("List(%q, %q): %v", session, prefix, err)
	}
	return list
}

func snapshots(s *suite) {
	name := s.name("a")
	h := s.own(name)
	for i := range 3 {
		h = s.put(h, journal.Batch{Records: entries(10*i+1, 10), Snapshot: fmt.Appendf(nil, "snapshot %d", i), Summary: fmt.Appendf(nil, "summary %d", i)})
		if h.Snapshot != h.Seq || string(h.Summary) != fmt.Sprintf("summary %d", i) {
			s.Fatalf("head %+v after snapshot %d", h, i)
		}
		h = s.put(h, journal.Batch{Records: entries(99, 1)}) // keeps both
		body, seq, err := s.store.Snapshot(s.ctx(), name)
		if err != nil || seq != h.Seq-1 || string(body) != fmt.Sprintf("snapshot %d", i) {
			s.Fatalf("Snapshot = %q, %d, %v after record %d", body, seq, err, h.Seq)
		}
		if h.Snapshot != h.Seq-1 || string(h.Summary) != fmt.Sprintf("summary %d", i) || !sameHead(h, s.head(name)) {
			s.Fatalf("head %+v", h)
		}
	}
	h = s.put(h, journal.Batch{Snapshot: []byte{}, Summary: []byte{}})
	if body, seq, err := s.store.Snapshot(s.ctx(), name); err != nil || seq != h.Seq || body == nil || len(body) != 0 {
		s.Errorf("an empty snapshot is %q, nil %v, %d, %v", body, body == nil, seq, err)
	}
	if h.Summary == nil || len(h.Summary) != 0 || !sameHead(h, s.head(name)) {
		s.Errorf("an empty summary: %+v", h)
	}
}

func timers(s *suite) {
	a, b := s.own(s.name("a")), s.own(s.name("b"))
	at := func(n int) time.Time { return base.Add(time.Duration(n)) }
	a = s.put(a, journal.Batch{Timers: []journal.Timer{{Name: "one", At: at(30)}, {Name: "two", At: at(10)}, {Name: "one", At: at(20)}, {Name: "gone", At: at(1)}, {Name: "gone"}}})
	s.put(b, journal.Batch{Timers: []journal.Timer{{Name: "one", At: at(15)}, {Name: "early", At: time.Unix(-5, 7)}, {Name: "x\x00y", At: at(20)}}})
	s.wantDue(at(9), "b early")
	s.wantDue(at(10), "b early", "a two")
	s.wantDue(at(20), "b early", "a two", "b one", "a one", "b x\x00y")
	s.wantDue(at(1000), "b early", "a two", "b one", "a one", "b x\x00y")
	a = s.put(a, journal.Batch{Timers: []journal.Timer{{Name: "two", At: at(16)}, {Name: "one"}, {Name: "never was"}}})
	s.wantDue(at(1000), "b early", "b one", "a two", "b x\x00y")
	a = s.put(a, journal.Batch{Timers: []journal.Timer{{Name: "two", At: at(16)}}}) // anew, at the same time
	s.wantDue(at(16), "b early", "b one", "a two")
	s.put(a, journal.Batch{Timers: []journal.Timer{{Name: "two"}, {Name: "two", At: at(5)}}})
	s.wantDue(at(1000), "b early", "a two", "b one", "b x\x00y")
}

// due lists this part's timers.
func (s *suite) due(until time.Time) []journal.Due {
	s.Helper()
	var list []journal.Due
	if err := s.store.Due(s.ctx(), until, func(d journal.Due) error {
		if strings.HasPrefix(d.Session, s.prefix) {
			list = append(list, d)
		}
		return nil
	}); err != nil {
		s.Fatalf("Due: %v", err)
	}
	return list
}

func (s *suite) wantDue(until time.Time, want ...string) {
	s.Helper()
	var got []string
	list := s.due(until)
	for i, d := range list {
		got = append(got, strings.TrimPrefix(d.Session, s.prefix)+" "+d.Name)
		if d.At.After(until) || i > 0 && d.At.Before(list[i-1].At) {
			s.Errorf("Due(%v): %v out of order", until, d)
		}
	}
	if !slices.Equal(got, want) {
		s.Errorf("Due(%v) = %q, want %q", until, got, want)
	}
}

func outbox(s *suite) {
	a, b := s.own(s.name("a")), s.own(s.name("a0"))
	to := func(ids ...uint64) (list []journal.Message) {
		for _, id := range ids {
			list = append(list, journal.Message{From: "ignored", ID: id, To: "target", Body: fmt.Appendf(nil, "m%d", id)})
		}
		return list
	}
	a = s.put(a, journal.Batch{Sends: to(1, 2, 300, 256)})
	b = s.put(b, journal.Batch{Sends: to(2, 1)})
	s.wantOutbox(a.Session, 1, 2, 256, 300)
	s.wantOutbox(b.Session, 1, 2)
	a = s.put(a, journal.Batch{Sent: []uint64{2, 300, 77}, Sends: to(301)})
	s.wantOutbox(a.Session, 1, 256, 301)
	s.put(a, journal.Batch{Sent: []uint64{1, 256, 301, 301}})
	s.wantOutbox(a.Session)
	s.wantOutbox(b.Session, 1, 2)
	all := s.messages("")
	if len(all) != 2 || all[0].From != b.Session || all[0].ID != 1 {
		s.Errorf("all messages: %+v, want the two of %q", all, b.Session)
	}
}

// messages lists the outbox of a session, or of this part's all.
func (s *suite) messages(session string) []journal.Message {
	s.Helper()
	var list []journal.Message
	if err := s.store.Outbox(s.ctx(), session, func(m journal.Message) error {
		if strings.HasPrefix(m.From, s.prefix) {
			list = append(list, m)
		}
		return nil
	}); err != nil {
		s.Fatalf("Outbox(%q): %v", session, err)
	}
	return list
}

func (s *suite) wantOutbox(session string, want ...uint64) {
	s.Helper()
	var got []uint64
	for _, m := range s.messages(session) {
		if m.From != session || m.To != "target" || string(m.Body) != fmt.Sprintf("m%d", m.ID) {
			s.Errorf("message %+v from %q", m, session)
		}
		got = append(got, m.ID)
	}
	if !slices.Equal(got, want) {
		s.Errorf("outbox of %q is %v, want %v", session, got, want)
	}
}

func totals(s *suite) {
	a, b := s.own(s.name("a")), s.own(s.name("b"))
	one := journal.Charge{Account: s.name("x"), Spent: journal.Amount{PicoUSD: 7, Steps: 1, Tokens: -3, Units: 2}, Reserved: journal.Amount{PicoUSD: 1 << 50, Units: -1}}
	if sum := s.totals("x"); sum != (journal.Totals{}) {
		s.Errorf("an account never charged: %+v", sum)
	}
	a = s.put(a, journal.Batch{Charges: []journal.Charge{one, one, {Account: s.name("xy"), Spent: journal.Amount{Steps: 9}}}})
	s.put(b, journal.Batch{Charges: []journal.Charge{one}})
	want := journal.Totals{Spent: journal.Amount{PicoUSD: 21, Steps: 3, Tokens: -9, Units: 6}, Reserved: journal.Amount{PicoUSD: 3 << 50, Units: -3}}
	if sum := s.totals("x"); sum != want {
		s.Errorf("totals %+v, want %+v", sum, want)
	}
	s.put(a, journal.Batch{Charges: []journal.Charge{{Account: s.name("x"), Reserved: journal.Amount{PicoUSD: -3 << 50, Units: 3}}}})
	want.Reserved = journal.Amount{}
	if sum := s.totals("x"); sum != want {
		s.Errorf("totals %+v after the reservations were taken back, want %+v", sum, want)
	}
	if sum := s.totals("xy"); sum != (journal.Totals{Spent: journal.Amount{Steps: 9}}) {
		s.Errorf("the account beside it: %+v", sum)
	}
}

// totals are an account's of this part.
func (s *suite) totals(account string) journal.Totals {
	s.Helper()
	sum, err := s.store.Totals(s.ctx(), s.name(account))
	if err != nil {
		s.Fatalf("Totals(%q): %v", account, err)
	}
	return sum
}

func sessions(s *suite) {
	var want []string
	for _, n := range []string{"c", "a", "a-", "a0", "B", "a_"} {
		s.put(s.own(s.name(n)), journal.Batch{Summary: []byte(n)})
		want = append(want, s.name(n))
	}
	slices.Sort(want)
	for i := range want {
		var got []string
		after := s.prefix + "A" // before all of them
		if i > 0 {
			after = want[i-1]
		}
		err := s.store.Sessions(s.ctx(), after, func(h journal.Head) error {
			if !strings.HasPrefix(h.Session, s.prefix) {
				return nil
			}
			if s.prefix+string(h.Summary) != h.Session || h.Epoch == 0 {
				s.Errorf("head %+v", h)
			}
			got = append(got, h.Session)
			if len(got) == 2 {
				return journal.ErrStop
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want[i:min(i+2, len(want))]) {
			s.Errorf("Sessions after %q: %q, %v; want two of %q", after, got, err, want[i:])
		}
	}
	stop := errors.New("enough")
	s.wantErr("Sessions whose function fails", s.store.Sessions(s.ctx(), "", func(journal.Head) error { return stop }), stop)
}
