package site

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBadCallsPanic(t *testing.T) {
	for _, c := range []struct {
		name, want string
		do         func()
	}{
		{"backwards", "backwards", func() { s := New(Config{}); s.Advance(5, nil); s.Advance(4, nil) }},
		{"work", "negative work", func() { New(Config{}).Arrive(0, Job{Prefill: -1}, nil) }},
		{"slots", "Slots -1", func() { New(Config{Slots: -1}) }},
		{"queue", "QueueLimit -2", func() { New(Config{QueueLimit: -2}) }},
		{"speed", "speed -1", func() { New(Config{Speed: Fixed(-1)}).Arrive(0, Job{Prefill: 1}, nil) }},
		{"prefixes", "negative", func() { NewPrefixes(PrefixConfig{Capacity: -1}) }},
		{"prefix time", "backwards", func() {
			p := NewPrefixes(PrefixConfig{Capacity: 1})
			p.Hit(2, Prefix{})
			p.Hit(1, Prefix{})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if msg := fmt.Sprint(recover()); !strings.Contains(msg, c.want) {
					t.Errorf("panic %q, want one that says %q", msg, c.want)
				}
			}()
			c.do()
		})
	}
}

// TestVoidHandles: a handle of a job that has ended, or of none, cancels
// nothing, even when its slot is in use again.
func TestVoidHandles(t *testing.T) {
	s := New(Config{})
	old, _, _ := s.Arrive(0, Job{Tag: 1, Decode: 1}, nil)
	out := s.Advance(2, nil)
	if out[len(out)-1].Kind != Done {
		t.Fatalf("transitions %v", out)
	}
	s.Arrive(2, Job{Tag: 2, Decode: 10}, nil)
	for _, h := range []Handle{0, old, old + 1, 1 << 31, 1<<64 - 1} {
		if ok, out := s.Cancel(3, h, nil); ok || len(out) > 0 {
			t.Errorf("handle %#x cancelled %v", h, out)
		}
	}
}

// TestSteadyStateDoesNotAllocate keeps a batching server busy with a queue,
// and cancels now and then.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	s := New(Config{Slots: 8, QueueLimit: 8, Speed: Batched(9, 3)})
	out := make([]Transition, 0, 64)
	now, i := time.Duration(0), 0
	var h Handle
	step := func() {
		i++
		now += time.Duration(20 + i*7%30)
		h, _, out = s.Arrive(now, Job{Prefill: time.Duration(i * 31 % 200), Decode: time.Duration(i * 17 % 300)}, out[:0])
		if i%5 == 0 && h != 0 {
			_, out = s.Cancel(now, h, out)
		}
	}
	for range 1000 {
		step()
	}
	if n := testing.AllocsPerRun(5000, step); n != 0 {
		t.Errorf("%v allocations an arrival", n)
	}
	if st := s.Stats(); st.Rejected == 0 || st.Done == 0 || st.Cancelled == 0 {
		t.Errorf("the server was not busy: %+v", st)
	}
}
