package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"tierlab/reference/journal"
)

func entry(i int) journal.Entry {
	return journal.Entry{At: time.Unix(int64(i), 5), Kind: "k", Body: fmt.Appendf(nil, "body %d", i)}
}

// grow appends n records to a session that it owns first.
func grow(t testing.TB, s *Store, session string, n int) journal.Head {
	t.Helper()
	h, err := s.Own(t.Context(), session, s.node, true)
	for i := 0; i < n && err == nil; i++ {
		h, err = s.Append(t.Context(), &journal.Batch{Session: session, Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{entry(i)}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// beside opens another store on the same server.
func beside(t testing.TB, s *served, node string) *Store {
	t.Helper()
	other, err := Open(t.Context(), Config{URL: s.server.URL(), Node: node})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}

// TestFresh compacts a session with large values and reads all of it on a node
// that starts afterwards, when the messages before are gone.
func TestFresh(t *testing.T) {
	s := serve(t, t.TempDir())
	h := grow(t, s.Store, "a", 100)
	large := bytes.Repeat([]byte("large"), 300_000)
	var err error
	for i, b := range []journal.Batch{
		{Puts: []journal.Put{{Key: "small", Value: []byte("1")}, {Key: "large", Value: large}, {Key: "gone", Value: large}}},
		{Puts: []journal.Put{{Key: "gone"}}, Timers: []journal.Timer{{Name: "t", At: time.Unix(9, 0)}}, Sends: []journal.Message{{ID: 4, To: "b", Body: []byte("hello")}}},
		{Records: []journal.Entry{entry(200)}, Charges: []journal.Charge{{Account: "acc", Spent: journal.Amount{Steps: 3}}}, Snapshot: large, Summary: []byte("sum")},
		{Records: []journal.Entry{entry(201)}, Puts: []journal.Put{{Key: "later", Value: large[:5000]}}},
	} {
		b.Session, b.Epoch, b.After = "a", h.Epoch, h.Seq
		if h, err = s.Append(t.Context(), &b); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := s.Compact(t.Context(), "a", h.Epoch); err != nil {
		t.Fatal(err)
	}
	info, err := s.wire.stream.Info(t.Context(), jetstream.WithSubjectFilter("journal.a"))
	if err != nil || info.State.Subjects["journal.a"] != 3 {
		t.Errorf("the session has %d messages (%v), want the snapshot's, the one after it and the base", info.State.Subjects["journal.a"], err)
	}
	// Twice, so that a base follows a base.
	if h, err = s.Append(t.Context(), &journal.Batch{Session: "a", Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{entry(202)}, Snapshot: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(t.Context(), "a", h.Epoch); err != nil {
		t.Fatal(err)
	}
	if h, err = s.Append(t.Context(), &journal.Batch{Session: "a", Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{entry(203)}}); err != nil {
		t.Fatal(err)
	}
	for _, other := range []*Store{s.Store, beside(t, s, "fresh")} {
		t.Run(other.node, func(t *testing.T) { wantAll(t, other, h, large) })
	}
}

func wantAll(t *testing.T, s *Store, want journal.Head, large []byte) {
	ctx := t.Context()
	h, err := s.Head(ctx, "a")
	if err != nil || h.Hash != want.Hash || h.Seq != want.Seq || h.First != 104 || h.Snapshot != 103 || string(h.Summary) != "sum" {
		t.Errorf("head %+v (%v), want %+v", h, err, want)
	}
	var keys []string
	err = s.List(ctx, "a", "", func(p journal.Put) error {
		keys = append(keys, fmt.Sprint(p.Key, len(p.Value)))
		return nil
	})
	if err != nil || !slices.Equal(keys, []string{"large1500000", "later5000", "small1"}) {
		t.Errorf("state %v (%v)", keys, err)
	}
	if v, err := s.Get(ctx, "a", "large"); err != nil || !bytes.Equal(v, large) {
		t.Errorf("the large value has %d bytes (%v)", len(v), err)
	}
	if body, seq, err := s.Snapshot(ctx, "a"); err != nil || seq != 103 || string(body) != "two" {
		t.Errorf("snapshot %q at %d (%v)", body, seq, err)
	}
	if total, err := s.Totals(ctx, "acc"); err != nil || total.Spent.Steps != 3 {
		t.Errorf("totals %+v (%v)", total, err)
	}
	n := 0
	if err := s.Due(ctx, time.Unix(10, 0), func(journal.Due) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d timers are due (%v)", n, err)
	}
	if err := s.Outbox(ctx, "", func(m journal.Message) error { n += int(m.ID); return nil }); err != nil || n != 5 {
		t.Errorf("the outbox adds up to %d (%v)", n, err)
	}
	var got []uint64
	if err := s.Read(ctx, "a", 103, func(r journal.Record) error { got = append(got, r.Seq); return nil }); err != nil || !slices.Equal(got, []uint64{104}) {
		t.Errorf("records %v (%v)", got, err)
	}
	if err := s.Read(ctx, "a", 50, func(journal.Record) error { return nil }); err == nil {
		t.Error("records that were compacted away were read")
	}
}

// TestBehind compacts a session while another node's copy stands still: its
// strong reads then have everything, though the messages are gone.
func TestBehind(t *testing.T) {
	s := serve(t, t.TempDir())
	other := beside(t, s, "n2")
	h := grow(t, s.Store, "a", 3)
	if _, err := other.Head(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	other.view.mu.Lock()
	var err error
	for i := range 50 {
		if h, err = s.Append(t.Context(), &journal.Batch{Session: "a", Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{entry(i)}, Snapshot: []byte("s")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Compact(t.Context(), "a", h.Epoch); err != nil {
		t.Fatal(err)
	}
	other.view.mu.Unlock()
	if got, err := other.Head(t.Context(), "a"); err != nil || got.Hash != h.Hash || got.Seq != 53 || got.First != 54 {
		t.Errorf("the copy's head is %+v (%v), want %+v", got, err, h)
	}
}

// TestFinal cuts writes off at odd moments: what Head then says stays so.
func TestFinal(t *testing.T) {
	s := serve(t, t.TempDir())
	h := grow(t, s.Store, "a", 1)
	unknown := 0
	for i := range 300 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Microsecond)
		next, err := s.Append(ctx, &journal.Batch{Session: "a", Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{entry(i)}})
		cancel()
		if err == nil {
			h = next
			continue
		}
		unknown++
		said, err := s.Head(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if next, err = s.Append(t.Context(), &journal.Batch{Session: "a", Epoch: h.Epoch, After: said.Seq, Records: []journal.Entry{entry(i)}}); err != nil {
			t.Fatalf("Head said %d records, and a batch after them: %v", said.Seq, err)
		}
		h = next
	}
	if unknown == 0 {
		t.Error("no write was cut off")
	}
	n := 0
	if err := s.Read(t.Context(), "a", 0, func(journal.Record) error { n++; return nil }); err != nil || uint64(n) != h.Seq {
		t.Errorf("%d records of %d (%v)", n, h.Seq, err)
	}
}

// TestForeign writes to the stream past the store: of a newer program, damaged,
// and under an epoch that is over. Each is that session's error and no other's.
func TestForeign(t *testing.T) {
	s := serve(t, t.TempDir())
	h := grow(t, s.Store, "whole", 2)
	base := func(session string) *message {
		h := grow(t, s.Store, session, 2)
		m := &message{kind: batchKind, prev: s.grips[session].last, epoch: h.Epoch, hash: h.Hash, batch: &journal.Batch{After: h.Seq, Records: []journal.Entry{entry(9)}}}
		link(m)
		return m
	}
	for name, change := range map[string]func(*message) []byte{
		"newer":   func(m *message) []byte { d := m.encode(); d[0] = format + 1; return d },
		"damaged": func(m *message) []byte { d := m.encode(); d[40] ^= 1; return d },
		"fenced":  func(m *message) []byte { m.epoch = 0; m.links = nil; link(m); return m.encode() },
		"broken":  func(m *message) []byte { m.links[0][3] ^= 1; return m.encode() },
		"place":   func(m *message) []byte { m.prev--; return m.encode() },
	} {
		if _, err := s.wire.publish(t.Context(), "journal."+name, change(base(name)), nil); err != nil {
			t.Fatal(err)
		}
		_, err := s.Head(t.Context(), name)
		var corrupt *journal.CorruptError
		var newer *journal.VersionError
		switch {
		case name == "newer" && (!errors.As(err, &newer) || newer.Found != format+1):
			t.Errorf("%s: %v, want a *VersionError", name, err)
		case name != "newer" && (!errors.As(err, &corrupt) || corrupt.Session != name || corrupt.Seq != 3):
			t.Errorf("%s: %v, want a *CorruptError of record 3", name, err)
		}
		if _, err := s.Own(t.Context(), name, "me", true); err == nil {
			t.Errorf("%s: was owned", name)
		}
	}
	if got, err := s.Head(t.Context(), "whole"); err != nil || got.Hash != h.Hash {
		t.Errorf("the whole session's head is %+v (%v)", got, err)
	}
}

// TestStreams opens what is no journal, or a newer program's.
func TestStreams(t *testing.T) {
	s := serve(t, t.TempDir())
	for name, meta := range map[string]map[string]string{"other": nil, "newer": {formatKey: "2"}} {
		if _, err := s.wire.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name}, Metadata: meta}); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), Config{Server: s.server, Stream: name})
		var newer *journal.VersionError
		if err == nil || (name == "newer") != errors.As(err, &newer) {
			t.Errorf("stream %s: %v", name, err)
		}
	}
	for _, c := range []Config{{}, {URL: "nats://x", Server: s.server}, {Server: s.server, Stream: "a.b"}, {Server: s.server, Node: "*"}, {Server: s.server, Replicas: 9}} {
		if _, err := Open(t.Context(), c); err == nil {
			t.Errorf("%+v was opened", c)
		}
	}
}

// TestUnavailable stops two of three servers: writes and strong reads fail after
// the timeout, local ones go on, and nothing ends.
func TestUnavailable(t *testing.T) {
	c := startCluster(t)
	info, err := c.stores[0].wire.stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var s *Store
	for _, store := range c.stores {
		if store.node == info.Cluster.Leader {
			s = store
		}
	}
	if s == nil {
		t.Fatalf("the leader is %q, none of ours", info.Cluster.Leader)
	}
	h := grow(t, s, "a", 3)
	for i, store := range c.stores {
		if store != s {
			c.servers[i].Stop()
		}
	}
	s.timeout = time.Second
	var unavailable *journal.UnavailableError
	if _, err := s.Append(t.Context(), &journal.Batch{Session: "a", Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{entry(4)}}); !errors.As(err, &unavailable) {
		t.Errorf("Append: %v, want a *UnavailableError", err)
	}
	if _, err := s.Head(t.Context(), "a"); !errors.As(err, &unavailable) {
		t.Errorf("Head: %v, want a *UnavailableError", err)
	}
	n := 0
	if err := s.Local().Read(t.Context(), "a", 0, func(journal.Record) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d records of this node's copy (%v), want 3", n, err)
	}
	if age, seq, err := s.Freshness("a"); err != nil || seq != 3 || age <= 0 || age > time.Hour {
		t.Errorf("the copy is %v old at record %d (%v)", age, seq, err)
	}
}
