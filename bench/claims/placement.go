package claims

import (
	"context"
	"fmt"
	"strings"

	"tierlab/reference/topology"
)

// The pure placements of C6, and the policies that route between them.
const (
	allCentral = "static-central"
	allEdge    = "static-metro"
)

func routedPolicies() []string {
	return []string{"threshold", "threshold:tau=2", "cascade", "keyword", "min-latency:ability=1.2"}
}

// cell is one choice of the quality model's parameters.
type cell struct{ rho, miss, fatal float64 }

func (c cell) String() string {
	return fmt.Sprintf("rho %g, miss %g, fatal %g", c.rho, c.miss, c.fatal)
}

// flows are the parameters that change what a session does; what a missed
// error does to its outcome follows from each run for every fatality.
func flows() []cell {
	var list []cell
	for _, rho := range []float64{0, 0.5, 1} {
		for _, miss := range []float64{0.1, 0.3, 0.6} {
			list = append(list, cell{rho: rho, miss: miss})
		}
	}
	return list
}

func fatalities() []float64 { return []float64{0.25, 0.5, 1} }

// placements is C6.
func placements(ctx context.Context, l *Lab, f *Finding) error {
	w, err := l.world(l.Edge)
	if err != nil {
		return err
	}
	lib, err := l.embedded()
	if err != nil {
		return err
	}
	policies := append([]string{allCentral, allEdge}, routedPolicies()...)
	own, err := l.play(ctx, setting{world: w, library: lib}, policies...)
	if err != nil {
		return err
	}
	detail := Table{Title: fmt.Sprintf("At the topology's own rho %g, miss %g, fatal %g", w.Quality.Rho, w.Validator.Miss, w.Validator.Fatal),
		Head: []string{"policy", "active makespan s", "USD/session", "USD/resolved task", "resolved %"}}
	for _, r := range own {
		detail.row(word(r.policy), figure(r.estimate(activeMean)), figure(r.estimate(dollarMean)),
			figure(r.estimate(perResolved)), figure(r.estimate(resolveRate).times(100)))
	}
	region := Table{Title: "Per cell the resolve rates (%) of the pure placements, and the routed policy that surely wins in most respects: time and cost per resolved task against all-central, its resolve rate, a higher one than all-edge's",
		Head: []string{"rho", "miss", "fatal", "central", "edge", "best routed", "its", "saved s %", "saved $ %", "surely wins"}}
	for _, c := range flows() {
		world := changed(w, func(w *topology.World) { w.Quality.Rho, w.Validator.Miss = c.rho, c.miss })
		results, err := l.play(ctx, setting{world: world, library: lib}, policies...)
		if err != nil {
			return err
		}
		for _, c.fatal = range fatalities() {
			f.placed(&region, c, results)
		}
	}
	f.Tables = append(f.Tables, detail, region)
	f.decidePlacements(own)
	f.How = l.how("embedded", l.Edge) + fmt.Sprintf("; swept: rho (how far failures are the step's own), the validator's misses, the fatality of a missed error; "+
		"routed wins when one policy is faster and cheaper per resolved task than all-central, loses at most %g points to it, and resolves more than all-edge", resolveMargin)
	return nil
}

// contest compares a routed policy with the pure placements.
type contest struct {
	faster, cheaper, keeps, able Truth // than, than, as much as all-central; than all-edge
	savedTime, savedMoney        Estimate
	resolved                     Estimate
	policy                       string
}

func newContest(fatal float64, r, central, edge *result) contest {
	rate := resolvedAt(fatal)
	price := func(m *meter) float64 { return dollarMean(m) / rate(m) }
	c := contest{
		policy: r.policy, savedTime: saved(r.of(activeMean), central.of(activeMean)).times(100),
		savedMoney: saved(r.of(price), central.of(price)).times(100), resolved: r.estimate(rate).times(100),
	}
	c.faster, c.cheaper = c.savedTime.above(0), c.savedMoney.above(0)
	c.keeps = central.over(r, rate).times(100).atMost(resolveMargin)
	c.able = r.over(edge, rate).above(0)
	return c
}

// all is whether the policy wins in every respect.
func (c *contest) all() Truth { return both(both(c.faster, c.cheaper), both(c.keeps, c.able)) }

// wins counts the respects in which it surely wins.
func (c *contest) wins() int {
	n := 0
	for _, t := range []Truth{c.faster, c.cheaper, c.keeps, c.able} {
		if t == Yes {
			n++
		}
	}
	return n
}

// The respects in which a routed policy can win: less time and less cost per
// resolved task than all-central, a resolve rate near its, and one above that
// of all-edge.
const (
	winsTime  = "time"
	winsCost  = "cost"
	keepsRate = "rate"
	beatsEdge = "edge"
)

// respects names them.
func (c *contest) respects() string {
	var list []string
	for _, r := range []struct {
		truth Truth
		name  string
	}{{c.faster, winsTime}, {c.cheaper, winsCost}, {c.keeps, keepsRate}, {c.able, beatsEdge}} {
		if r.truth == Yes {
			list = append(list, r.name)
		}
	}
	return strings.Join(list, ", ")
}

// placed checks one cell. results begin with all-central and all-edge.
func (f *Finding) placed(t *Table, c cell, results []*result) {
	central, edge, rate := results[0], results[1], resolvedAt(c.fatal)
	var best contest
	truth := No
	for i, r := range results[2:] {
		k := newContest(c.fatal, r, central, edge)
		if i == 0 || k.wins() > best.wins() || k.wins() == best.wins() && k.savedMoney.Mean > best.savedMoney.Mean {
			best = k
		}
		if all := k.all(); all == Yes || all == Open && truth == No {
			truth = all
		}
	}
	t.row(word(fmt.Sprint(c.rho)), word(fmt.Sprint(c.miss)), word(fmt.Sprint(c.fatal)), plain(central.estimate(rate).times(100)),
		plain(edge.estimate(rate).times(100)), word(best.policy), plain(best.resolved), figure(best.savedTime), figure(best.savedMoney), word(best.respects()))
	behind := central.over(edge, rate).times(100)
	fails := behind.above(resolveMargin)
	f.check(Check{Statement: c.String(), Criterion: "all-edge fails, routed wins in every respect",
		Found: best.savedMoney, Unit: "% cheaper", Truth: both(fails, truth), Where: c.String()})
}

// decidePlacements words the region.
func (f *Finding) decidePlacements(own []*result) {
	f.judge()
	count := map[Truth]int{}
	for _, c := range f.Checks {
		count[c.Truth]++
	}
	respects, two := map[string]int{}, 0
	for _, row := range f.Tables[1].Rows {
		won := 0
		for r := range strings.SplitSeq(row[len(row)-1].Text, ", ") {
			respects[r]++
			if r == winsTime || r == winsCost || r == keepsRate {
				won++
			}
		}
		if won >= 2 {
			two++
		}
	}
	f.Says = fmt.Sprintf("All-edge fails and one routed policy surely wins in every respect in %d of %d cells of the quality model (undecided in %d). "+
		"Against all-central the best routed policy is faster in %d, cheaper per resolved task in %d, keeps the resolve rate in %d, and wins two of these in %d.",
		count[Yes], len(f.Checks), count[Open], respects[winsTime], respects[winsCost], respects[keepsRate], two)
	for _, r := range own[:2] {
		f.Says += fmt.Sprintf(" %s: %s, $%s per resolved task, %s resolved.", r.policy, r.estimate(activeMean).text(" s"),
			r.estimate(perResolved).text(""), r.estimate(resolveRate).times(100).text(" %"))
	}
}
