package sim

import (
	"math"
	"testing"
	"time"

	"tierlab/reference/topology"
	"tierlab/workloads"
)

// TestCancelledByHand calls an attempt off at three moments: before its prompt
// has arrived (125.4 ms), in prefill (until 375.4 ms) and after 198 iterations
// of 8.2 ms. What its site had done by then is paid, bytes included.
func TestCancelledByHand(t *testing.T) {
	const in, out, there, back = 3e-6, 12e-6, 4 * 0.01e-9, 4 * 0.09e-9 // dollars a token; the user's bytes cost what there does
	for _, c := range []struct {
		limit   time.Duration
		outputs int
		usd     float64
	}{
		{100 * time.Millisecond, 0, 0},
		{300 * time.Millisecond, 0, 5000 * in},
		{2 * time.Second, 199, 5000*in + 199*out},
	} {
		cfg := smallPoint(t, "static-central", still)
		w := *cfg.Scenario.World
		n := topology.Place(len(w.Sites) + len(w.Origins))
		for a := range n {
			for b := range n {
				w.Link(a, b).JitterMedian, w.Link(a, b).Loss = 0, 0
			}
		}
		cfg.Scenario = scenario(t, &w, chain(t, 1, 5000, 1000))
		cfg.Agent.Validate, cfg.Agent.CommitEach, cfg.Agent.MaxAttempts, cfg.Agent.AttemptTimeout = false, false, 1, c.limit
		cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 1
		b, _ := play(t, cfg)
		a := b.steps[0].Attempts[0]
		if a.Status != workloads.StatusTimeout || (a.Done-a.Sent).D() != c.limit {
			t.Fatalf("after %v: status %s after %v", c.limit, a.Status, (a.Done - a.Sent).D())
		}
		egress := 5000*there + float64(c.outputs)*(back+there)
		if a.Output != c.outputs || math.Abs(a.USD-c.usd) > 1e-12 || math.Abs(a.Egress-egress) > 1e-15 {
			t.Errorf("after %v: %d tokens for $%.9f and $%.3g of egress, by hand %d for $%.9f and $%.3g",
				c.limit, a.Output, a.USD, a.Egress, c.outputs, c.usd, egress)
		}
	}
}
