package journaltest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/reference/journal"
)

// Options say how a store is made and what else it can do.
type Options struct {
	// Open makes a store. It is called once for each part of the suite, and the
	// suite closes what it returns.
	Open func(t *testing.T) journal.Store
	// Reopen closes a store and opens the same journals again; nil: it cannot.
	Reopen func(t *testing.T, s journal.Store) journal.Store
	// Crash opens the journals as a crash of the machine would leave them now,
	// without closing the store first; nil: it cannot.
	Crash func(t *testing.T, s journal.Store) journal.Store
	// Small leaves out what is large and repeats less, for stores that are slow.
	Small bool
}

// Run checks a store that cannot be reopened.
func Run(t *testing.T, open func(t *testing.T) journal.Store) {
	RunOptions(t, Options{Open: open})
}

// RunOptions checks a store.
func RunOptions(t *testing.T, o Options) {
	for _, part := range []struct {
		name string
		run  func(*suite)
	}{
		{"own", own}, {"append", appends}, {"refused", refused}, {"fence", fence},
		{"read", read}, {"compact", compact}, {"state", state}, {"snapshots", snapshots},
		{"timers", timers}, {"outbox", outbox}, {"totals", totals}, {"sessions", sessions},
		{"unknown", unknown}, {"keep", keep}, {"cancelled", cancelled}, {"callbacks", callbacks},
		{"contend/owners", contendOwners}, {"contend/after", contendAfter}, {"contend/charges", contendCharges},
		{"contend/readers", contendReaders}, {"reopened", reopened}, {"crashed", crashed}, {"property", property},
	} {
		t.Run(part.name, func(t *testing.T) {
			s := &suite{TB: t, t: t, o: o, store: o.Open(t), prefix: fmt.Sprintf("jt%d-", runs.Add(1))}
			defer func() {
				if err := s.store.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			part.run(s)
		})
	}
}

// runs numbers the parts that this process has run, for their sessions' names.
var runs atomic.Uint64

// suite is one part's store, and the names that are its own.
type suite struct {
	rapid.TB // t, or the run of a property
	t        *testing.T
	o        Options
	store    journal.Store
	prefix   string
}

// base is when everything in the suite happens first. Its nanoseconds matter.
var base = time.Unix(1_750_000_000, 123_456_789)

func (s *suite) name(n string) string { return s.prefix + n }

func (s *suite) ctx() context.Context { return s.t.Context() }

// own takes a session, making it.
func (s *suite) own(session string) journal.Head {
	s.Helper()
	h, err := s.store.Own(s.ctx(), session, "suite", true)
	if err != nil {
		s.Fatalf("Own(%q): %v", session, err)
	}
	return h
}

// put writes a batch after the head and returns the new head.
func (s *suite) put(h journal.Head, b journal.Batch) journal.Head {
	s.Helper()
	b.Session, b.Epoch, b.After = h.Session, h.Epoch, h.Seq
	h2, err := s.store.Append(s.ctx(), &b)
	if err != nil {
		s.Fatalf("Append after %d of %q: %v", h.Seq, h.Session, err)
	}
	return h2
}

// entries are n records that differ from each other.
func entries(first, n int) []journal.Entry {
	list := make([]journal.Entry, n)
	for i := range list {
		k := first + i
		list[i] = journal.Entry{At: base.Add(time.Duration(k) * time.Millisecond), Kind: fmt.Sprintf("kind%d", k%3), Body: fmt.Appendf(nil, "body of %d", k)}
	}
	return list
}

// records reads a session after a number.
func (s *suite) records(session string, after uint64) []journal.Record {
	s.Helper()
	var list []journal.Record
	err := s.store.Read(s.ctx(), session, after, func(r journal.Record) error {
		list = append(list, r)
		return nil
	})
	if err != nil {
		s.Fatalf("Read(%q, %d): %v", session, after, err)
	}
	return list
}

// head asks for a head.
func (s *suite) head(session string) journal.Head {
	s.Helper()
	h, err := s.store.Head(s.ctx(), session)
	if err != nil {
		s.Fatalf("Head(%q): %v", session, err)
	}
	return h
}

// wantErr checks an error's kind.
func (s *suite) wantErr(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// sameHead compares all of two heads.
func sameHead(a, b journal.Head) bool {
	return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) && (a.Summary == nil) == (b.Summary == nil)
}
