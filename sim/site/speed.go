package site

import (
	"fmt"
	"math"
	"time"
)

// Speed gives, for the numbers of jobs in prefill and in decode, the seconds
// of unloaded work that each job of either phase receives in a second. It must
// be a pure function: the server asks again at every change of occupancy, and
// never for an empty server. A speed is between 0 and 2^20 and is rounded to a
// multiple of 2^-32.
type Speed func(prefilling, decoding int) (prefill, decode float64)

// Fixed is a server whose jobs do not slow each other: M/G/K.
func Fixed(speed float64) Speed {
	return func(int, int) (float64, float64) { return speed, speed }
}

// Shared is processor sharing: all jobs together receive at most capacity
// seconds of work in a second, each at most one.
func Shared(capacity float64) Speed {
	return func(p, d int) (float64, float64) {
		s := min(1, capacity/float64(p+d))
		return s, s
	}
}

// Batched is an engine that serves n jobs in iterations of length
// fixed + n*perJob: the weights are read once for the whole batch, the
// key-value cache once a job. A job alone has speed 1.
func Batched(fixed, perJob time.Duration) Speed {
	one := float64(fixed + perJob)
	return func(p, d int) (float64, float64) {
		s := one / (float64(fixed) + float64(p+d)*float64(perJob))
		return s, s
	}
}

// rate is a speed as virtual units a nanosecond.
func rate(speed float64) uint64 {
	if !(speed >= 0 && speed <= 1<<20) {
		panic(fmt.Sprintf("site: speed %v, want one between 0 and 2^20", speed))
	}
	return uint64(math.Round(speed * (1 << 32)))
}
