package site

import (
	"testing"
	"time"

	"tierlab/internal/rng"
)

// BenchmarkJobs measures a server of an engine's size under load: one job is
// an arrival, a start, a first token and a completion.
func BenchmarkJobs(b *testing.B) {
	s := New(Config{Slots: 64, QueueLimit: 256, Speed: Batched(9*time.Millisecond, 100*time.Microsecond)})
	const cycle = 1 << 14
	var jobs [cycle]Job
	var gaps [cycle]time.Duration
	for i := range jobs {
		u := rng.New(1, 0).Fold(uint64(i))
		jobs[i] = Job{
			Prefill: seconds(u.For(rng.Service).Exp(0.3)),
			Decode:  seconds(u.For(rng.ToolTime).Exp(3)),
		}
		gaps[i] = seconds(u.For(rng.Arrival).Exp(0.09))
	}
	out := make([]Transition, 0, 64)
	now, i := time.Duration(0), 0
	b.ReportAllocs()
	for b.Loop() {
		now += gaps[i%cycle]
		for at, ok := s.NextAt(); ok && at <= now; at, ok = s.NextAt() {
			out = s.Advance(at, out[:0])
		}
		_, _, out = s.Arrive(now, jobs[i%cycle], out[:0])
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds()/1e6, "Mjobs/s")
	st := s.Stats()
	b.ReportMetric(float64(st.PrefillTime+st.DecodeTime)/float64(now), "occupancy")
}

// BenchmarkPrefixes measures a step's lookup under two names and its store,
// over enough sessions to evict all the time.
func BenchmarkPrefixes(b *testing.B) {
	p := NewPrefixes(PrefixConfig{Capacity: 4_000_000, Block: 16, TTL: time.Hour})
	i := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		i++
		now := time.Duration(i) * time.Millisecond
		session := i * 0x9e3779b97f4a7c15 >> 32 % 1000
		p.Best(now, Prefix{session, 30_000}, Prefix{1<<40 + session%7, 3000})
		p.Store(now, Prefix{session, int(1000 + i*37%30_000)})
	}
}
