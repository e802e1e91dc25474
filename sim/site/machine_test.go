package site

import (
	"math"
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
		rapid.Check(t, func(t *rapid.T) {
			m := newMachine(t)
			t.Repeat(map[string]func(*rapid.T){
				"arrive": m.arrive, "cancel": m.cancel, "advance": m.advance, "next": m.next, "down": m.toggle,
			})
			m.drain(t)
		})
	}
}

// machine is a server, its model and its watch, driven by the same calls.
type machine struct {
	spans
	s   *Server
	m   *model
	w   *watch
	out []Transition
	tag uint64 // the last given
}

func newMachine(t *rapid.T) *machine {
	c := Config{
		Slots:      rapid.IntRange(0, 12).Draw(t, "slots"),
		QueueLimit: rapid.IntRange(NoQueue, 6).Draw(t, "queue limit"),
		Speed:      rapid.SampledFrom(speeds).Draw(t, "speed").speed,
	}
	m := &model{slots: c.Slots, limit: max(0, c.QueueLimit), speed: c.Speed}
	if c.Slots == 0 {
		m.slots = math.MaxInt
	}
	if c.QueueLimit == 0 {
		m.limit = math.MaxInt
	}
	s := New(c)
	unit := rapid.SampledFrom([]time.Duration{1, 3, 1_000_003, time.Minute}).Draw(t, "unit")
	return &machine{spans: spans{unit}, s: s, m: m, w: newWatch(s, m.slots)}
}

// check compares the transitions of a call, and lets the watch see them.
func (c *machine) check(t *rapid.T) {
	if len(c.out) != len(c.m.out) {
		t.Fatalf("transitions:\n%v\nmodel:\n%v", c.out, c.m.out)
	}
	for i, got := range c.out {
		want := c.m.out[i]
		want.Handle = got.Handle // the model has none
		if got != want {
			t.Fatalf("transition %d:\n%+v\nmodel:\n%+v", i, got, want)
		}
	}
	c.w.observe(t, c.out)
	c.out, c.m.out = c.out[:0], c.m.out[:0]
}

func (c *machine) arrive(t *rapid.T) {
	for range rapid.IntRange(1, 12).Draw(t, "burst") {
		c.tag++
		now := c.m.now + c.draw(t, "in")/8
		j := Job{Tag: c.tag, Prefill: c.draw(t, "prefill"), Decode: c.draw(t, "decode")}
		var h Handle
		var got Outcome
		h, got, c.out = c.s.Arrive(now, j, c.out)
		if want := c.m.arrive(now, j); got != want {
			t.Fatalf("job %d is %v, model: %v", j.Tag, got, want)
		}
		c.w.offered(t, j, h, got)
		c.check(t)
	}
}

func (c *machine) cancel(t *rapid.T) {
	if c.tag == 0 {
		t.Skip("no job yet")
	}
	for range rapid.IntRange(1, 4).Draw(t, "several") {
		now := c.m.now + c.draw(t, "in")/16
		tag := uint64(rapid.IntRange(max(1, int(c.tag)-15), int(c.tag)).Draw(t, "tag"))
		var ok bool
		ok, c.out = c.s.Cancel(now, c.w.handles[tag], c.out)
		if want := c.m.cancel(now, tag); ok != want {
			t.Fatalf("cancel %d is %v, model: %v", tag, ok, want)
		}
		c.check(t)
	}
}

func (c *machine) advance(t *rapid.T) { c.to(t, c.m.now+c.draw(t, "in")) }

func (c *machine) to(t *rapid.T, now time.Duration) {
	c.out = c.s.Advance(now, c.out)
	c.m.advance(now)
	c.check(t)
}

// next goes to the next transition, where one must happen.
func (c *machine) next(t *rapid.T) {
	at, ok := c.s.NextAt()
	wait := c.m.next()
	if ok != (wait != nil) || ok && int64(at-c.m.now) != wait.Int64() {
		t.Fatalf("NextAt %v, %v at %v; the model waits %v", at, ok, c.m.now, wait)
	}
	if !ok {
		return
	}
	before := c.w.last
	seen := c.w.count
	c.to(t, at)
	if c.w.count == seen || c.w.last != at {
		t.Fatalf("nothing happened at NextAt %v, the last transition was at %v", at, before)
	}
}

func (c *machine) toggle(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "rare") > 0 {
		t.Skip("stays as it is")
	}
	now := c.m.now + c.draw(t, "in")
	down := !c.m.down
	c.out = c.s.SetDown(now, down, c.out)
	c.m.setDown(now, down)
	c.check(t)
}

// drain lets the server run empty.
func (c *machine) drain(t *rapid.T) {
	for _, ok := c.s.NextAt(); ok; _, ok = c.s.NextAt() {
		c.next(t)
	}
	c.w.drained(t)
}
