package null

import (
	"math"
	"testing"
	"time"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

func open(t *testing.T, c Config) *Backend {
	t.Helper()
	b, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

var tiny = Config{Vocab: 100, Context: 64, Slots: 2, Budget: 32, Blocks: 16, BlockTokens: 4}

// one runs a plan of one row that samples.
func one(t *testing.T, b *Backend, r sched.Row, tokens []int32, k sample.Pick) sample.Choice {
	t.Helper()
	r.Sample = true
	var shape sched.Shape
	s := &backend.Step{
		Plan:   &sched.Plan{ID: 1, Rows: []sched.Row{r}, Shape: shape.With(r.Start, r.N, true)},
		Tokens: tokens, Picks: []sample.Pick{k},
	}
	var out backend.Result
	if err := b.Submit(s); err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(&out); err != nil {
		t.Fatal(err)
	}
	return out.Choices[0]
}

func TestPicks(t *testing.T) {
	b := open(t, tiny)
	row := sched.Row{N: 3, NewBlocks: []kv.Block{5}}
	tokens := []int32{1, 2, 3}
	free := one(t, b, row, tokens, sample.Pick{Forced: -1, Logprobs: 2, Logits: true})
	if len(free.Logits) != 100 || free.Logits[free.Token] < Peak {
		t.Fatalf("logits %v do not point at token %d", free.Logits, free.Token)
	}
	var sum float64
	for _, l := range free.Logits {
		sum += math.Exp(float64(l))
	}
	if want := float64(free.Logits[free.Token]) - math.Log(sum); math.Abs(want-float64(free.Logprob)) > 1e-6 {
		t.Errorf("log-probability %v, want %v", free.Logprob, want)
	}
	if len(free.Top) != 2 || free.Top[0].Token != free.Token || free.Top[0].Logprob != free.Logprob {
		t.Errorf("the most likely tokens are %v, want %d first", free.Top, free.Token)
	}
	if c := one(t, b, row, tokens, sample.Pick{Forced: 42, Logprobs: -1}); c.Token != 42 || c.Top != nil || c.Logits != nil {
		t.Errorf("forced to 42: %+v", c)
	}
	mask := make([]uint64, 2)
	allowed := (free.Token + 7) % 100
	mask[allowed/64] |= 1 << (allowed % 64)
	if c := one(t, b, row, tokens, sample.Pick{Forced: -1, Logprobs: -1, Mask: mask}); c.Token != allowed {
		t.Errorf("only %d is allowed, got %d", allowed, c.Token)
	}
	if c := one(t, b, row, []int32{1, 2, 4}, sample.Pick{Forced: -1, Logits: true}); c.Logits[free.Token] == free.Logits[free.Token] {
		t.Error("another context has the same logits")
	}
}

// TestStepTime checks that steps last, one after another.
func TestStepTime(t *testing.T) {
	c := tiny
	c.Depth = 1
	c.StepTime = func(s sched.Shape) time.Duration { return time.Duration(s.Tokens) * time.Millisecond }
	b := open(t, c)
	step := func(row sched.Row, tokens ...int32) *backend.Step {
		row.Sample = true
		var shape sched.Shape
		return &backend.Step{Plan: &sched.Plan{Rows: []sched.Row{row}, Shape: shape.With(row.Start, row.N, true)},
			Tokens: tokens, Picks: []sample.Pick{{Forced: -1, Logprobs: -1}}}
	}
	start := time.Now()
	for _, s := range []*backend.Step{
		step(sched.Row{N: 4, NewBlocks: []kv.Block{1}}, 1, 2, 3, 4),
		step(sched.Row{Start: 4, N: 1, FirstBlock: 1, NewBlocks: []kv.Block{2}, FromDevice: true}, -1),
	} {
		if err := b.Submit(s); err != nil {
			t.Fatal(err)
		}
	}
	var r backend.Result
	for range 2 {
		if err := b.Wait(&r); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 5*time.Millisecond {
		t.Errorf("steps of 4 and 1 ms took %v", took)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no vocabulary":   func(c *Config) { c.Vocab = 0 },
		"no context":      func(c *Config) { c.Context = 0 },
		"negative slots":  func(c *Config) { c.Slots = -1 },
		"depth 2":         func(c *Config) { c.Depth = 2 },
		"too much memory": func(c *Config) { c.Blocks, c.BlockTokens = 1<<20, 1<<16 },
	} {
		c := tiny
		change(&c)
		if _, err := Open(c); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
