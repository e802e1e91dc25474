package actors

import (
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Latencies are the times of many repetitions of one thing.
type Latencies struct {
	N             int
	P50, P99, Max time.Duration
	// PerSecond is repetitions by the wall, over all of them.
	PerSecond float64
}

// latencies sums up times that were taken within a span. It sorts them.
func latencies(times []time.Duration, span time.Duration) Latencies {
	if len(times) == 0 {
		return Latencies{}
	}
	slices.Sort(times)
	values := make([]float64, len(times))
	for i, t := range times {
		values[i] = float64(t)
	}
	at := func(q float64) time.Duration { return time.Duration(stat.Quantile(q, stat.Empirical, values, nil)) }
	return Latencies{
		N: len(times), P50: at(0.5), P99: at(0.99), Max: times[len(times)-1],
		PerSecond: float64(len(times)) / span.Seconds(),
	}
}
