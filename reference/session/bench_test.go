package session

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tierlab/reference/hub"
	"tierlab/reference/journal/pebblestore"
	"tierlab/workloads"
)

// null answers at once, with one call of a tool that does nothing up to a step.
type null struct{ steps int }

func (n *null) Call(_ context.Context, c *hub.Call) (*hub.Answer, error) {
	a := &hub.Answer{Input: 100, Output: 20}
	if c.Step < n.steps-1 {
		a.Message = hub.Message{Role: "assistant", Calls: []hub.ToolCall{{ID: "c0", Name: "echo", Arguments: fmt.Sprintf(`{"n":%d}`, c.Step)}}}
	} else {
		a.Message = hub.Message{Role: "assistant", Content: "over"}
	}
	return a, nil
}

func (n *null) Count(c *hub.Call) int { return 50 * len(c.Messages) }

func newBench(b *testing.B, steps int, change func(*Config)) (*Runtime, *pebblestore.Store) {
	store, err := pebblestore.Open(b.TempDir(), pebblestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	cfg := newConfig(nil, nil, newToolbox())
	cfg.Store, cfg.Caller, cfg.Watchdog = store, &null{steps}, time.Second
	if change != nil {
		change(&cfg)
	}
	rt, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = rt.Close(context.Background())
		_ = store.Close()
	})
	return rt, store
}

// BenchmarkSteps runs 1,000 sessions of 30 steps at once: open ones, and recorded
// ones whose tool calls take no time. An operation is one such run.
func BenchmarkSteps(b *testing.B) {
	const sessions, steps = 1000, 30
	rec := &Recorded{Session: workloads.Session{ID: "r"}}
	for i := range steps {
		step := workloads.Step{ID: fmt.Sprint(i), LLM: workloads.LLM{OutputTokens: 20, Context: workloads.Context{Add: 100}}}
		if i > 0 {
			before := fmt.Sprint(i - 1)
			step.After = []workloads.After{{Step: before}}
			step.LLM.Context = workloads.Context{From: before, Keep: 100 + 70*(i-1) + 20, Add: 50}
		}
		if i < steps-1 {
			step.Tools = []workloads.Tool{{Name: "t"}}
		}
		rec.Steps = append(rec.Steps, step)
	}
	for _, kind := range []string{"open", "recorded"} {
		b.Run(kind, func(b *testing.B) {
			rt, _ := newBench(b, steps, func(c *Config) { c.Play = PlayNothing })
			n := 0
			for b.Loop() {
				begun := time.Now()
				var left atomic.Int64
				left.Store(sessions)
				over := make(chan struct{})
				stop := rt.Watch("", func(n Notice) {
					if n.Kind == Ended && left.Add(-1) == 0 {
						close(over)
					}
				})
				for range sessions {
					n++
					spec := Spec{ID: fmt.Sprintf("%s%d", kind, n), Task: "t", Tools: []string{"echo"}, Seed: uint64(n)}
					if kind == "recorded" {
						spec = Spec{ID: spec.ID, Recorded: rec}
					}
					go func() {
						if err := rt.Create(context.Background(), spec); err != nil {
							b.Error(err)
						}
					}()
				}
				<-over
				stop()
				b.ReportMetric(sessions*steps/time.Since(begun).Seconds(), "steps/s")
			}
		})
	}
}

// BenchmarkWake wakes a hibernated session of 50 steps, until it can take an
// input.
func BenchmarkWake(b *testing.B) {
	rt, _ := newBench(b, 50, func(c *Config) { c.Hibernate = time.Hour })
	ctx := context.Background()
	rt.cfg.Caller = &sleeper{null{51}}
	if err := rt.Create(ctx, Spec{ID: "s", Task: "t", Tools: []string{"echo", WaitMessage}}); err != nil {
		b.Fatal(err)
	}
	for rt.Hibernate(ctx, "s") != nil {
		time.Sleep(time.Millisecond)
	}
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		if err := rt.Wake(ctx, "s"); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
		b.StopTimer()
		if err := rt.Hibernate(ctx, "s"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	reportQuantiles(b, took)
}

// sleeper is a null whose last step waits for a message.
type sleeper struct{ null }

func (s *sleeper) Call(ctx context.Context, c *hub.Call) (*hub.Answer, error) {
	if c.Step == s.steps-2 {
		return &hub.Answer{Message: call("wait_message {}"), Input: 100, Output: 20}, nil
	}
	return s.null.Call(ctx, c)
}

// BenchmarkMemory says what sessions of ten steps hold that wait for a message:
// awake, and hibernated.
func BenchmarkMemory(b *testing.B) {
	const sessions = 2000
	for _, kind := range []string{"awake", "hibernated"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				rt, _ := newBench(b, 10, func(c *Config) { c.Hibernate = time.Hour })
				rt.cfg.Caller = &sleeper{null{11}}
				before := inUse()
				for i := range sessions {
					if err := rt.Create(context.Background(), Spec{ID: fmt.Sprint("s", i), Task: "t", Tools: []string{"echo", WaitMessage}}); err != nil {
						b.Fatal(err)
					}
				}
				for i := range sessions {
					for kind == "hibernated" && rt.Hibernate(context.Background(), fmt.Sprint("s", i)) != nil {
						time.Sleep(time.Millisecond)
					}
				}
				time.Sleep(time.Second)
				b.ReportMetric(float64(inUse()-before)/sessions, "B/session")
			}
		})
	}
}

func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func reportQuantiles(b *testing.B, took []time.Duration) {
	sorted := append([]time.Duration(nil), took...)
	slices.Sort(sorted)
	b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds()), "p99-us")
}
