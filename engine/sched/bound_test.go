package sched

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/engine/kv"
)

// TestOvertaking holds admissions to the stated bound: SC-6. Sequences of one
// slot enter one after another, so an order of admission is an order of
// service.
func TestOvertaking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Slots: 1, Budget: 8, Queue: 1000, Aging: time.Duration(rapid.IntRange(0, 60).Draw(t, "aging")) * time.Millisecond}
		if rapid.Bool().Draw(t, "fair") {
			cfg.Share, cfg.Burst = time.Duration(rapid.IntRange(0, 9).Draw(t, "share"))*time.Millisecond, 5*time.Millisecond
			cfg.Lead = time.Duration(rapid.IntRange(1, 80).Draw(t, "lead")) * time.Millisecond
		}
		e := newEngine(cfg, kv.Config{Blocks: 16, BlockTokens: 4}, gpu)
		const top = 3
		n := rapid.IntRange(2, 25).Draw(t, "requests")
		var calls []*call
		for id := range n {
			for range rapid.IntRange(0, 3).Draw(t, "steps") {
				e.step()
			}
			c := &call{prompt: prompt(int32(100*id), rapid.IntRange(1, 12).Draw(t, "prompt"))}
			c.Request = Request{ID: uint64(id + 1), Session: uint64(rapid.IntRange(0, 3).Draw(t, "session")), Priority: uint8(rapid.IntRange(0, top).Draw(t, "priority")), MaxTokens: rapid.IntRange(1, 4).Draw(t, "max")}
			if err := e.add(c); err != nil {
				t.Fatal(err)
			}
			calls = append(calls, c)
		}
		for e.step() {
		}
		for _, c := range calls {
			window := time.Duration(top-int(c.Priority))*cfg.Aging + cfg.Lead
			for _, other := range calls {
				if other.added > c.added+window && other.ended < c.ended {
					t.Fatalf("SC-6: request %d (added %v, priority %d, ended %v) was overtaken by %d, added %v, ended %v: later than %v after it",
						c.ID, c.added, c.Priority, c.ended, other.ID, other.added, other.ended, window)
				}
			}
		}
	})
}

// TestNobodyStarves floods an engine with urgent requests, one after another
// without a pause, over a request of the lowest priority.
func TestNobodyStarves(t *testing.T) {
	e := newEngine(Config{Slots: 2, Budget: 8, Queue: 8, Aging: 50 * time.Millisecond}, kv.Config{Blocks: 12, BlockTokens: 4}, gpu)
	patient := &call{prompt: prompt(7, 9), Request: Request{ID: 1, MaxTokens: 5}}
	if err := e.add(patient); err != nil {
		t.Fatal(err)
	}
	id := uint64(1)
	for !patient.done {
		for e.s.Stats().Waiting < 4 {
			id++
			if err := e.add(&call{prompt: prompt(int32(100*id), 9), Request: Request{ID: id, MaxTokens: 5, Priority: 2}}); err != nil {
				t.Fatal(err)
			}
		}
		e.step()
		if e.now > time.Second {
			t.Fatalf("not served after %v, with %d others: %+v", e.now, id-1, e.s.Stats())
		}
	}
	t.Logf("served after %v and %d preemptions, beside %d others", patient.ended, e.s.Stats().Preempted, id-1)
	if patient.ended < 100*time.Millisecond {
		t.Errorf("served after %v: the urgent requests did not go first", patient.ended)
	}
}

