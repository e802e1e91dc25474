package site

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestNextDoneMissesNothing drives one server from transition to transition
// and another from one possible completion to the next: both see the same
// transitions, and each completion at its own time.
func TestNextDoneMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		speed := rapid.SampledFrom([]Speed{nil, Shared(2), Batched(8*time.Millisecond, time.Millisecond)}).Draw(t, "speed")
		cfg := Config{Slots: rapid.IntRange(1, 5).Draw(t, "slots"), Speed: speed}
		every, lazy := New(cfg), New(cfg)
		ms := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most*1000).Draw(t, name)) * time.Microsecond
		}
		var a, b []Transition
		now := time.Duration(0)
		for tag := range rapid.IntRange(1, 30).Draw(t, "jobs") {
			to := now + ms("gap", 40)
			a = step(every, every.NextAt, to, a)
			b = step(lazy, lazy.NextDone, to, b)
			now = to
			j := Job{Tag: uint64(tag), Prefill: ms("prefill", 50), Decode: ms("decode", 200)}
			_, _, a = every.Arrive(now, j, a)
			_, _, b = lazy.Arrive(now, j, b)
		}
		a = step(every, every.NextAt, now+time.Hour, a)
		b = step(lazy, lazy.NextDone, now+time.Hour, b)
		if !slices.Equal(a, b) {
			t.Fatalf("transition by transition %v, completion by completion %v", a, b)
		}
	})
}

// step lets a server advance to each time that next names, up to a time. A
// completion that is seen later than it happened would have been missed.
func step(s *Server, next func() (time.Duration, bool), to time.Duration, out []Transition) []Transition {
	for {
		at, ok := next()
		if !ok || at > to {
			return s.Advance(to, out)
		}
		from := len(out)
		out = s.Advance(at, out)
		for _, x := range out[from:] {
			if x.Kind == Done && x.At != at {
				panic("a completion was passed over")
			}
		}
	}
}
