package router

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBreakerLife(t *testing.T) {
	c := BreakerConfig{Failures: 2, CoolDown: 10 * time.Second}
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	var b Breaker
	b.Done(at(0), false, c)
	b.Done(at(0), true, c) // in a row means in a row
	b.Done(at(1), false, c)
	if b.State(at(1)) != Closed {
		t.Fatal("open after one failure in a row")
	}
	b.Done(at(2), false, c)
	if b.State(at(2)) != Open || b.Allow(at(11)) {
		t.Fatal("not open after two")
	}
	if b.State(at(12)) != HalfOpen || !b.Allow(at(12)) {
		t.Fatal("not half open after the cool-down")
	}
	b.Sent(at(12), c)
	if b.Allow(at(13)) {
		t.Fatal("a second call passes while the trial is out")
	}
	b.Done(at(14), false, c)
	if b.State(at(15)) != Open || b.State(at(24)) != HalfOpen {
		t.Fatal("a failed trial must open the breaker for another cool-down")
	}
	b.Sent(at(24), c)
	b.Done(at(25), true, c)
	if b.State(at(25)) != Closed {
		t.Fatal("a successful trial must close the breaker")
	}
}

// TestBreakerLaws: an open breaker lets nothing pass for a cool-down; a half
// open one lets one call pass per cool-down; a closed one lets all pass and
// has seen fewer failures in a row than open it; it never stays shut for
// longer than a cool-down.
func TestBreakerLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := BreakerConfig{
			Failures: rapid.IntRange(1, 4).Draw(t, "failures"),
			CoolDown: time.Duration(rapid.IntRange(1, 5).Draw(t, "cool-down")),
		}
		var b Breaker
		now, row := time.Duration(0), 0
		lastTrial := time.Duration(-1 << 40)
		t.Repeat(map[string]func(*rapid.T){
			"pass": func(t *rapid.T) { now += time.Duration(rapid.IntRange(0, 3).Draw(t, "time")) },
			"send": func(t *rapid.T) {
				if !b.Allow(now) {
					return
				}
				if b.State(now) == HalfOpen {
					if now-lastTrial < c.CoolDown {
						t.Fatalf("two trials within %v", now-lastTrial)
					}
					lastTrial = now
				}
				b.Sent(now, c)
			},
			"succeed": func(*rapid.T) {
				if b.State(now) != Open {
					row = 0
				}
				b.Done(now, true, c)
			},
			"fail": func(*rapid.T) { row++; b.Done(now, false, c) },
			"": func(t *rapid.T) {
				switch b.State(now) {
				case Closed:
					if row >= c.Failures || !b.Allow(now) {
						t.Fatalf("closed after %d failures in a row", row)
					}
				case Open:
					if row < c.Failures || b.Allow(now) {
						t.Fatalf("open after %d failures in a row", row)
					}
				}
				if !b.Allow(now + c.CoolDown) {
					t.Fatal("shut for longer than a cool-down")
				}
			},
		})
	})
}
