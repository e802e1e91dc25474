package sim

import (
	"fmt"
	"time"
)

// A load beyond these bounds is refused before it runs.
const (
	// maxActive is how many sessions may be active at once: each takes some
	// kilobytes.
	maxActive = 1_000_000
	// shortest is what a session is reckoned to take where its recording states
	// no time.
	shortest = time.Second
	// longest is how long a run may be expected to take on its own clock. It
	// leaves the 292 years of a time.Duration room for the tails of gaps.
	longest = 10 * 365 * 24 * time.Hour
)

// CheckLoad refuses a load that cannot be played: too many sessions at once
// (for an open load by Little's law, rate times the mean of the sessions' own
// lengths), or arrivals that are too far apart.
func (c *Config) CheckLoad() error {
	a := &c.Arrivals
	switch a.Process {
	case Closed:
		if a.N > maxActive {
			return fmt.Errorf("%v: more than %d sessions at once", a, maxActive)
		}
	case Poisson, Gamma:
		lengths := c.Scenario.ownLengths(&c.Agent)
		seconds := 0.0 // of a session, in the mean
		for _, l := range lengths {
			seconds += max(l, shortest).Seconds() / float64(len(lengths))
		}
		if active := a.Rate * seconds; active > maxActive {
			return fmt.Errorf("%v: about %.0e sessions would be active at once, more than %.0e: a session takes %.3g s or more",
				a, active, float64(maxActive), seconds)
		}
		n := c.Sessions
		if n <= 0 {
			n = len(lengths)
		}
		if span := float64(n) / a.Rate * max(1, a.CV*a.CV); span > longest.Seconds() {
			return fmt.Errorf("%v: %d arrivals may take %.0f years, more than %.0f",
				a, n, span/(365*24*3600), longest.Hours()/(365*24))
		}
	}
	return nil
}
