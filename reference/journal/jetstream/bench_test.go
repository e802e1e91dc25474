package jetstream

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tierlab/reference/journal"
)

// BenchmarkAppend measures appends of one record, by one session and by 64 at
// once, on one server and on three in this process.
func BenchmarkAppend(b *testing.B) {
	for _, sessions := range []int{1, 64} {
		b.Run(fmt.Sprintf("nodes=1/sessions=%d", sessions), func(b *testing.B) {
			appendAll(b, sessions, serve(b, b.TempDir()).Store)
		})
	}
	for _, sessions := range []int{1, 64} {
		b.Run(fmt.Sprintf("nodes=3/sessions=%d", sessions), func(b *testing.B) {
			appendAll(b, sessions, startCluster(b).stores...)
		})
	}
}

// BenchmarkHead measures strong reads, each of which waits for a barrier.
func BenchmarkHead(b *testing.B) {
	for _, nodes := range []int{1, 3} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			var s *Store
			if nodes == 1 {
				s = serve(b, b.TempDir()).Store
			} else {
				s = startCluster(b).stores[0]
			}
			grow(b, s, "a", 3)
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if _, err := s.Head(b.Context(), "a"); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begun))
			}
			report(b, took)
		})
	}
}

// appendAll has sessions, spread over stores, append b.N records in all.
func appendAll(b *testing.B, sessions int, stores ...*Store) {
	var mu sync.Mutex
	var took []time.Duration
	heads := make([]journal.Head, sessions)
	for i := range heads {
		heads[i] = grow(b, stores[i%len(stores)], fmt.Sprint("s", i), 1)
	}
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, h := range heads {
		wg.Go(func() {
			for n := i; n < b.N; n += sessions {
				begun := time.Now()
				next, err := stores[i%len(stores)].Append(b.Context(), &journal.Batch{Session: h.Session, Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{entry(n)}})
				if err != nil {
					b.Error(err)
					return
				}
				h = next
				mu.Lock()
				took = append(took, time.Since(begun))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	report(b, took)
}

func report(b *testing.B, took []time.Duration) {
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e3, "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100])/1e3, "p99-us")
}
