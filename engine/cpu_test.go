package engine_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend/cpu"
	"tierlab/engine/backend/null"
	"tierlab/engine/model"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// decoder opens an engine over a tiny decoder of random weights.
func decoder(t *testing.T, numerics string, blocks int) *engine.Engine {
	t.Helper()
	c, err := model.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	b, err := cpu.Open(cpu.Config{Source: model.Seeded(c, 1), Numerics: numerics, Threads: 2, Slots: 6, Budget: 64, Context: 256, BlockTokens: 32, Blocks: blocks})
	if err != nil {
		t.Fatal(err)
	}
	return open(t, func(_ *null.Config, cfg *engine.Config) {
		cfg.Backend, cfg.End, cfg.KeepBlocks = b, c.EOS, blocks/2
		cfg.Sched = sched.Config{Queue: 64, Aging: time.Minute}
	})
}

// draw is request number i. The first are long and yield to the others: a few system prompts, drawn and forced and
// constrained outputs.
func draw(i int) engine.Request {
	r := engine.Request{
		Prompt:    append(ids(70, uint64(i%3)), ids(5+7*(i%9), uint64(i))...),
		MaxTokens: 8 + i*13%80, Logprobs: i % 3, Priority: uint8(i % 2),
		Params: sample.Params{Temperature: float32(i%4) / 3, TopP: 0.9, TopK: 40 * (i % 2), Seed: uint64(i)},
	}
	if i < 6 {
		r.MaxTokens, r.Priority, r.IgnoreEnd = 140, 0, true
		return r
	}
	r.Priority++
	switch i % 8 {
	case 5:
		r.Forced, r.MaxTokens = ids(12, uint64(i)), 0
	case 6:
		r.Grammar = &steps{n: 10}
	case 7:
		r.Stop = []string{"a"}
	}
	return r
}

// TestDecoderUnderLoad is TestSameUnderLoad with arithmetic: log-probabilities
// have the same bits alone, and batched, chunked, cached and preempted.
func TestDecoderUnderLoad(t *testing.T) {
	const calls = 32
	for _, numerics := range []string{"f32", "bf16"} {
		t.Run(numerics, func(t *testing.T) {
			alone := decoder(t, numerics, 64)
			var want []output
			for i := range calls {
				r := draw(i)
				r.Tenant = fmt.Sprint(i) // nothing is found in the cache
				want = append(want, generate(t, alone, r))
			}
			e := decoder(t, numerics, 10)
			var wg sync.WaitGroup
			for i := range calls {
				s := submit(t, e, draw(i))
				wg.Go(func() {
					got := read(s)
					if got.err != nil || !slices.Equal(got.tokens, want[i].tokens) || !slices.Equal(got.logprobs, want[i].logprobs) || got.text != want[i].text || got.finish != want[i].finish {
						t.Errorf("request %d: %v %v %s %v\nalone: %v %v %s", i, got.tokens, got.logprobs, got.finish, got.err, want[i].tokens, want[i].logprobs, want[i].finish)
					}
				})
			}
			wg.Wait()
			st := e.Stats()
			t.Logf("%d iterations in %v, %d preemptions, %d of %d prompt tokens cached", st.Iterations, st.Busy, st.Sched.Preempted, st.Cached, st.Prompt)
			if st.Cached == 0 || st.Sched.Preempted == 0 {
				t.Error("the load is too light to test anything")
			}
		})
	}
}
