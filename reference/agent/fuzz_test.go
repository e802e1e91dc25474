package agent

import (
	"testing"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// fuzzedEvent reads one event from six bytes: every other one answers an effect
// that is pending, in any order and with odd contents; the others are anything.
func fuzzedEvent(b []byte, pending []Effect) (time.Duration, Event) {
	statuses := []workloads.Status{ok, rejected, failed, workloads.StatusTimeout, ""}
	e := Event{
		Kind: EventKind(b[0] & 127 % 11), Timer: TimerKind(b[1] >> 4 % 6), Step: int32(b[1]%10) - 1,
		Attempt: int32(b[2] % 6), Tool: int32(b[2]>>4%5) - 1,
		Pass: b[3]&1 > 0, Fatal: b[3]&2 > 0, Status: statuses[b[3]>>2%5], USD: float64(b[4]%4) / 8,
	}
	if b[3]&64 == 0 {
		e.Decision = &router.Decision{
			Target: target(int32(b[4]%6)-1, int32(b[5]%4)-1), FallbackCount: int(b[5]>>4) - 4,
			Fallbacks:  [3]router.Target{target(int32(b[4]%5), 0), target(1, 1), target(0, int32(b[4]%3))},
			HedgeAfter: time.Duration(b[5]%3) * ms, ReserveUSD: float64(b[4]) / 64,
		}
	}
	if b[3]&128 == 0 {
		e.Call = &Call{
			Queue: time.Duration(b[4]) * ms, Decode: time.Duration(int8(b[5])) * ms, Network: ms,
			First: time.Duration(b[5]) * ms, Output: int(b[4]), USD: float64(b[5]) / 100,
		}
	}
	if b[0]&128 == 0 && len(pending) > 0 {
		f := pending[int(b[1])%len(pending)]
		answers := [...]EventKind{Route: Routed, Start: AttemptDone, Cancel: AttemptDone, Validate: Validated, RunTool: ToolDone,
			CancelTool: ToolDone, SetTimer: TimerFired, Commit: Committed}
		e.Kind, e.Timer, e.Step, e.Attempt, e.Tool = answers[f.Kind], f.Timer, f.Step, f.Attempt, f.Tool
	}
	return time.Duration(int8(b[5])) * ms, e
}

// FuzzEvents: whatever a driver says, a machine does not panic, asks for a
// bounded number of things, and adds its time up (INV-A8, INV-A12).
func FuzzEvents(f *testing.F) {
	f.Add(uint64(1), []byte{129, 1, 0, 0, 0, 0, 2, 1, 1, 0, 1, 1, 3, 1, 1, 0, 0, 9, 6, 1, 1, 0, 0, 9})
	f.Add(uint64(7), []byte{129, 1, 0, 0, 0, 0, 7, 1, 0, 0, 0, 5, 2, 1, 1, 0, 2, 1, 9, 1, 1, 0, 0, 9, 3, 1, 1, 0, 0, 9})
	long := []byte{129, 1, 0, 0, 0, 0}
	for i := range 120 {
		long = append(long, byte(i%7), byte(3*i), 1, byte(i%5), byte(i%4), 9)
	}
	f.Add(uint64(3), long)
	f.Fuzz(func(t *testing.T, seed uint64, script []byte) {
		l := &luck{s: rng.New(seed, 0)}
		cfg := randomConfig(l)
		p, err := Prepare(randomGraph(l, 8), testWorld())
		if err != nil {
			t.Fatal(err)
		}
		var m Machine
		m.Reset(&cfg, p, l.s, 1, 0, 0)
		var now time.Duration
		var fx, pending []Effect
		for ; len(script) >= 6; script = script[6:] {
			step, e := fuzzedEvent(script, pending)
			now += step
			if fx = m.Handle(now, &e, fx[:0]); len(fx) > 200 {
				t.Fatalf("%d effects of one event at 8 steps", len(fx))
			}
			for _, f := range fx {
				if f.Kind != StepDone && f.Kind != Finish {
					pending = append(pending, f)
				}
			}
			if m.open < 0 || m.reserved < 0 || m.held < 0 || m.pausing < 0 || m.armed < 0 || m.active < 0 {
				t.Fatalf("a count is negative: %+v", m.state)
			}
		}
		if got, want := m.Split().Total(), m.end-m.start; m.Finished() && got.D() != want {
			t.Fatalf("INV-A8: split %+v sums to %v of %v", m.Split(), got.D(), want)
		}
	})
}
