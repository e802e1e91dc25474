package sim

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"tierlab/configs"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/reports"
	"tierlab/workloads/generate"
)

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
	cfg.Sink = reports.NewCollector()
	totals, err := Run(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	return totals
}

// BenchmarkQueue is the queue fidelity on one core with histograms only: steps
// a second over 100 concurrent sessions of the embedded workload, under each
// policy. Policies that look at many sites (all but the static ones, random,
// round-robin, p2c, history and keyword) stand apart by their names.
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

// BenchmarkConcurrency is the same under one policy, by how many sessions are
// active at once: what a session's state costs when caches no longer hold all.
func BenchmarkConcurrency(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg := benchConfig(b, "agent-cloud", "static-metro", 4*max(n, 1000), n)
			done := 0
			b.ResetTimer()
			for range b.N {
				done += steps(b, cfg).Steps
			}
			b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkLength compares short runs with a long one at the same concurrency:
// the ratio of their speeds says whether cost grows with a run's length. The
// short runs stand before and after the long one, and their median counts, so
// that a machine whose speed drifts does not decide.
func BenchmarkLength(b *testing.B) {
	const concurrent, short, long, beside = 500, 1000, 1_000_000, 7
	speed := func(sessions int) float64 {
		cfg := benchConfig(b, "agent-cloud", "static-metro", sessions, concurrent)
		start := time.Now()
		t := steps(b, cfg)
		return float64(t.Steps) / time.Since(start).Seconds()
	}
	heap := func(name string) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapSys)/1e6, name)
	}
	for range b.N {
		var few []float64
		for range beside {
			few = append(few, speed(short))
		}
		heap("heap-MB@1e3")
		many := speed(long)
		heap("heap-MB@1e6")
		for range beside {
			few = append(few, speed(short))
		}
		slices.Sort(few)
		median := few[len(few)/2]
		b.ReportMetric(median, "steps/s@1e3")
		b.ReportMetric(many, "steps/s@1e6")
		b.ReportMetric(many/median, "ratio")
	}
}

// BenchmarkEngine is the engine fidelity on one core with histograms only, on
// the embedded workload with 64 sessions active for each of the three sites of the
// central tier, which has 12 replicas of its first model: under a policy that
// keeps to them, and under two that use other tiers too.
func BenchmarkEngine(b *testing.B) {
	for _, policy := range []string{"static-central", "session-affinity", "keyword"} {
		b.Run(policy, func(b *testing.B) { benchEngine(b, policy, 192, 400) })
	}
}

// BenchmarkEngineLength is a run ten times as long as another: the cost of a
// step does not depend on it.
func BenchmarkEngineLength(b *testing.B) {
	for _, sessions := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) { benchEngine(b, "static-central", 192, sessions) })
	}
}

func benchEngine(b *testing.B, policy string, active, sessions int) {
	cfg := benchConfig(b, "agent-cloud", policy, sessions, active)
	cfg.Fidelity = Engine
	var e Engines
	done, cpu := 0, -cpuTime()
	b.ResetTimer()
	for range b.N {
		t := steps(b, cfg)
		done += t.Steps
		e.Jobs += t.Engines.Jobs
		e.Rows += t.Engines.Rows
		e.Iterations += t.Engines.Iterations
		e.Produced += t.Engines.Produced
		e.Computed += t.Engines.Computed
		e.Found += t.Engines.Found
	}
	b.StopTimer()
	cpu += cpuTime()
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(done)/seconds, "steps/s")
	if cpu > 0 {
		b.ReportMetric(float64(done)/cpu.Seconds(), "steps/cpu-s")
		b.ReportMetric(float64(e.Rows)/cpu.Seconds(), "seq-iterations/cpu-s")
	}
	b.ReportMetric(float64(e.Produced)/float64(e.Jobs), "tokens/answer")
	b.ReportMetric(float64(e.Rows)/float64(e.Iterations), "rows/iteration")
	b.ReportMetric(float64(e.Computed)/float64(done), "computed/step")
	b.ReportMetric(float64(e.Found)/float64(done), "found/step")
}
