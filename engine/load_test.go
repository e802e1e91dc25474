package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
)

// linear is a step-time model.
type linear struct{ fixed, token time.Duration }

func (l linear) StepTime(s sched.Shape) time.Duration {
	return l.fixed + time.Duration(s.Tokens)*l.token
}

// call is request number i of a mixed load: sessions that share a system
// prompt, forced and constrained outputs, stop strings, urgencies.
func call(i int) engine.Request {
	rng := rand.New(rand.NewPCG(uint64(i), 5))
	prompt := append(ids(40, 99), ids(1+rng.IntN(60), uint64(i%11))...)
	r := engine.Request{
		Prompt: prompt, MaxTokens: 1 + rng.IntN(90), Logprobs: rng.IntN(4) - 1,
		Session: fmt.Sprint("s", i%5), Tenant: fmt.Sprint("t", i%2), Priority: uint8(rng.IntN(2)),
		KeepFor: time.Duration(rng.IntN(2)) * 20 * time.Millisecond,
	}
	switch i % 6 {
	case 0:
		r.Forced, r.MaxTokens = ids(1+rng.IntN(30), uint64(i)), 0
	case 1:
		r.Grammar = &steps{n: 1 + rng.IntN(60)}
	case 2:
		r.Stop = []string{"a", "e"}
	}
	return r
}

// TestSameUnderLoad serves each request alone, and then many at once with too
// little memory, while others are cancelled: the tokens, their
// log-probabilities and the text are the same.
func TestSameUnderLoad(t *testing.T) {
	const calls = 60
	alone := open(t, nil)
	var want []output
	for i := range calls {
		want = append(want, generate(t, alone, call(i)))
	}
	for _, depth := range []int{0, 1} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			e := open(t, func(n *null.Config, c *engine.Config) {
				n.Depth, n.Blocks, n.Context = depth, 32, 200
				// Slow enough that requests meet, however late they come.
				n.StepTime = func(sched.Shape) time.Duration { return 300 * time.Microsecond }
				c.KeepBlocks, c.Cost = 16, linear{time.Millisecond, 20 * time.Microsecond}
				c.Sched = sched.Config{Queue: 2 * calls, Stall: 2 * time.Millisecond, Aging: 50 * time.Millisecond,
					Share: time.Microsecond, Burst: time.Millisecond, Lead: 50 * time.Millisecond}
			})
			var wg sync.WaitGroup
			for i := range calls {
				wg.Go(func() {
					got := generate(t, e, call(i))
					if !slices.Equal(got.tokens, want[i].tokens) || !slices.Equal(got.logprobs, want[i].logprobs) || got.text != want[i].text || got.finish != want[i].finish || got.err != nil {
						t.Errorf("request %d: %v %q %s %v\nalone: %v %q %s", i, got.tokens, got.text, got.finish, got.err, want[i].tokens, want[i].text, want[i].finish)
					}
				})
				if i%3 == 0 {
					wg.Go(func() { abandon(t, e, i) })
				}
			}
			wg.Wait()
			if err := e.Drain(context.Background()); err != nil {
				t.Error(err)
			}
			st := e.Stats()
			t.Logf("%d iterations, %d preemptions, %d of %d prompt tokens cached, %d discarded rows",
				st.Iterations, st.Sched.Preempted, st.Cached, st.Prompt, st.Sched.Discarded)
			if st.Sched.Running+st.Sched.Waiting > 0 {
				t.Errorf("something is left: %+v", st)
			}
			if st.Sched.Preempted == 0 || st.Cached == 0 {
				t.Error("the load is too light to test anything")
			}
		})
	}
}

// abandon submits a request and goes away, in one of the ways there are.
func abandon(t *testing.T, e *engine.Engine, i int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if i%2 == 0 {
		time.AfterFunc(time.Duration(i)*10*time.Microsecond, cancel)
	}
	r := call(i)
	r.MaxTokens, r.Forced, r.Stop, r.Grammar = 50, nil, nil, nil
	s, err := e.Submit(ctx, r)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		return
	}
	for range i % 7 {
		s.Next()
	}
	s.Cancel()
	for _, ok := s.Next(); ok; _, ok = s.Next() {
	}
	if s.Finish() != engine.FinishAborted && s.Finish() != engine.FinishLength {
		t.Errorf("cancelled, and ended with %s", s.Finish())
	}
}

func TestSlowReader(t *testing.T) {
	e := open(t, nil)
	slow := submit(t, e, engine.Request{Prompt: ids(8, 1), MaxTokens: 400, Logprobs: -1})
	for i := range 20 {
		if o := generate(t, e, engine.Request{Prompt: ids(8, uint64(i)), MaxTokens: 50}); len(o.tokens) != 50 {
			t.Fatal("a reader that does not read held up another")
		}
	}
	if o := read(slow); len(o.tokens) != 400 || o.finish != engine.FinishLength {
		t.Errorf("the slow one got %d tokens, %s", len(o.tokens), o.finish)
	}
}

// TestFull counts who is refused: with one slot and two places to wait, the
// fourth.
func TestFull(t *testing.T) {
	e := open(t, func(n *null.Config, c *engine.Config) {
		n.StepTime = func(sched.Shape) time.Duration { return 5 * time.Millisecond }
		n.Slots, c.Sched.Queue = 1, 2
	})
	first := submit(t, e, engine.Request{Prompt: ids(8, 1), MaxTokens: 400})
	first.Next() // it runs
	var waiting []*engine.Stream
	for range 2 {
		waiting = append(waiting, submit(t, e, engine.Request{Prompt: ids(8, 1), MaxTokens: 2}))
	}
	if _, err := e.Submit(context.Background(), engine.Request{Prompt: ids(8, 1), MaxTokens: 2}); !errors.Is(err, engine.ErrFull) {
		t.Errorf("the fourth: %v", err)
	}
	if st := e.Stats().Sched; st.Running != 1 || st.Waiting != 2 || st.Refused != 1 {
		t.Errorf("%+v", st)
	}
	first.Cancel()
	for _, s := range waiting {
		if o := read(s); len(o.tokens) != 2 {
			t.Errorf("who waited got %d tokens, %v", len(o.tokens), o.err)
		}
	}
}

// TestKeepFor fills the cache between two calls of a session: what the first
// asked to keep is still there.
func TestKeepFor(t *testing.T) {
	for _, keep := range []time.Duration{0, time.Hour} {
		e := open(t, func(n *null.Config, c *engine.Config) { n.Blocks, c.KeepBlocks = 40, 20 })
		first := generate(t, e, engine.Request{Prompt: ids(100, 1), MaxTokens: 10, KeepFor: keep})
		for i := range 10 {
			generate(t, e, engine.Request{Prompt: ids(150, uint64(10+i)), MaxTokens: 10})
		}
		next := append(append(ids(100, 1), first.tokens...), ids(8, 3)...)
		want := 0
		if keep > 0 {
			want = 104 // of the 109 tokens whose keys and values were computed: 13 blocks
		}
		if o := generate(t, e, engine.Request{Prompt: next, MaxTokens: 4}); o.usage.Cached != want {
			t.Errorf("kept for %v: %d tokens cached, want %d", keep, o.usage.Cached, want)
		}
	}
}
