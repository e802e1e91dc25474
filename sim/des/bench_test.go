package des

import (
	"container/heap"
	"slices"
	"testing"
	"time"

	"tierlab/internal/rng"
)

// event is what the simulator's events look like: 16 bytes, no pointer.
type event struct {
	kind    uint8
	a, b, c int32
}

// boxed is the same event list on container/heap, the yardstick.
type boxed struct {
	h     entries
	calls uint64
}

type entry struct {
	at  time.Duration
	seq uint64
	e   event
}

type entries []entry

func (h entries) Len() int { return len(h) }
func (h entries) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h entries) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *entries) Push(x any)   { *h = append(*h, x.(entry)) }
func (h *entries) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

func (b *boxed) Schedule(at time.Duration, e event) {
	b.calls++
	heap.Push(&b.h, entry{at, b.calls, e})
}

func (b *boxed) Next() (time.Duration, event, bool) {
	x := heap.Pop(&b.h).(entry)
	return x.at, x.e, true
}

// increments are exponential: the hold model's usual case (Jones, "An
// empirical comparison of priority-queue and event-set implementations",
// CACM 29(4), 1986).
func increments() []time.Duration {
	d := make([]time.Duration, 1<<16)
	for i := range d {
		d[i] = time.Duration(rng.New(1, 0).Fold(uint64(i)).Exp(1e9))
	}
	return d
}

type list interface {
	Schedule(time.Duration, event)
	Next() (time.Duration, event, bool)
}

// fill brings a list to its steady state.
func fill(l list, pending int, inc []time.Duration) {
	for i := range pending {
		l.Schedule(inc[i%len(inc)]+time.Duration(i), event{kind: 1, a: int32(i), b: 2, c: 3})
	}
	for i := range 2 * pending {
		at, e, _ := l.Next()
		l.Schedule(at+inc[i*7%len(inc)], e)
	}
}

// BenchmarkHold measures the kernel in the hold model: each delivered event
// schedules one. The kernel and container/heap take turns in slices of one
// run, so that a noisy machine slows both; the ratio is of their medians.
func BenchmarkHold(b *testing.B) {
	for _, c := range []struct {
		name    string
		pending int
	}{{"pending=1000", 1000}, {"pending=1000000", 1_000_000}} {
		b.Run(c.name, func(b *testing.B) { hold(b, c.pending) })
	}
}

func hold(b *testing.B, pending int) {
	inc := increments()
	typed, boxed := New[event](pending), &boxed{}
	fill(typed, pending, inc)
	fill(boxed, pending, inc)
	const slice = 20_000
	var mine, theirs []float64
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += slice {
		n := min(slice, b.N-done)
		start := time.Now()
		for i := range n { // written out twice: a call through an interface costs as much as a compare
			at, e, _ := typed.Next()
			typed.Schedule(at+inc[(done+i)%len(inc)], e)
		}
		mine = append(mine, time.Since(start).Seconds()/float64(n))
		b.StopTimer()
		start = time.Now()
		for i := range n {
			at, e, _ := boxed.Next()
			boxed.Schedule(at+inc[(done+i)%len(inc)], e)
		}
		theirs = append(theirs, time.Since(start).Seconds()/float64(n))
		b.StartTimer()
	}
	b.StopTimer()
	b.ReportMetric(1/median(mine)/1e6, "Mevents/s")
	b.ReportMetric(1/median(theirs)/1e6, "container/heap-Mevents/s")
	b.ReportMetric(median(theirs)/median(mine), "ratio")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
