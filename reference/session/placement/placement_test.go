package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tierlab/reference/journal"
)

// world is a log and the sessions in it, in memory, seen at once by all nodes
// that are not cut off.
type world struct {
	mu       sync.Mutex
	seq      uint64
	members  map[string]said
	sessions map[string]journal.Head
	turnout  chan struct{}
	silent   map[string]bool // nodes that neither hear nor are heard
}

type said struct {
	body []byte
	seq  uint64
}

func newWorld(sessions int, owner string) *world {
	w := &world{members: map[string]said{}, sessions: map[string]journal.Head{}, turnout: make(chan struct{}), silent: map[string]bool{}}
	for i := range sessions {
		name := fmt.Sprint("s", i)
		w.sessions[name] = journal.Head{Session: name, Owner: owner, Epoch: 1}
	}
	return w
}

// seat is one node's end of the world.
type seat struct {
	*world
	node  string
	place *Placement
	mine  map[string]bool // guarded by world.mu
	stop  context.CancelFunc
	done  chan struct{}
}

var errSilent = errors.New("nobody hears")

func (s *seat) Announce(_ context.Context, node string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent[s.node] {
		return errSilent
	}
	s.seq++
	s.members[node] = said{body, s.seq}
	close(s.turnout)
	s.turnout = make(chan struct{})
	return nil
}

func (s *seat) Members(each func(string, []byte, uint64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent[s.node] {
		return
	}
	for node, m := range s.members {
		each(node, m.body, m.seq)
	}
}

func (s *seat) Turnout() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turnout
}

func (s *seat) heads(_ context.Context, after string, each func(journal.Head) error) error {
	s.mu.Lock()
	heads := slices.SortedFunc(maps.Values(s.sessions), func(a, b journal.Head) int { return cmp.Compare(a.Session, b.Session) })
	if s.silent[s.node] {
		heads = nil
	}
	s.mu.Unlock()
	for _, h := range heads {
		if h.Session > after {
			if err := each(h); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *seat) take(_ context.Context, session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent[s.node] {
		return errSilent
	}
	h := s.sessions[session]
	h.Owner, h.Epoch = s.node, h.Epoch+1
	s.sessions[session] = h
	s.mine[session] = true
	return nil
}

func (s *seat) drop(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mine, session)
}

func (w *world) join(t *testing.T, node string) *seat {
	s := &seat{world: w, node: node, mine: map[string]bool{}, done: make(chan struct{})}
	var err error
	s.place, err = New(Config{Node: node, Log: s, Sessions: s.heads, Take: s.take, Drop: s.drop})
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(t.Context())
	go func() {
		defer close(s.done)
		s.place.Run(ctx)
	}()
	return s
}

// check wants every session owned by the one seat that drives it.
func (w *world) check(t *testing.T, seats ...*seat) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, h := range w.sessions {
		for _, s := range seats {
			if s.mine[name] != (h.Owner == s.node) {
				t.Errorf("%s belongs to %s, and %s drives it: %v", name, h.Owner, s.node, s.mine[name])
			}
		}
		if !slices.ContainsFunc(seats, func(s *seat) bool { return s.node == h.Owner }) {
			t.Errorf("%s belongs to %s, which is not there", name, h.Owner)
		}
	}
}

func (w *world) hush(node string, silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent[node] = silent
}

func TestPlacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(60, "a")
		a := w.join(t, "a")
		time.Sleep(time.Second)
		w.check(t, a) // what was its own before it was started, it takes again

		b, c := w.join(t, "b"), w.join(t, "c")
		time.Sleep(5 * time.Second)
		w.check(t, a, b, c)
		if len(a.mine) != 60 {
			t.Errorf("%d sessions moved when nodes joined", 60-len(a.mine))
		}

		// a is cut off: b and c share what it had, and a does not know.
		w.hush("a", true)
		time.Sleep(6 * time.Second)
		w.check(t, b, c)
		if len(a.mine) != 60 || len(b.mine) == 0 || len(c.mine) == 0 {
			t.Errorf("a drives %d, b %d and c %d", len(a.mine), len(b.mine), len(c.mine))
		}

		// a is back, and drops what others have.
		w.hush("a", false)
		time.Sleep(2 * time.Second)
		w.check(t, a, b, c)
		if len(a.mine) != 0 {
			t.Errorf("a has come back and drives %d sessions", len(a.mine))
		}

		// b leaves, and what it had is elsewhere at once.
		b.mu.Lock()
		clear(b.mine)
		b.mu.Unlock()
		if err := b.place.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		<-b.done
		w.check(t, a, c)
		if live := a.place.Live(); !slices.Equal(live, []string{"a", "c"}) {
			t.Errorf("after b has left, %v are there", live)
		}
		a.stop()
		c.stop()
		<-a.done
		<-c.done
	})
}

// TestRetry lets taking fail for a while.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(3, "gone")
		a := w.join(t, "a")
		time.Sleep(time.Second)
		w.check(t, a)
		w.hush("a", true)
		w.mu.Lock()
		w.sessions["new"] = journal.Head{Session: "new", Owner: "gone", Epoch: 4}
		w.mu.Unlock()
		time.Sleep(time.Minute)
		w.hush("a", false)
		time.Sleep(2 * time.Second)
		w.check(t, a)
		a.stop()
		<-a.done
	})
}

func TestConfig(t *testing.T) {
	s := &seat{world: newWorld(0, "")}
	good := Config{Node: "a", Log: s, Sessions: s.heads, Take: s.take, Drop: s.drop}
	for what, change := range map[string]func(*Config){
		"no node": func(c *Config) { c.Node = "" }, "no log": func(c *Config) { c.Log = nil },
		"no take": func(c *Config) { c.Take = nil }, "too quick": func(c *Config) { c.Lost = c.Beat },
		"negative": func(c *Config) { c.Beat = -1 },
	} {
		c := good
		c.Beat = time.Second
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}