// TestLongPromptAmongDecodes sends a prompt of 16,384 tokens into 16 decoding
// sequences: with a stall bound the gap between their tokens stays within it,
// and the prompt's TTFT is not far from what it is alone.
func TestLongPromptAmongDecodes(t *testing.T) {
	serve := func(decoding int, stall time.Duration) (ttft, gap time.Duration) {
		c, err := kv.New(kv.Config{Blocks: 3000, BlockTokens: 16})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Config{Slots: 32, Budget: 2048, Queue: 32, Stall: stall}, c, gpu)
		if err != nil {
			t.Fatal(err)
		}
		add := func(now time.Duration, id uint64, n int) {
			if err := s.Add(now, Request{ID: id, Prompt: kv.NewChain(16, 0).AppendMade(id, 0, n), MaxTokens: 400, Forced: true}); err != nil {
				t.Fatal(err)
			}
		}
		for id := range uint64(decoding) {
			add(0, id+1, 500)
		}
		var p Plan
		now, sent := time.Duration(0), time.Duration(0)
		for n := 0; ; n++ {
			if n == 20 {
				sent = now
				add(now, 99, 16384)
			}
			if s.Next(now, &p) {
				step := gpu.StepTime(p.Shape)
				now += step
				if n >= 20 {
					gap = max(gap, step)
				}
				for _, e := range s.Commit(now, Outcome{Plan: p.ID}, nil) {
					if e.Seq == 99 && e.Kind == Produced {
						return now - sent, gap
					}
				}
			}
		}
	}
	alone, _ := serve(0, 0)
	_, free := serve(16, 0)
	const bound = 25 * time.Millisecond
	ttft, gap := serve(16, bound)
	t.Logf("TTFT %v, alone %v; longest gap %v, without a bound %v", ttft, alone, gap, free)
	if gap > bound || free <= bound {
		t.Errorf("a gap of %v with a bound of %v, %v without", gap, bound, free)
	}
	if ttft > alone*5/2 {
		t.Errorf("TTFT %v, more than 2.5 times %v", ttft, alone)
	}
}

// TestSessionsShare lets one session hand in a burst before another's single
// request: with clocks, that one does not wait for the whole burst.
func TestSessionsShare(t *testing.T) {
	position := func(cfg Config) (before int) {
		cfg.Slots, cfg.Budget, cfg.Queue = 1, 8, 64
		e := newEngine(cfg, kv.Config{Blocks: 64, BlockTokens: 4}, gpu)
		lone := &call{prompt: prompt(9000, 6), Request: Request{ID: 100, Session: 2, MaxTokens: 4}}
		var calls []*call
		for id := uint64(1); id <= 20; id++ {
			c := &call{prompt: prompt(int32(100*id), 6), Request: Request{ID: id, Session: 1, MaxTokens: 4}}
			e.mustCall(c)
			calls = append(calls, c)
		}
		e.step()
		e.mustCall(lone)
		for e.step() {
		}
		for _, c := range calls {
			if c.ended < lone.ended {
				before++
			}
		}
		return before
	}
	if got := position(Config{}); got != 20 {
		t.Errorf("without clocks %d of the burst went before, want all 20", got)
	}
	if got := position(Config{Burst: 30 * time.Millisecond, Share: time.Millisecond, Lead: time.Second}); got > 3 {
		t.Errorf("with clocks %d of the burst went before", got)
	}
}

// TestEqualsDoNotPreempt: a session that has had its share waits for a slot,
// but does not lose the one that it has to a session of the same priority.
func TestEqualsDoNotPreempt(t *testing.T) {
	e := newEngine(Config{Slots: 1, Budget: 8, Queue: 8, Burst: time.Second, Lead: time.Minute}, kv.Config{Blocks: 16, BlockTokens: 4}, gpu)
	first := &call{prompt: prompt(1, 3), Request: Request{ID: 1, Session: 1, MaxTokens: 1}}
	second := &call{prompt: prompt(50, 3), Request: Request{ID: 2, Session: 1, MaxTokens: 9}}
	third := &call{prompt: prompt(90, 3), Request: Request{ID: 3, Session: 2, MaxTokens: 1}}
	e.mustCall(first)
	e.mustCall(second)
	e.step()
	e.step() // the second runs, with a key a second ahead of now
	e.mustCall(third)
	for e.step() {
	}
	if n := e.s.Stats().Preempted; n != 0 || third.ended < second.ended {
		t.Errorf("%d preemptions, the third ended at %v and the second at %v", n, third.ended, second.ended)
	}
}

func (e *engine) mustCall(c *call) {
	if err := e.add(c); err != nil {
		panic(err)
	}
}

