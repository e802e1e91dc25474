package sandbox

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// small is what agents' code usually is: a few lines over the input.
var small = &Run{Language: JavaScript, Source: []byte(`let s = 0; for (let i = 0; i < 100; i++) s += i; s`)}

// BenchmarkWarm is one request after the other, with a pause before each in
// which the next instance is made, as on an idle machine.
func BenchmarkWarm(b *testing.B) {
	p := newPool(b, Config{Workers: 2})
	var took []time.Duration
	for b.Loop() {
		time.Sleep(2 * time.Millisecond)
		start := time.Now()
		if _, err := p.Run(b.Context(), small); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkSustained keeps all children busy.
func BenchmarkSustained(b *testing.B) {
	p := newPool(b, Config{})
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := p.Run(context.Background(), small); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkBurst is 5,000 requests at once.
func BenchmarkBurst(b *testing.B) {
	const n = 5000
	p := newPool(b, Config{})
	for b.Loop() {
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				if _, err := p.Run(b.Context(), small); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkKill is how long after its limit an endless loop is gone.
func BenchmarkKill(b *testing.B) {
	const limit = 20 * time.Millisecond
	p := newPool(b, Config{Workers: 2})
	var late []time.Duration
	for b.Loop() {
		r, err := p.Run(b.Context(), &Run{Language: JavaScript, Source: []byte(`for (;;);`), Limits: Limits{Wall: limit}})
		if err != nil || r.Fault == nil || r.Fault.Kind != WallExceeded {
			b.Fatal(r, err)
		}
		late = append(late, r.Used.Wall-limit)
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2].Microseconds()), "p50-late-us")
	b.ReportMetric(float64(late[len(late)-1].Microseconds()), "max-late-us")
}

// BenchmarkStart is from the start of a process to an instance that waits.
func BenchmarkStart(b *testing.B) {
	p := newPool(b, Config{Workers: 1})
	b.Logf("%+v", p.Confinement())
	for b.Loop() {
		w, err := p.lanes[JavaScript].start()
		if err != nil {
			b.Fatal(err)
		}
		w.end()
	}
}
