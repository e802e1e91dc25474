package cpu

import (
	"fmt"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// measured are the models of the benchmarks; the second takes 3 GiB.
var measured = []string{"small", "llama-3.2-1b"}

// batch is rows that a benchmark runs again and again, each in its own slot
// with its own blocks.
type batch struct {
	b    *Backend
	plan sched.Plan
	step backend.Step
	out  backend.Result
}

// newBatch has rows of n tokens from position start on.
func newBatch(tb testing.TB, b *Backend, rows, start, n int) *batch {
	tb.Helper()
	x := &batch{b: b}
	perRow := b.caps.Blocks / b.caps.Slots
	for i := range rows {
		blocks := make([]kv.Block, perRow)
		for j := range blocks {
			blocks[j] = kv.Block(i*perRow + j)
		}
		x.plan.Rows = append(x.plan.Rows, sched.Row{Slot: int32(i), Start: int32(start), N: int32(n), Sample: true, NewBlocks: blocks})
		x.plan.Shape = x.plan.Shape.With(int32(start), int32(n), true)
		x.step.Tokens = append(x.step.Tokens, tokens(i, n, b.caps.Vocab)...)
		x.step.Picks = append(x.step.Picks, sample.Pick{Forced: -1, Logprobs: -1})
	}
	x.step.Plan = &x.plan
	return x
}

func (x *batch) run(tb testing.TB) {
	if err := x.b.Submit(&x.step); err != nil {
		tb.Fatal(err)
	}
	if err := x.b.Wait(&x.out); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkStep measures whole steps: prompts of 512 tokens, and decoding at a
// context of 128 with several sequences.
func BenchmarkStep(b *testing.B) {
	for _, preset := range measured {
		b.Run(preset, func(b *testing.B) {
			x := open(b, Config{Source: source(b, preset), Slots: 16, Blocks: 16 * 20})
			defer x.Close()
			for _, c := range []struct {
				name           string
				rows, start, n int
			}{{"pp512", 1, 0, 512}, {"tg1", 1, 128, 1}, {"tg4", 4, 128, 1}, {"tg16", 16, 128, 1}} {
				b.Run(c.name, func(b *testing.B) {
					steps := newBatch(b, x, c.rows, c.start, c.n)
					steps.run(b)
					b.ResetTimer()
					for b.Loop() {
						steps.run(b)
					}
					perSecond := float64(b.N) / b.Elapsed().Seconds()
					b.ReportMetric(perSecond*float64(c.rows*c.n), "tokens/s")
					b.ReportMetric(perSecond*float64(x.caps.WeightBytes)/1e9, "GB/s")
					b.ReportMetric(perSecond*float64(c.rows*c.n)*float64(x.caps.WeightBytes)/1e9, fmt.Sprintf("GFLOP/s-%s", x.caps.Kernels))
				})
			}
		})
	}
}
