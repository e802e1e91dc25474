package sim

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"tierlab/configs"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
	"tierlab/workloads/generate"
)

// counts is a sink that only looks, as histograms do.
type counts struct {
	steps, sessions int
	active          workloads.Millis
}

func (c *counts) Step(*workloads.Outcome) error { c.steps++; return nil }
func (c *counts) Session(o *workloads.Outcome) error {
	c.sessions++
	c.active += o.Result.Active
	return nil
}

func benchConfig(b *testing.B, name, policy string, sessions, concurrent int) Config {
	b.Helper()
	w, err := topology.Load(configs.FS, name)
	if err != nil {
		b.Fatal(err)
	}
	lib, err := generate.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	sc, err := NewScenario(w, lib)
	if err != nil {
		b.Fatal(err)
	}
	a := agent.DefaultConfig()
	a.CommitEach = true
	a.ThinkCap = time.Minute
	return Config{
		Scenario: sc, Policy: spec(b, policy), Agent: a, Router: router.DefaultConfig(),
		Arrivals: Arrivals{Process: Closed, N: concurrent}, Sessions: sessions, Seed: 1,
	}
}

func steps(b *testing.B, cfg Config) Totals {
	b.Helper()
	c := &counts{}
	cfg.Sink = c
	totals, err := Run(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	return totals
}

// BenchmarkQueue is the queue fidelity on one core: steps a second over 1,000
// concurrent sessions of the embedded workload, under each policy. Policies
// that look at every site stand apart by their name.
func BenchmarkQueue(b *testing.B) {
	for _, e := range router.Catalogue() {
		b.Run(e.Name, func(b *testing.B) {
			cfg := benchConfig(b, "agent-cloud", e.Name, 4000, 100)
			var before, after runtime.MemStats
			done, events := 0, uint64(0)
			runtime.ReadMemStats(&before)
			b.ResetTimer()
			for range b.N {
				t := steps(b, cfg)
				done += t.Steps
				events += t.Events
			}
			b.StopTimer()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(float64(events)/float64(done), "events/step")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(done), "allocs/step")
		})
	}
}

// BenchmarkLength compares a short with a long run at the same concurrency:
// the ratio of their speeds says whether cost grows with a run's length.
func BenchmarkLength(b *testing.B) {
	for range b.N {
		speed := map[int]float64{}
		for _, n := range []int{1000, 1_000_000} {
			cfg := benchConfig(b, "agent-cloud", "static-metro", n, 500)
			start := time.Now()
			t := steps(b, cfg)
			speed[n] = float64(t.Steps) / time.Since(start).Seconds()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			b.ReportMetric(speed[n], fmt.Sprintf("steps/s@%d", n))
			b.ReportMetric(float64(m.HeapSys)/1e6, fmt.Sprintf("heap-MB@%d", n))
		}
		b.ReportMetric(speed[1_000_000]/speed[1000], "ratio")
	}
}
