package sim

import (
	"fmt"
	"math"
	"time"

	"tierlab/reference/topology"
)

// Totals are a point's books: what entered must have left, or still be there.
// INVARIANTS.md numbers the laws that Check holds them to.
type Totals struct {
	Sessions, Finished, Active int // arrived = finished + active
	Steps                      int // accepted or given up
	Attempts                   int // started
	Answered, Cancelled        int // attempts that came back; attempts called off
	InFlight                   int
	Rejected, Failed, Timeouts int // of those answered or cancelled
	Tools                      int
	InputTokens, CachedTokens  int64 // of answered attempts
	OutputTokens               int64
	USD                        float64 // all attempts, stores, tools and checks
	SessionUSD                 float64 // the same, by the books of finished sessions
	ActiveUSD                  float64 // and by those of active ones
	PrivateOffDevice           int     // steps with private data that left the device
	ResidencyBroken            int
	Untimed                    int     // attempts whose parts did not sum to what they took
	Overrun                    float64 // the most that a session spent above its budget, US dollars
	Events                     uint64  // delivered by the kernel
	Engines                    Engines // at the engine fidelity
	End                        time.Duration

	// Window is how long measured sessions were arriving.
	Window time.Duration
	// Busy is slot time in use, by tier, over the measured window; what is on
	// offer is Window for each of the tier's Slots. Users' devices have no slots
	// to share, and what they start in the window counts in full.
	Busy  [topology.Tiers]time.Duration
	Slots [topology.Tiers]int
	// QueuedFirst and QueuedLast are the mean numbers of waiting requests in
	// the first and in the last half of the measured window.
	QueuedFirst, QueuedLast float64
	// Measured counts finished measured sessions of the Wanted.
	Measured, Wanted int
	Partial          bool
}

// Check holds the books to the conservation laws of INVARIANTS.md.
func (t *Totals) Check() error {
	switch {
	case t.Sessions != t.Finished+t.Active:
		return fmt.Errorf("INV-1: %d sessions arrived, %d finished and %d are active", t.Sessions, t.Finished, t.Active)
	case t.Attempts != t.Answered+t.Cancelled+t.InFlight:
		return fmt.Errorf("INV-2: %d attempts started, %d answered, %d cancelled and %d are in flight",
			t.Attempts, t.Answered, t.Cancelled, t.InFlight)
	case t.Untimed != 0:
		return fmt.Errorf("INV-4: the parts of %d attempts do not sum to what they took", t.Untimed)
	case math.Abs(t.USD-t.SessionUSD-t.ActiveUSD) > 1e-6*t.USD:
		return fmt.Errorf("INV-6: the work cost $%.9f, sessions were charged $%.9f", t.USD, t.SessionUSD+t.ActiveUSD)
	case t.Overrun > 1e-9:
		return fmt.Errorf("INV-6: a session spent $%.6f more than its budget", t.Overrun)
	case t.PrivateOffDevice != 0:
		return fmt.Errorf("INV-7: %d steps with private data left the device", t.PrivateOffDevice)
	case t.ResidencyBroken != 0:
		return fmt.Errorf("INV-7: %d steps ran outside the regions that their data may be in", t.ResidencyBroken)
	case t.CachedTokens > t.InputTokens:
		return fmt.Errorf("INV-5: %d tokens cached of %d sent", t.CachedTokens, t.InputTokens)
	}
	if err := t.Engines.check(t); err != nil {
		return err
	}
	for tier := range t.Busy {
		// Slots x Window may exceed what a Duration holds.
		if n := t.Slots[tier]; n > 0 && t.Busy[tier]/time.Duration(n) > t.Window {
			return fmt.Errorf("INV-8: tier %s was busy for %v in %v of %d slots", topology.Tier(tier), t.Busy[tier], t.Window, n)
		}
	}
	return nil
}

// inService is the mean number of requests in service at shared sites in the
// measured window. Idle sites elsewhere do not count: a queue that grows at one
// site is no less a queue because others have room.
func (t *Totals) inService() float64 {
	busy := 0.0
	for tier := topology.Metro; tier < topology.Tiers; tier++ {
		busy += float64(t.Busy[tier])
	}
	return busy / max(1, float64(t.Window))
}

// Invalid lists the reasons for which the point's figures should not be
// believed; none means that it is valid.
func (t *Totals) Invalid() []string {
	var why []string
	if t.Partial {
		why = append(why, fmt.Sprintf("partial: stopped after %d of %d measured sessions", t.Measured, t.Wanted))
	}
	if !t.Partial && t.Measured < t.Wanted {
		why = append(why, fmt.Sprintf("only %d of %d measured sessions ended", t.Measured, t.Wanted))
	}
	if grown := t.QueuedLast - t.QueuedFirst; grown > 1 && grown > 0.5*t.QueuedFirst && t.QueuedLast > 0.25*t.inService() {
		why = append(why, fmt.Sprintf("no steady state: %.1f requests waited on average in the first half of the window, %.1f in the last",
			t.QueuedFirst, t.QueuedLast))
	}
	return why
}
