package actors

import "time"

// Repeat measures n calls one after another.
func Repeat(n int, do func(i int) error) (Latencies, error) {
	times := make([]time.Duration, n)
	start := time.Now()
	for i := range times {
		begun := time.Now()
		if err := do(i); err != nil {
			return Latencies{}, err
		}
		times[i] = time.Since(begun)
	}
	return latencies(times, time.Since(start)), nil
}
