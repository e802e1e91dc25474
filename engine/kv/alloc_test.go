//go:build !kvcheck

package kv

import "testing"

func TestTurnsAllocateNothing(t *testing.T) {
	u := newTurn(t, 4096, 512)
	for range 100 {
		u.run()
	}
	if got := testing.AllocsPerRun(500, u.run); got != 0 {
		t.Errorf("%v allocations a turn", got)
	}
	if s := u.c.Stats(); s.Evicted == 0 || s.Kept == 0 || u.resident != 256 {
		t.Errorf("the turns were too tame: %+v, %d blocks resident", s, u.resident)
	}
}
