package sched

import (
	"fmt"
	"testing"
	"time"

	"tierlab/engine/kv"
)

// churn keeps n sequences running over a full cache: each that ends is
// followed by another, which continues its session's context.
type churn struct {
	s      *Scheduler
	plan   Plan
	events []Event
	now    time.Duration
	chains []kv.Chain // prompts, by request number modulo their count
	next   int
	jump   bool
	iters  int
}

func newChurn(tb testing.TB, n int, jump bool) *churn {
	const context, output = 2000, 180
	c, err := kv.New(kv.Config{Blocks: n * (context/16 + 30), BlockTokens: 16, KeepBlocks: n * 20})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := New(Config{Slots: n, Budget: n + 2048, Queue: n, Stall: 40 * time.Millisecond, Aging: time.Second, Share: time.Microsecond, Lead: time.Second}, c, gpu)
	if err != nil {
		tb.Fatal(err)
	}
	ch := &churn{s: s, jump: jump}
	shared := kv.NewChain(16, 0).AppendMade(1, 0, 1000)
	for i := range 4 * n {
		ch.chains = append(ch.chains, shared.AppendMade(uint64(i)<<32, 0, context-1000+i%100))
	}
	for range n {
		ch.add(output)
	}
	return ch
}

func (c *churn) add(output int) {
	i := c.next
	c.next++
	r := Request{ID: uint64(i), Session: uint64(i % len(c.chains)), Prompt: c.chains[i%len(c.chains)], Forced: true,
		MaxTokens: output/2 + i*37%output, Salt: uint64(i), KeepFor: time.Second}
	if err := c.s.Add(c.now, r); err != nil {
		panic(err)
	}
}

func (c *churn) step() {
	if !c.s.Next(c.now, &c.plan) {
		panic("idle")
	}
	n := 1
	if c.jump {
		n += c.plan.StableFor
	}
	c.now += time.Duration(n) * 10 * time.Millisecond
	c.iters += n
	c.events = c.s.Commit(c.now, Outcome{Plan: c.plan.ID, Iterations: n}, c.events[:0])
	for _, e := range c.events {
		if e.Kind == Finished {
			c.add(180)
		}
	}
}

// BenchmarkPlans makes and commits plans of a full batch, with sequences that
// end and start, one iteration at a time and by jumps.
func BenchmarkPlans(b *testing.B) {
	for _, n := range []int{64, 256} {
		for _, jump := range []bool{false, true} {
			b.Run(fmt.Sprintf("sequences=%d/jump=%v", n, jump), func(b *testing.B) {
				c := newChurn(b, n, jump)
				for range 1000 {
					c.step()
				}
				c.iters = 0
				rows := c.s.count.Rows
				ended := c.s.count.Finished
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					c.step()
				}
				sec := b.Elapsed().Seconds()
				b.ReportMetric(float64(b.N)/sec, "plans/s")
				b.ReportMetric(float64(c.iters)/sec, "iterations/s")
				b.ReportMetric(float64(c.s.count.Rows-rows)/sec, "rows/s")
				b.ReportMetric(float64(c.s.count.Finished-ended)/sec, "requests/s")
			})
		}
	}
}