func TestAddRefuses(t *testing.T) {
	c, err := kv.New(kv.Config{Blocks: 8, BlockTokens: 4})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Slots: 1, Budget: 8, Queue: 1, Context: 20}, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	chain := func(n int) kv.Chain { return kv.NewChain(4, 0).AppendMade(1, 0, n) }
	for _, r := range []struct {
		name string
		r    Request
		want error
	}{
		{"no prompt", Request{ID: 1, Prompt: chain(0), MaxTokens: 1}, ErrEmpty},
		{"no output", Request{ID: 1, Prompt: chain(3)}, ErrEmpty},
		{"longer than the context", Request{ID: 1, Prompt: chain(15), MaxTokens: 6}, ErrTooLong},
		{"other blocks", Request{ID: 1, Prompt: kv.NewChain(8, 0).AppendMade(1, 0, 3), MaxTokens: 1}, ErrBlockSize},
		{"as long as the context", Request{ID: 1, Prompt: chain(15), MaxTokens: 5}, nil},
		{"the same id", Request{ID: 1, Prompt: chain(3), MaxTokens: 1}, ErrDuplicate},
		{"the queue's last place", Request{ID: 2, Prompt: chain(3), MaxTokens: 1}, nil},
		{"beyond the queue", Request{ID: 3, Prompt: chain(3), MaxTokens: 1}, ErrFull},
	} {
		if err := s.Add(0, r.r); !errors.Is(err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, err, r.want)
		}
	}
	if s.Cancel(0, 9) || !s.Cancel(0, 2) || s.Cancel(0, 2) {
		t.Error("Cancel does not tell whether the request was there")
	}
}

func TestConfigErrors(t *testing.T) {
	c, err := kv.New(kv.Config{Blocks: 8, BlockTokens: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		cfg  Config
		want string
	}{
		{Config{Budget: 8}, "slots"},
		{Config{Slots: 5, Budget: 8}, "budget is 8 tokens, want at least slots + a block's tokens (9)"},
		{Config{Slots: 1, Budget: 8, Queue: -1}, "queue"},
		{Config{Slots: 1, Budget: 8, Queue: math.MaxInt}, "queue"},
		{Config{Slots: 1, Budget: 8, Context: -1}, "context"},
		{Config{Slots: 1, Budget: 8, Depth: 17}, "depth"},
		{Config{Slots: 1, Budget: 8, Aging: -1}, "aging"},
		{Config{Slots: 1, Budget: 8, Stall: 1}, "cost model"},
	} {
		if _, err := New(bad.cfg, c, nil); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%+v: %v, want an error with %q", bad.cfg, err, bad.want)
		}
	}
}

// TestKeepForEver keeps a context for longer than is left of time.
func TestKeepForEver(t *testing.T) {
	c, err := kv.New(kv.Config{Blocks: 8, BlockTokens: 4, KeepBlocks: 8})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Slots: 1, Budget: 8, Queue: math.MaxInt32}, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(time.Second, Request{ID: 1, Prompt: kv.NewChain(4, 0).AppendMade(1, 0, 4), MaxTokens: 1, KeepFor: math.MaxInt64}); err != nil {
		t.Fatal(err)
	}
	var p Plan
	if !s.Next(time.Second, &p) {
		t.Fatal("nothing is planned")
	}
	s.Commit(time.Second, Outcome{Plan: p.ID}, nil)
	s.Next(time.Hour, &p)
	if until, ok := c.NextExpiry(); !ok || until != math.MaxInt64 {
		t.Errorf("kept until %v, %v", until, ok)
	}
}

// TestCommitPanics: an outcome that fits no plan is a driver's mistake.
func TestCommitPanics(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Outcome
		want string
	}{
		{"another plan", Outcome{Plan: 7}, "the oldest in flight is 1"},
		{"too many tokens", Outcome{Plan: 1, Sampled: make([]Sampled, 2)}, "which samples 1"},
		{"beyond the stable ones", Outcome{Plan: 1, Iterations: 9}, "is stable for"},
	} {
		e := newEngine(Config{Slots: 1, Budget: 8, Queue: 1}, kv.Config{Blocks: 8, BlockTokens: 4}, gpu)
		e.mustCall(&call{prompt: prompt(1, 3), Request: Request{ID: 1, MaxTokens: 3}})
		e.plan()
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, c.want) {
					t.Errorf("%s: panic %q, want one with %q", c.name, text, c.want)
				}
			}()
			e.s.Commit(0, c.o, nil)
		}()
	}
}
