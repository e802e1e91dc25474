package claims

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"tierlab/reference/router"
)

// The heuristics of C12 are two built-in policies.
const historyPolicy, keywordPolicy = "history", "keyword"

// goodEstimate is the factor within which a latency is estimated well.
const goodEstimate = 2.0

// objective is a measure by which policies are ranked; sign is -1 where more
// is better.
type objective struct {
	name    string
	measure func(*meter) float64
	sign    float64
}

func objectives() []objective {
	return []objective{{"active makespan", activeMean, 1}, {"dollars per resolved task", perResolved, 1}, {"resolve rate", resolveRate, -1}}
}

// heuristics is C12.
func heuristics(ctx context.Context, l *Lab, f *Finding) error {
	w, err := l.world(l.Edge)
	if err != nil {
		return err
	}
	lib, err := l.embedded()
	if err != nil {
		return err
	}
	var policies []string
	for _, e := range router.Catalogue() {
		policies = append(policies, e.Name)
	}
	results, err := l.play(ctx, setting{world: w, library: lib}, policies...)
	if err != nil {
		return err
	}
	f.rank(results)
	for _, r := range results {
		if r.policy == historyPolicy || r.policy == keywordPolicy {
			f.undominated(r, results)
		}
		if r.policy == keywordPolicy {
			f.estimates(r)
		}
	}
	f.judge()
	f.Says = f.heuristicWords(results)
	f.How = l.how("embedded", l.Edge) + "; every built-in policy with its defaults; oracle knows the future and is not ranked"
	return nil
}

// rank orders the policies by each objective.
func (f *Finding) rank(results []*result) {
	t := Table{Title: "Every policy; ranks by active makespan, dollars per resolved task, resolve rate",
		Head: []string{"policy", "active makespan s", "USD/resolved task", "resolved %", "ranks"}}
	for _, r := range results {
		t.row(word(r.policy), figure(r.estimate(activeMean)), figure(r.estimate(perResolved)), figure(r.estimate(resolveRate).times(100)),
			word(strings.Join(ranks(r, results), ", ")))
	}
	f.Tables = append(f.Tables, t)
}

// ranks are a policy's places by each objective, 1 the best.
func ranks(of *result, results []*result) []string {
	var list []string
	for _, o := range objectives() {
		if of.policy == oracle {
			list = append(list, "-")
			continue
		}
		place := 1
		own := o.sign * of.estimate(o.measure).Mean
		for _, r := range results {
			if r.policy != oracle && o.sign*r.estimate(o.measure).Mean < own {
				place++
			}
		}
		list = append(list, fmt.Sprint(place))
	}
	return list
}

const oracle = "oracle"

// undominated checks that no other policy is surely better in every objective.
func (f *Finding) undominated(r *result, results []*result) {
	var by []string
	for _, other := range results {
		if other != r && other.policy != oracle && dominates(other, r) {
			by = append(by, other.policy)
		}
	}
	c := Check{Statement: r.policy + " is not dominated", Criterion: "none surely better in time, cost and rate",
		Found: exactly(float64(len(by))), Unit: "policies better", Truth: Yes, Where: r.policy + " is one of the best trade-offs"}
	if len(by) > 0 {
		c.Truth = No
		c.Statement += " (by " + strings.Join(by, ", ") + ")"
	}
	f.check(c)
}

// dominates says that a is surely better than b in every objective.
func dominates(a, b *result) bool {
	for _, o := range objectives() {
		if b.over(a, o.measure).times(o.sign).above(0) != Yes {
			return false
		}
	}
	return true
}

// estimates checks the keyword policy's latencies against what came of them.
func (f *Finding) estimates(r *result) {
	t := Table{Title: "keyword: estimated latency against the attempt's, ms", Head: []string{"class", "attempts", "estimate", "p50", "p90", "p50 / estimate", "within a factor 2 %"}}
	byClass := map[string][]guess{}
	good, all := 0, 0
	for _, m := range r.reps {
		for _, g := range m.guesses {
			byClass[g.reason] = append(byClass[g.reason], g)
			all++
			if g.good() {
				good++
			}
		}
	}
	for _, class := range sorted(byClass) {
		guesses := byClass[class]
		var took []float64
		fine := 0
		for _, g := range guesses {
			took = append(took, g.actual)
			if g.good() {
				fine++
			}
		}
		p50 := quantile(0.5, took, nil)
		t.row(word(class), word(fmt.Sprint(len(guesses))), number(guesses[0].estimate), number(p50), number(quantile(0.9, took, nil)),
			number(p50/guesses[0].estimate), number(100*float64(fine)/float64(len(guesses))))
	}
	f.Tables = append(f.Tables, t)
	share := exactly(100 * float64(good) / float64(max(1, all)))
	f.check(Check{Statement: "keyword's estimate is the latency", Criterion: "at least 50 % within a factor 2", Found: share, Unit: "% of attempts",
		Truth: share.atLeast(50), Where: "keyword's estimates"})
}

func (g guess) good() bool {
	return math.Abs(math.Log(g.actual/g.estimate)) <= math.Log(goodEstimate)
}

// sorted are a map's keys in order.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare[string])
	return keys
}

// heuristicWords gives the ranks and the estimates' errors.
func (f *Finding) heuristicWords(results []*result) string {
	said := fmt.Sprintf("Of %d policies by active makespan, dollars per resolved task and resolve rate", len(results)-1)
	for _, r := range results {
		if r.policy == historyPolicy || r.policy == keywordPolicy {
			said += fmt.Sprintf(", %s ranks %s", r.policy, strings.Join(ranks(r, results), ", "))
		}
	}
	said += "."
	for _, row := range f.Tables[len(f.Tables)-1].Rows {
		said += fmt.Sprintf(" %s took %s times its estimate (median).", row[0].Text, row[5].Text)
	}
	return said + " " + f.inWords()
}
