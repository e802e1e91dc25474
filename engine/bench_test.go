package engine_test

import (
	"io"
	"sync"
	"testing"

	"tierlab/engine"
	"tierlab/engine/backend/null"
)

// BenchmarkIteration is what the engine adds to an iteration of 16 sequences,
// the null backend's reading of some 128 tokens each included.
func BenchmarkIteration(b *testing.B) {
	for _, c := range []struct {
		name  string
		trace io.Writer
	}{{"plain", nil}, {"traced", io.Discard}} {
		b.Run(c.name, func(b *testing.B) {
			e := open(b, func(n *null.Config, cfg *engine.Config) {
				n.Slots, n.Budget, n.Blocks, n.Context = 16, 256, 2048, 256
				cfg.Trace = c.trace
			})
			b.ReportAllocs()
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					for left := b.N; left > 0; left -= 192 {
						generate(b, e, engine.Request{Prompt: ids(64, uint64(i)), MaxTokens: min(left, 192), Logprobs: -1})
					}
				})
			}
			wg.Wait()
			st := e.Stats()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(st.Iterations), "ns/iteration")
			b.ReportMetric(float64(st.Sched.Produced)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// BenchmarkSubmit hands in prompts whose keys and values are in the cache: the
// cost of a long context is that of checking, copying and hashing it.
func BenchmarkSubmit(b *testing.B) {
	for _, c := range []struct {
		name   string
		tokens int
	}{{"1k", 1 << 10}, {"16k", 1 << 14}} {
		b.Run(c.name, func(b *testing.B) {
			e := open(b, func(n *null.Config, _ *engine.Config) {
				n.Context, n.Blocks, n.BlockTokens, n.Budget = 1<<15, 1<<12, 32, 2048
			})
			prompt := ids(c.tokens, 1)
			generate(b, e, engine.Request{Prompt: prompt, MaxTokens: 1})
			b.ReportAllocs()
			for b.Loop() {
				s := submit(b, e, engine.Request{Prompt: prompt, MaxTokens: 1})
				b.StopTimer()
				read(s)
				b.StartTimer()
			}
		})
	}
}
