package jetstream

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// judge checks a round's history and measures its gaps.
func (f *nodes) judge(kind string, r int, leader bool, sessions []string, fault, end, over time.Duration) {
	ops := gather(f.lines)
	f.ops += len(ops)
	begun := time.Now()
	if err := verify(ops); err != nil {
		f.Errorf("%s %d: %v", kind, r, err)
	}
	checked := time.Since(begun)
	written := map[string][]time.Duration{}
	for _, o := range ops {
		if o.Op == opAppend && o.acknowledged {
			written[o.Session] = append(written[o.Session], o.ret.At)
			if o.ret.At < fault {
				f.waits = append(f.waits, o.ret.At-o.At)
			}
		}
	}
	row, back := kind+", follower", "end of "+kind
	if leader {
		row = kind + ", leader"
	}
	var worst time.Duration
	for _, s := range sessions {
		slices.Sort(written[s])
		gap := longest(written[s], fault, end)
		worst = max(worst, gap)
		f.gaps[row] = append(f.gaps[row], gap)
		f.gaps[back] = append(f.gaps[back], longest(written[s], end, over))
	}
	if worst > bars[kind] {
		f.Errorf("%s %d: a session was not written for %v, the bar is %v", row, r, worst, bars[kind])
	}
	f.Logf("%s %d: longest gap %v; %d operations checked in %v", row, r, worst.Round(time.Millisecond), len(ops), checked.Round(time.Millisecond))
}

// longest is the longest time between two writes of which the second came within
// a time span.
func longest(at []time.Duration, from, to time.Duration) (gap time.Duration) {
	for i := 1; i < len(at); i++ {
		if at[i] > from && at[i-1] < to {
			gap = max(gap, at[i]-at[i-1])
		}
	}
	return gap
}

// table prints the gaps of all rounds.
func (f *nodes) table(kinds []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "time without a successful append, per session (%d operations in all)\n%-22s %9s %9s %9s %9s\n", f.ops, "", "sessions", "p50", "p99", "max")
	for _, kind := range kinds {
		for _, row := range []string{kind + ", leader", kind + ", follower", "end of " + kind} {
			if g := f.gaps[row]; len(g) > 0 {
				fmt.Fprintf(&b, "%-22s %9d %9v %9v %9v\n", row, len(g), quantile(g, 0.5), quantile(g, 0.99), quantile(g, 1))
			}
		}
	}
	fmt.Fprintf(&b, "from a fault's end until all replicas have all of the stream\n")
	for _, kind := range kinds {
		if h := f.healed[kind]; len(h) > 0 {
			fmt.Fprintf(&b, "%-22s %9d %9v %9v %9v\n", kind, len(h), quantile(h, 0.5), quantile(h, 0.99), quantile(h, 1))
		}
	}
	fmt.Fprintf(&b, "append, three nodes, %d sessions, before faults: p50 %v, p99 %v of %d\n", roundSessions, quantile(f.waits, 0.5), quantile(f.waits, 0.99), len(f.waits))
	f.Log(b.String())
}

// quantile is the nearest-rank quantile, to the hundredth of a millisecond.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(d))
	return s[min(len(s)-1, int(q*float64(len(s))))].Round(10 * time.Microsecond)
}
