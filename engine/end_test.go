package engine_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
)

func TestCancelledContext(t *testing.T) {
	e := open(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	s, err := e.Submit(ctx, engine.Request{Prompt: ids(8, 1), MaxTokens: 500})
	if err != nil {
		t.Fatal(err)
	}
	s.Next()
	cancel()
	for _, ok := s.Next(); ok; _, ok = s.Next() {
	}
	if s.Finish() != engine.FinishAborted && s.Finish() != engine.FinishLength {
		t.Errorf("ended with %s, %v", s.Finish(), s.Err())
	}
	if _, err := e.Submit(ctx, engine.Request{Prompt: ids(8, 1), MaxTokens: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("submitted with a context that has ended: %v", err)
	}
	if err := e.Drain(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestDrain(t *testing.T) {
	e := open(t, func(n *null.Config, _ *engine.Config) {
		n.StepTime = func(sched.Shape) time.Duration { return time.Millisecond }
	})
	s := submit(t, e, engine.Request{Prompt: ids(8, 1), MaxTokens: 60})
	short, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if err := e.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drained in no time: %v", err)
	}
	if _, err := e.Submit(context.Background(), engine.Request{Prompt: ids(8, 1), MaxTokens: 1}); !errors.Is(err, engine.ErrDraining) {
		t.Errorf("submitted while draining: %v", err)
	}
	if err := e.Drain(context.Background()); err != nil {
		t.Error(err)
	}
	if o := read(s); len(o.tokens) != 60 || o.finish != engine.FinishLength {
		t.Errorf("%d tokens, %s: draining cut it short", len(o.tokens), o.finish)
	}
	if err := e.Drain(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	for _, depth := range []int{0, 1} {
		e := open(t, func(n *null.Config, _ *engine.Config) {
			n.Depth = depth
			n.StepTime = func(sched.Shape) time.Duration { return time.Millisecond }
		})
		s := submit(t, e, engine.Request{Prompt: ids(8, 1), MaxTokens: 400})
		s.Next()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if o := read(s); o.finish != engine.FinishAborted || !errors.Is(o.err, engine.ErrClosed) || o.usage.Done == 0 {
			t.Errorf("%s, %v, %+v", o.finish, o.err, o.usage)
		}
		if _, err := e.Submit(context.Background(), engine.Request{Prompt: ids(8, 1), MaxTokens: 1}); !errors.Is(err, engine.ErrClosed) {
			t.Errorf("submitted after the end: %v", err)
		}
		if err := e.Drain(context.Background()); err != nil || e.Err() != nil {
			t.Errorf("%v, %v", err, e.Err())
		}
	}
}

// held is a backend whose steps end when they are let go.
type held struct {
	backend.Backend
	waiting, letGo chan struct{}
}

func (h *held) Wait(r *backend.Result) error {
	select {
	case h.waiting <- struct{}{}:
	default:
	}
	<-h.letGo
	return h.Backend.Wait(r)
}

// TestCloseWithSubmission closes an engine that has not yet looked at a request.
func TestCloseWithSubmission(t *testing.T) {
	b, err := null.Open(null.Config{Vocab: vocab, Context: 512, Slots: 4, Budget: 64, Blocks: 256, BlockTokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	h := &held{Backend: b, waiting: make(chan struct{}, 1), letGo: make(chan struct{})}
	e := open(t, func(_ *null.Config, c *engine.Config) { c.Backend = h })
	submit(t, e, engine.Request{Prompt: ids(8, 1), MaxTokens: 400})
	<-h.waiting
	answer, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := e.Submit(context.Background(), engine.Request{Prompt: ids(8, 2), MaxTokens: 1})
		answer <- err
	}()
	for e.Pending() == 0 {
		runtime.Gosched()
	}
	go func() { closed <- e.Close() }()
	for !e.Closing() {
		runtime.Gosched()
	}
	close(h.letGo)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	select {
	case err := <-answer:
		if !errors.Is(err, engine.ErrClosed) {
			t.Errorf("a request on its way when the engine closed: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Submit waits for an engine that is closed")
	}
}

// failing is a backend that fails at its nth step.
type failing struct {
	backend.Backend
	left   int
	how    string
	closed int
}

var errDevice = errors.New("the device fell off the bus")

func (f *failing) Submit(s *backend.Step) error {
	if f.left--; f.left < 0 && f.how == "submit" {
		return errDevice
	}
	return f.Backend.Submit(s)
}

func (f *failing) Wait(r *backend.Result) error {
	err := f.Backend.Wait(r)
	if f.left >= 0 {
		return err
	}
	switch f.how {
	case "wait":
		return errDevice
	case "panic":
		panic("index out of range")
	case "plan":
		r.Plan++
	case "token":
		r.Choices[0].Token = vocab
	}
	return err
}

func (f *failing) Close() error {
	f.closed++
	return f.Backend.Close()
}

func TestBackendFails(t *testing.T) {
	for how, want := range map[string]string{
		"submit": errDevice.Error(), "wait": errDevice.Error(), "panic": "panic: index out of range",
		"plan": "came back", "token": "outside the vocabulary",
	} {
		t.Run(how, func(t *testing.T) {
			b, err := null.Open(null.Config{Vocab: vocab, Context: 512, Slots: 4, Budget: 64, Blocks: 256, BlockTokens: 8})
			if err != nil {
				t.Fatal(err)
			}
			f := &failing{Backend: b, how: how, left: 30}
			e := open(t, func(_ *null.Config, c *engine.Config) { c.Backend = f })
			var streams []*engine.Stream
			for i := range 8 { // four run, four wait
				s, err := e.Submit(context.Background(), engine.Request{Prompt: ids(8, uint64(i)), MaxTokens: 400})
				if err != nil {
					break // it was quick to fail
				}
				streams = append(streams, s)
			}
			for _, s := range streams {
				if o := read(s); o.finish != engine.FinishAborted || o.err == nil || !strings.Contains(o.err.Error(), want) {
					t.Errorf("%s, %v", o.finish, o.err)
				}
			}
			_, err = e.Submit(context.Background(), engine.Request{Prompt: ids(8, 1), MaxTokens: 1})
			if err == nil || !strings.Contains(err.Error(), want) || e.Err() == nil {
				t.Errorf("it goes on: %v, %v", err, e.Err())
			}
			var panicked *engine.PanicError
			if errors.As(err, &panicked) != (how == "panic") || panicked != nil && !strings.Contains(string(panicked.Stack), "failing") {
				t.Errorf("%T", err)
			}
			if err := e.Drain(context.Background()); err == nil {
				t.Error("drained as if nothing had happened")
			}
			if e.Close(); f.closed != 1 {
				t.Errorf("the backend was closed %d times", f.closed)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for name, edit := range map[string]func(*engine.Config){
		"slots is 9":    func(c *engine.Config) { c.Sched.Slots = 9 },
		"budget is 65":  func(c *engine.Config) { c.Sched.Budget = 65 },
		"context":       func(c *engine.Config) { c.Sched.Context = 513 },
		"512 is outsid": func(c *engine.Config) { c.End = []int32{512} },
		"cost model":    func(c *engine.Config) { c.Sched.Stall = time.Second },
		"no backend":    func(c *engine.Config) { c.Backend = nil },
	} {
		b, err := null.Open(null.Config{Vocab: vocab, Context: 512, Slots: 8, Budget: 64, Blocks: 256, BlockTokens: 8})
		if err != nil {
			t.Fatal(err)
		}
		f := &failing{Backend: b, left: 1}
		c := engine.Config{Backend: f}
		edit(&c)
		if _, err := engine.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q: %v", name, err)
		}
		if c.Backend != nil && f.closed != 1 {
			t.Errorf("%s: the backend was closed %d times", name, f.closed)
		}
	}
}

// counter is an observer.
type counter struct {
	mu         sync.Mutex
	iterations int
	tokens     int
	done       map[engine.Finish]int
}

func (c *counter) Iteration(s sched.Shape, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.iterations++
	c.tokens += int(s.Tokens)
}

func (c *counter) RequestDone(_ engine.Usage, f engine.Finish) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[f]++
}

func TestObserver(t *testing.T) {
	o := &counter{done: map[engine.Finish]int{}}
	e := open(t, func(_ *null.Config, c *engine.Config) { c.Observer = o })
	generate(t, e, engine.Request{Prompt: ids(100, 1), MaxTokens: 5})
	s := submit(t, e, engine.Request{Prompt: ids(8, 1), MaxTokens: 500})
	s.Next()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	st := e.Stats()
	if o.iterations != int(st.Iterations) || o.tokens != int(st.Sched.Computed) {
		t.Errorf("observed %d iterations of %d tokens, %+v", o.iterations, o.tokens, st)
	}
	if o.done[engine.FinishLength] != int(st.Length) || o.done[engine.FinishAborted] != int(st.Aborted) || st.Length+st.Aborted != 2 {
		t.Errorf("observed %v, %+v", o.done, st)
	}
}
