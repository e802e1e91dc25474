package placement

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	beat = 400 * time.Millisecond
	lost = 2500 * time.Millisecond
)

// clock drives a table of node a as if its log had the announcements in a row.
type clock struct {
	t   *Table
	now time.Duration
	seq uint64
}

func newClock() *clock { return &clock{t: NewTable("a", beat, lost)} }

func (c *clock) say(nodes ...string) {
	for _, n := range nodes {
		c.seq++
		c.t.Heard(c.now, n, c.seq, false)
	}
}

func (c *clock) run(d time.Duration, nodes ...string) {
	for end := c.now + d; c.now < end; c.now += beat {
		c.say(nodes...)
	}
}

func (c *clock) want(t *testing.T, live ...string) {
	t.Helper()
	if got := c.t.Live(); !slices.Equal(got, live) {
		t.Errorf("at %v the live nodes are %v, want %v", c.now, got, live)
	}
}

func TestTable(t *testing.T) {
	t.Run("a silent node is lost after flowing log", func(t *testing.T) {
		c := newClock()
		c.run(2*time.Second, "a", "b", "c")
		c.run(2400*time.Millisecond, "a", "b")
		c.want(t, "a", "b", "c")
		c.run(800*time.Millisecond, "a", "b")
		c.want(t, "a", "b")
	})
	t.Run("an outage counts for nobody", func(t *testing.T) {
		c := newClock()
		c.run(2*time.Second, "a", "b", "c")
		c.now += 9 * time.Second // an election: nothing gets through; c has died
		c.say("a")
		c.now += 600 * time.Millisecond
		c.say("a", "b")
		c.want(t, "a", "b", "c")
		c.run(time.Second, "a", "b")
		c.want(t, "a", "b")
	})
	t.Run("a node that is cut off counts nobody as lost", func(t *testing.T) {
		c := newClock()
		c.run(2*time.Second, "a", "b", "c")
		c.now += time.Hour
		c.want(t, "a", "b", "c")
	})
	t.Run("leaving is at once, and ends with the next announcement", func(t *testing.T) {
		c := newClock()
		c.run(time.Second, "a", "b", "c")
		c.seq++
		c.t.Heard(c.now, "b", c.seq, true)
		c.want(t, "a", "c")
		c.say("b")
		c.want(t, "a", "b", "c")
	})
	t.Run("old announcements are nothing new", func(t *testing.T) {
		c := newClock()
		c.run(time.Second, "a", "b")
		old := c.seq
		for range 20 {
			c.say("a")
			c.t.Heard(c.now, "b", old, false)
			c.now += beat
		}
		c.want(t, "a")
	})
}

// TestPlace checks that of a set of nodes each gets its share, and that losing
// one moves only what was there.
func TestPlace(t *testing.T) {
	if got := Place("s", nil); got != "" {
		t.Errorf("without nodes a session falls to %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,8}`), 2, 6, rapid.ID).Draw(t, "nodes")
		gone := rapid.SampledFrom(nodes).Draw(t, "gone")
		rest := slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == gone })
		share := map[string]int{}
		const sessions = 2000
		for i := range sessions {
			s := fmt.Sprintf("session-%d", i)
			before, after := Place(s, nodes), Place(s, rest)
			if before != gone && after != before {
				t.Fatalf("%s moves from %s to %s when %s goes", s, before, after, gone)
			}
			share[before]++
		}
		for _, n := range nodes {
			// Seven standard deviations of a fair share.
			mean := float64(sessions) / float64(len(nodes))
			if d := float64(share[n]) - mean; d*d > 49*mean {
				t.Errorf("%s gets %d of %d sessions among %v", n, share[n], sessions, nodes)
			}
		}
	})
}
