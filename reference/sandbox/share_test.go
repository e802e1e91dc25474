package sandbox

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestShare: a session that fills the queue holds no more than its share of the
// children, and another is served beside it.
func TestShare(t *testing.T) {
	p := newPool(t, Config{Workers: 2})
	var together, most atomic.Int64
	held := make(chan struct{})
	greedy := &Run{Language: JavaScript, Source: []byte(`host.hold()`), Session: "greedy", Hosts: []string{"hold"},
		Host: hostFunc(func() {
			n := together.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-held
			together.Add(-1)
		})}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := p.Run(t.Context(), greedy); err != nil {
				t.Error(err)
			}
		})
	}
	for together.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	r, err := p.Run(t.Context(), &Run{Language: JavaScript, Source: []byte(`1`), Session: "modest"})
	if err != nil || string(r.Value) != "1" {
		t.Errorf("beside a greedy session: %+v, %v", r, err)
	}
	close(held)
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("one session held %d of 2 children", most.Load())
	}
	p.Close() // the last runs' places come back with their children
	if len(p.shares.of) != 0 {
		t.Errorf("%d sessions are remembered", len(p.shares.of))
	}
}

// TestShareOfLost: the place of a run that cost its child comes back with
// another child.
func TestShareOfLost(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	for range 3 {
		r, err := p.Run(t.Context(), &Run{Language: JavaScript, Source: []byte(`for (;;);`), Session: "s", Limits: Limits{Wall: 10 * time.Millisecond}})
		if err != nil || r.Fault == nil || r.Fault.Kind != WallExceeded {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

// TestShareWait: a run that waits for its session's share ends with its context
// and with the pool, and one too many is refused.
func TestShareWait(t *testing.T) {
	s := newShares(&Config{PerSession: 1, Queue: 1})
	closing, close := context.WithCancel(t.Context())
	release, err := s.take(t.Context(), closing, "a")
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := s.take(ctx, closing, "a"); !errors.Is(err, cause) {
		t.Errorf("with an ended context: %v", err)
	}
	waits := make(chan error)
	go func() { _, err := s.take(t.Context(), closing, "a"); waits <- err }()
	for s.runs("a") < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.take(t.Context(), closing, "a"); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if release, err := s.take(t.Context(), closing, "b"); err != nil {
		t.Errorf("another session: %v", err)
	} else {
		release()
	}
	close()
	if err := <-waits; !errors.Is(err, ErrClosed) {
		t.Errorf("when the pool closes: %v", err)
	}
	release()
	if len(s.of) != 0 {
		t.Errorf("%d sessions are remembered", len(s.of))
	}
}

func (s *shares) runs(session string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[session].runs
}
