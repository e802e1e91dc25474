package actors

import "time"

// Repeat measures n calls one after another.
func Repeat(n int, do func(i int) error) (Latencies, error) {
	return timed(n, 0, func(i int) (time.Duration, error) {
		begun := time.Now()
		err := do(i)
		return time.Since(begun), err
	})
}

// timed has n repetitions say what they took, with a pause after each.
func timed(n int, pause time.Duration, do func(i int) (time.Duration, error)) (Latencies, error) {
	times := make([]time.Duration, n)
	start := time.Now()
	for i := range times {
		var err error
		if times[i], err = do(i); err != nil {
			return Latencies{}, err
		}
		time.Sleep(pause)
	}
	return latencies(times, time.Since(start)), nil
}
