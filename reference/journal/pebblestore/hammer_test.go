package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tierlab/reference/journal"
)

// hammer writes to sessions from one goroutine each, in batches of which every
// part says which one it was, so that any half of one shows.
type hammer struct {
	sessions int
	acked    []atomic.Uint64 // a session's last record that was acknowledged
	shown    []atomic.Uint64 // the last record of which a reader was told
	stop     atomic.Bool
	batches  int  // of a session; 0: until stop, or an error
	size     int  // of a body
	keep     bool // all records
}

func newHammer(sessions int) *hammer {
	return &hammer{sessions: sessions, acked: make([]atomic.Uint64, sessions), shown: make([]atomic.Uint64, sessions), size: 100}
}

func session(i int) string { return fmt.Sprint("s", i) }

var began = time.Unix(1_750_000_000, 0)

// batch is what is written after a head: two records, and what follows from them.
func (w *hammer) batch(h journal.Head) *journal.Batch {
	seq := h.Seq + 2
	number := binary.BigEndian.AppendUint64(nil, seq)
	e := journal.Entry{At: began.Add(time.Duration(seq)), Kind: "k", Body: make([]byte, w.size)}
	if w.keep { // and they do not shrink
		rand.NewChaCha8([32]byte(h.Hash)).Read(e.Body)
	}
	b := &journal.Batch{
		Session: h.Session, Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{e, e},
		Puts: []journal.Put{{Key: "at", Value: number}}, Timers: []journal.Timer{{Name: "t", At: e.At}},
		Sends: []journal.Message{{ID: seq, To: "x", Body: number}}, Sent: []uint64{h.Seq},
		Charges: []journal.Charge{{Account: "all", Spent: journal.Amount{Steps: 2}}}, Summary: number,
	}
	if seq%20 == 0 {
		b.Snapshot = number
	}
	return b
}

// run writes until all sessions have ended, and returns their last errors.
func (w *hammer) run(s *Store) []error {
	errs := make([]error, w.sessions)
	var wg sync.WaitGroup
	for i := range w.sessions {
		wg.Go(func() { errs[i] = w.write(s, i) })
	}
	wg.Wait()
	return errs
}

func (w *hammer) write(s *Store, i int) error {
	ctx := context.Background()
	h, err := s.Own(ctx, session(i), "o", true)
	for n := 0; err == nil && !w.stop.Load() && (w.batches == 0 || n < w.batches); n++ {
		if h, err = s.Append(ctx, w.batch(h)); err != nil {
			break
		}
		w.acked[i].Store(h.Seq)
		if h.Snapshot > h.First+40 && !w.keep {
			err = s.Compact(ctx, h.Session, h.Epoch)
		}
	}
	return err
}

// watch reads in every way that tells how far a session is, until done, and
// keeps what it was told.
func (w *hammer) watch(s *Store, done <-chan struct{}) {
	ctx := context.Background()
	told := func(name string, seq uint64) error {
		var i int
		if _, err := fmt.Sscanf(name, "s%d", &i); err != nil {
			return err
		}
		w.shown[i].Store(max(seq, w.shown[i].Load()))
		return nil
	}
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		switch i % 4 { // an error is the disk's, which other checks are about
		case 0:
			_ = s.Outbox(ctx, "", func(m journal.Message) error { return told(m.From, m.ID) })
		case 1:
			_ = s.Sessions(ctx, "", func(h journal.Head) error { return told(h.Session, h.Seq) })
		case 2:
			_ = s.Due(ctx, began.Add(time.Hour), func(d journal.Due) error { return told(d.Session, uint64(d.At.Sub(began))) })
		default:
			if h, err := s.Head(ctx, session(i/4%w.sessions)); err == nil {
				_ = told(h.Session, h.Seq)
			}
		}
	}
}

// check compares a store with what was acknowledged. at is each session's last
// record that has to be there; nil: what was acknowledged.
func (w *hammer) check(t *testing.T, s *Store, at []uint64) []journal.Head {
	t.Helper()
	ctx := context.Background()
	heads := make([]journal.Head, w.sessions)
	var sum int64
	timers, messages := map[string]time.Time{}, map[string]uint64{}
	for i := range w.sessions {
		least := w.acked[i].Load()
		if at != nil {
			least = at[i]
		}
		h, err := s.Head(ctx, session(i))
		if errors.Is(err, journal.ErrUnknown) && least == 0 {
			continue
		}
		if err != nil {
			t.Fatalf("Head: %v", err)
		}
		heads[i] = h
		if h.Seq < least || h.Seq%2 != 0 {
			t.Errorf("INV-J1: session %s: the last record is %d, and %d was acknowledged", h.Session, h.Seq, least)
		}
		n := h.First - 1
		if err := s.Read(ctx, h.Session, n, func(r journal.Record) error { n++; return nil }); err != nil || n != h.Seq {
			t.Errorf("Read: up to %d of %d, %v", n, h.Seq, err)
		}
		v, err := s.Get(ctx, h.Session, "at")
		if err != nil || h.Seq > 0 && (len(v) != 8 || binary.BigEndian.Uint64(v) != h.Seq || string(h.Summary) != string(v)) {
			t.Errorf("INV-J1: session %s: record %d, state %x, summary %x, %v", h.Session, h.Seq, v, h.Summary, err)
		}
		if h.Seq > 0 {
			timers[h.Session], messages[h.Session] = began.Add(time.Duration(h.Seq)), h.Seq
		}
		sum += int64(h.Seq)
	}
	if got, err := s.Totals(ctx, "all"); err != nil || got.Spent.Steps != sum {
		t.Errorf("INV-J5: the total is %d, and there are %d records (%v)", got.Spent.Steps, sum, err)
	}
	if err := s.Due(ctx, began.Add(time.Hour), func(d journal.Due) error {
		if !timers[d.Session].Equal(d.At) {
			t.Errorf("INV-J5: timer %+v, want %v", d, timers[d.Session])
		}
		delete(timers, d.Session)
		return nil
	}); err != nil || len(timers) > 0 {
		t.Errorf("INV-J5: timers of %v are missing, %v", timers, err)
	}
	if err := s.Outbox(ctx, "", func(m journal.Message) error {
		if messages[m.From] != m.ID {
			t.Errorf("INV-J5: message %+v, want %d", m, messages[m.From])
		}
		delete(messages, m.From)
		return nil
	}); err != nil || len(messages) > 0 {
		t.Errorf("INV-J5: messages of %v are missing, %v", messages, err)
	}
	return heads
}

// seqs are the heads' last records.
func seqs(heads []journal.Head) []uint64 {
	list := make([]uint64, len(heads))
	for i, h := range heads {
		list[i] = h.Seq
	}
	return list
}

// load is what is in a list of counters now.
func load(list []atomic.Uint64) []uint64 {
	now := make([]uint64, len(list))
	for i := range list {
		now[i] = list[i].Load()
	}
	return now
}

// wantUnavailable checks that a store refuses every kind of write, and says why.
func wantUnavailable(t *testing.T, s *Store, why string) {
	t.Helper()
	ctx := context.Background()
	_, err1 := s.Append(ctx, &journal.Batch{Session: session(0), Epoch: 1})
	_, err2 := s.Own(ctx, "new", "o", true)
	for _, err := range []error{err1, err2, s.Compact(ctx, session(0), 1)} {
		var u *journal.UnavailableError
		if !errors.As(err, &u) || !strings.Contains(err.Error(), why) {
			t.Errorf("a write is answered by %v, want an UnavailableError that says %q", err, why)
		}
	}
}
