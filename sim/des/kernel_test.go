package des

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// pair is an event of the model: seq is the schedule call that made it.
type pair struct {
	at  time.Duration
	seq int
}

// TestModel holds the kernel to a sorted slice under arbitrary interleavings
// of Schedule, Next and Reset, with times close together so that ties abound.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k Kernel[int]
		if rapid.Bool().Draw(t, "sized") {
			k = *New[int](rapid.IntRange(0, 40).Draw(t, "room"))
		}
		var model []pair
		var now time.Duration
		seq := 0
		schedule := func(t *rapid.T) {
			for range rapid.IntRange(1, 20).Draw(t, "n") {
				at := now + time.Duration(rapid.IntRange(0, 12).Draw(t, "in"))
				seq++
				k.Schedule(at, seq)
				i, _ := slices.BinarySearchFunc(model, at, func(p pair, at time.Duration) int {
					if p.at <= at {
						return -1
					}
					return 1
				})
				model = slices.Insert(model, i, pair{at, seq})
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"schedule": schedule,
			"next": func(t *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(t, "n") {
					at, e, ok := k.Next()
					if !ok || len(model) == 0 {
						if ok || len(model) != 0 || at != now {
							t.Fatalf("Next = %v, %d, %v with %d events in the model at %v", at, e, ok, len(model), now)
						}
						return
					}
					if got := (pair{at, e}); got != model[0] {
						t.Fatalf("Next = %v, want %v", got, model[0])
					}
					model, now = model[1:], at
				}
			},
			"reset": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rare") == 0 {
					k.Reset()
					model, now = nil, 0
				}
			},
			"": func(t *rapid.T) {
				if k.Now() != now || k.Len() != len(model) {
					t.Fatalf("Now = %v, Len = %d; want %v, %d", k.Now(), k.Len(), now, len(model))
				}
				if at, ok := k.Peek(); ok != (len(model) > 0) || ok && at != model[0].at {
					t.Fatalf("Peek = %v, %v; model %v", at, ok, model)
				}
			},
		})
	})
}

// TestTies: a thousand events at one time come in the order of their calls,
// though slots are handed out in another.
func TestTies(t *testing.T) {
	k := New[int](0)
	for i := range 100 {
		k.Schedule(1, -i)
	}
	for range 100 {
		k.Next()
	}
	for i := range 1000 {
		k.Schedule(2, i)
	}
	for i := range 1000 {
		if at, e, _ := k.Next(); at != 2 || e != i {
			t.Fatalf("event %d: got %d at %v", i, e, at)
		}
	}
}

// TestLongTimes: order holds up to the largest Duration.
func TestLongTimes(t *testing.T) {
	const end = time.Duration(1<<63 - 1)
	k := New[string](0)
	k.Schedule(end, "last")
	k.Schedule(0, "first")
	k.Schedule(end-1, "second")
	for _, want := range []string{"first", "second", "last"} {
		if _, e, _ := k.Next(); e != want {
			t.Errorf("got %q, want %q", e, want)
		}
	}
}

func TestLimitsPanic(t *testing.T) {
	for _, c := range []struct {
		name, want string
		do         func()
	}{
		{"past", "already 5ns", func() {
			k := New[int](1)
			k.Schedule(5, 0)
			k.Next()
			k.Schedule(4, 0)
		}},
		{"negative", "already 0s", func() { New[int](1).Schedule(-1, 0) }},
		{"calls", "scheduled", func() {
			k := New[int](1)
			k.calls = maxCalls - 1
			k.Schedule(0, 0)
		}},
		{"slots", "slots", func() {
			k := New[struct{}](0)
			k.slots = make([]struct{}, 1<<slotBits)
			k.Schedule(0, struct{}{})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if msg, _ := recover().(string); !strings.Contains(msg, c.want) {
					t.Errorf("panic %q, want one that says %q", msg, c.want)
				}
			}()
			c.do()
		})
	}
}

// TestSteadyStateDoesNotAllocate: neither with room from the start nor once
// the kernel has grown.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	k := New[event](0)
	for i := range 500 {
		k.Schedule(time.Duration(i), event{})
	}
	if n := testing.AllocsPerRun(5000, func() {
		at, e, _ := k.Next()
		k.Schedule(at+997, e)
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// TestWakeup drives one entity whose needed time moves at random, and checks
// that it wakes exactly at the times it needed and that events stay few.
func TestWakeup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k Kernel[uint32]
		var w Wakeup
		var need time.Duration // the time at which the entity must be awake; 0 is none
		ask := func(at time.Duration) {
			need = at
			if gen, moved := w.Need(at); moved {
				k.Schedule(at, gen)
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			if rapid.Bool().Draw(t, "move") {
				ask(k.Now() + time.Duration(rapid.IntRange(1, 20).Draw(t, "in")))
				continue
			}
			at, gen, ok := k.Next()
			if !ok {
				if need != 0 {
					t.Fatalf("nothing pending, though a wake-up is needed at %v", need)
				}
				continue
			}
			if need != 0 && at > need {
				t.Fatalf("slept through %v, now %v", need, at)
			}
			if !w.Fired(gen) {
				continue
			}
			switch {
			case need == at:
				need = 0
			case need != 0:
				ask(need)
			}
		}
	})
}
