//go:build !kvcheck

package sched

import "testing"

// TestSteadyStateAllocatesNothing: plans, commits, ends, admissions and
// evictions reuse what is there.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	c := newChurn(t, 32, false)
	for range 3000 {
		c.step()
	}
	if got := testing.AllocsPerRun(2000, c.step); got != 0 {
		t.Errorf("%v allocations an iteration", got)
	}
	if st, ks := c.s.Stats(), c.s.cache.Stats(); st.Finished < 100 || ks.Evicted == 0 || st.Cached == 0 {
		t.Errorf("the state was too steady: %+v %+v", st, ks)
	}
}
