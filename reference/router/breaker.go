package router

import "time"

// BreakerState is a circuit breaker's state.
type BreakerState uint8

// The states of a breaker.
const (
	Closed   BreakerState = iota // calls pass
	Open                         // calls go elsewhere until the cool-down is over
	HalfOpen                     // the cool-down is over: one call may try
)

// Breaker is the circuit breaker of one deployment (M. Nygard, "Release It!",
// 2007, "Circuit Breaker"):
//
//	         Failures in a row
//	Closed ---------------------> Open
//	  ^                          ^    |
//	  | the trial      the trial |    | CoolDown passes
//	  | succeeds          failed |    v
//	  +------------------------ HalfOpen
//
// A trial that reports nothing counts as lost after another CoolDown. The
// zero Breaker is closed.
type Breaker struct {
	failures int
	tripped  bool
	trial    bool // a half-open breaker's call is out
	until    time.Duration
}

// BreakerConfig are the limits of all breakers.
type BreakerConfig struct {
	// Failures in a row open a breaker.
	Failures int
	CoolDown time.Duration
	// Slow makes an answer that took longer a failure; 0: none is too slow.
	Slow time.Duration
}

// State is the breaker's state at a time.
func (b *Breaker) State(now time.Duration) BreakerState {
	switch {
	case !b.tripped:
		return Closed
	case now < b.until && !b.trial:
		return Open
	}
	return HalfOpen
}

// Allow says whether a call may go out.
func (b *Breaker) Allow(now time.Duration) bool { return !b.tripped || now >= b.until }

// Sent notes that a call goes out. In a half-open breaker it becomes the
// trial; one that goes out although the breaker is open changes nothing.
func (b *Breaker) Sent(now time.Duration, c BreakerConfig) {
	if b.tripped && now >= b.until {
		b.trial, b.until = true, now+c.CoolDown
	}
}

// Done notes how a call ended. A call that was sent before the breaker opened
// tells an open breaker nothing.
func (b *Breaker) Done(now time.Duration, ok bool, c BreakerConfig) {
	switch {
	case b.State(now) == Open:
	case ok:
		*b = Breaker{}
	case b.tripped:
		b.trial, b.until = false, now+c.CoolDown
	default:
		b.failures++
		if b.failures >= c.Failures {
			*b = Breaker{tripped: true, until: now + c.CoolDown}
		}
	}
}
