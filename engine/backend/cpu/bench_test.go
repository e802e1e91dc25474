package cpu

import (
	"slices"
	"testing"
	"time"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cpu/internal/kernels"
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

// benchmarkSteps takes turns of a step, its products alone, and a read of as
// many bytes as the weights have, so that all see the same machine, and reports
// medians.
func benchmarkSteps(b *testing.B, x *batch, ceiling *kernels.Ceiling) {
	x.run(b)
	var step, products, read []float64
	for b.Loop() {
		start := time.Now()
		x.run(b)
		step = append(step, time.Since(start).Seconds())
		b.StopTimer()
		start = time.Now()
		x.b.pass.products(len(x.step.Tokens), len(x.plan.Rows))
		products = append(products, time.Since(start).Seconds())
		read = append(read, ceiling.ReadGBs())
		b.StartTimer()
	}
	seconds := median(step)
	rate := float64(x.b.caps.WeightBytes) / seconds / 1e9
	b.ReportMetric(float64(len(x.step.Tokens))/seconds, "tokens/s")
	b.ReportMetric(median(products)/seconds, "products")
	if len(x.step.Tokens) == len(x.plan.Rows) {
		b.ReportMetric(rate, "GB/s")
		b.ReportMetric(rate/median(read), "of-read")
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// products computes a step's products and nothing else.
func (p *pass) products(n, outputs int) {
	p.n = n
	for i := range p.w.layers {
		l := &p.w.layers[i]
		p.layer = i
		p.x.Reset(p.n)
		p.multiply(p.qkv, l.qkv, p.x)
		if i == len(p.w.layers)-1 {
			p.n = outputs
		}
		p.x.Reset(p.n)
		p.ax.Reset(p.n)
		p.yx.Reset(p.n)
		p.multiply(p.tmp, l.o, p.ax)
		p.pool.Run(gateRows(p.m)/gateTurn(p.m), func(worker, task int) {
			lo := 2 * gateTurn(p.m) * task
			p.k.Mul(p.workers[worker].turn, 2*gateTurn(p.m), l.gateUp, p.x, lo, lo+2*gateTurn(p.m))
		})
		p.multiply(p.tmp, l.down, p.yx)
	}
	p.multiply(p.logits, p.w.head, p.x)
}

// BenchmarkStep measures whole steps: prompts of 512 tokens, and decoding at a
// context of 128 with several sequences. "products" is the share of the time that
// their products alone take, and "of-read" the rate at which weights are read
// over the rate at which the machine reads.
func BenchmarkStep(b *testing.B) {
	for _, preset := range measured {
		b.Run(preset, func(b *testing.B) {
			x := open(b, Config{Source: source(b, preset), Slots: 16, Blocks: 16 * 20})
			defer x.Close()
			ceiling, err := x.pass.k.NewCeiling(x.pool, x.caps.WeightBytes)
			if err != nil {
				b.Fatal(err)
			}
			defer ceiling.Close()
			for _, c := range []struct {
				name           string
				rows, start, n int
			}{{"pp512", 1, 0, 512}, {"tg1", 1, 130, 1}, {"tg4", 4, 130, 1}, {"tg16", 16, 130, 1}} {
				b.Run(c.name, func(b *testing.B) { benchmarkSteps(b, newBatch(b, x, c.rows, c.start, c.n), ceiling) })
			}
		})
	}
}
