package site

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// rounds is how often a state machine is checked, each time with the hundred
// cases that rapid makes of one: rare shapes of a heap or a list need more.
const rounds = 15

var speeds = []struct {
	name  string
	speed Speed
}{
	{"fixed 1", Fixed(1)},
	{"fixed 0.37", Fixed(0.37)},
	{"fixed 3", Fixed(3)},
	{"shared 1", Shared(1)},
	{"shared 2.5", Shared(2.5)},
	{"batched", Batched(7, 2)},
	{"prefill first", func(p, d int) (float64, float64) {
		if p > 0 {
			return 1 / float64(p), 0
		}
		return 0, 1
	}},
	{"phases differ", func(p, d int) (float64, float64) {
		return 1 / float64(p+1), 1 / (1 + 0.1*float64(d) + 0.5*float64(p))
	}},
}

// spans draws the times of one case: small multiples of one unit, so that jobs
// tie, and now and then a nanosecond beside it, so that they nearly do.
type spans struct{ unit time.Duration }

func (u spans) draw(t *rapid.T, label string) time.Duration {
	n := rapid.IntRange(0, 12).Draw(t, label)
	if n == 12 {
		return u.unit + 1
	}
	return time.Duration(n) * u.unit
}

// TestModel holds the server to the plain model, transition by transition and
// to the nanosecond, and to the invariants of the package comment.
func TestModel(t *testing.T) {
	for range rounds {
		rapid.Check(t, compare)
	}
}

func compare(t *rapid.T) {
	span := spans{rapid.SampledFrom([]time.Duration{1, 3, 1_000_003, time.Minute}).Draw(t, "unit")}.draw
	slots := rapid.IntRange(0, 12).Draw(t, "slots")
	limit := rapid.IntRange(NoQueue, 6).Draw(t, "queue limit")
	speed := rapid.SampledFrom(speeds).Draw(t, "speed").speed
	m := &model{slots: slots, limit: limit, speed: speed}
	if slots == 0 {
		m.slots = 1 << 30
	}
	m.limit = map[bool]int{true: 1 << 30, false: max(limit, 0)}[limit == 0]
	s := New(Config{Slots: slots, QueueLimit: limit, Speed: speed})
	w := newWatch(s, m.slots)
	var out []Transition
	check := func(t *rapid.T) {
		t.Helper()
		if len(out) != len(m.out) {
			t.Fatalf("transitions:\n%v\nmodel:\n%v", out, m.out)
		}
		for i, got := range out {
			want := m.out[i]
			want.Handle = got.Handle
			if got != want {
				t.Fatalf("transition %d:\n%+v\nmodel:\n%+v", i, got, want)
			}
		}
		w.observe(t, out)
		out, m.out = out[:0], m.out[:0]
	}
	tag := uint64(0)
	t.Repeat(map[string]func(*rapid.T){
		"arrive": func(t *rapid.T) {
			for range rapid.IntRange(1, 12).Draw(t, "burst") {
				tag++
				now := m.now + span(t, "in")/8
				j := Job{Tag: tag, Prefill: span(t, "prefill"), Decode: span(t, "decode")}
				var got Outcome
				var h Handle
				h, got, out = s.Arrive(now, j, out)
				if want := m.arrive(now, j); got != want {
					t.Fatalf("job %d is %v, model: %v", tag, got, want)
				}
				w.offered(t, j, h, got)
				check(t)
			}
		},
		"cancel": func(t *rapid.T) {
			if tag == 0 {
				t.Skip("no job yet")
			}
			for range rapid.IntRange(1, 4).Draw(t, "several") {
				now := m.now + span(t, "in")/16
				victim := uint64(rapid.IntRange(max(1, int(tag)-15), int(tag)).Draw(t, "tag"))
				var ok bool
				ok, out = s.Cancel(now, w.handles[victim], out)
				if want := m.cancel(now, victim); ok != want {
					t.Fatalf("cancel %d is %v, model: %v", victim, ok, want)
				}
				check(t)
			}
		},
		"advance": func(t *rapid.T) {
			now := m.now + span(t, "in")
			out = s.Advance(now, out)
			m.advance(now)
			check(t)
		},
		"next": func(t *rapid.T) {
			at, ok := s.NextAt()
			if wait := m.next(); ok != (wait != nil) || ok && int64(at-m.now) != wait.Int64() {
				t.Fatalf("NextAt %v, %v at %v; model waits %v", at, ok, m.now, wait)
			}
			if ok {
				out = s.Advance(at, out)
				m.advance(at)
				if len(out) == 0 {
					t.Fatalf("nothing happened at NextAt %v", at)
				}
				check(t)
			}
		},
		"down": func(t *rapid.T) {
			if rapid.IntRange(0, 3).Draw(t, "rare") > 0 {
				t.Skip("stays as it is")
			}
			now := m.now + span(t, "in")
			out = s.SetDown(now, !m.down, out)
			m.setDown(now, !m.down)
			check(t)
		},
	})
	// Prefill-first speeds leave nothing behind either: the server drains.
	for at, ok := s.NextAt(); ok; at, ok = s.NextAt() {
		out = s.Advance(at, out)
		m.advance(at)
		check(t)
	}
	w.drained(t)
}

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
