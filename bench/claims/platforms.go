package claims

import (
	"context"
	"fmt"
	"math"
	"strings"

	"tierlab/reference/topology"
)

// edgeGain is the share of the active makespan that the edge must save before
// it is worth leaving the traditional cloud for.
const edgeGain = 0.10

// platformPolicies are the fixed policies of P16: one for latency, one that
// climbs from small models.
func platformPolicies() []string { return []string{"min-latency:ability=1.7", "cascade"} }

func platformWorkloads() []string {
	return []string{"coding-agent", "customer-support", "deep-research", chatProfile}
}

// The two models of round trips.
func tripModels() []string { return []string{"banded", "by distance"} }

// platforms is P16.
func platforms(ctx context.Context, l *Lab, f *Finding) error {
	gains := Table{Title: "What the edge saves, %: active makespan and dollars against the quickest hyperscaler-like cloud, and makespan against " +
		l.Clouds[0] + ", the same platform in one place",
		Head: []string{"workload", "policy", "round trips", "quickest", "saved s", "saved $", "s by place"}}
	var all []Table
	for _, name := range platformWorkloads() {
		lib, err := l.profile(name, -1)
		if err != nil {
			return err
		}
		tables := make([]Table, len(platformPolicies()))
		for k, policy := range platformPolicies() {
			tables[k] = Table{Title: name + " on every platform under " + policy,
				Head: []string{"platform", "active makespan s", "tool time %", "USD/session", "resolved %"}}
		}
		for _, model := range tripModels() {
			worlds, err := l.platforms(model)
			if err != nil {
				return err
			}
			runs := make([][]*result, len(worlds)) // by platform, then policy
			for i, w := range worlds {
				if runs[i], err = l.play(ctx, setting{world: w, library: lib}, platformPolicies()...); err != nil {
					return err
				}
			}
			for k := range tables {
				fitRows(&tables[k], worlds, column(runs, k))
				f.fit(&gains, []string{name, platformPolicies()[k], model}, worlds, column(runs, k))
			}
		}
		all = append(all, tables...)
	}
	f.Tables = append([]Table{gains}, all...)
	f.judge()
	f.Says = f.platformWords()
	f.How = l.how("each profile", "each topology") + fmt.Sprintf("; the edge fits where it surely saves at least %g %% of the active makespan over the quickest hyperscaler-like cloud under the same policy; "+
		"%s has the edge's platform in one place, so it shows what place alone does", 100*edgeGain, l.Clouds[0])
	return nil
}

// fitRows adds a row for each platform.
func fitRows(t *Table, worlds []*topology.World, runs []*result) {
	for i, w := range worlds {
		r := runs[i]
		t.row(word(w.Name), figure(r.estimate(activeMean)), figure(r.estimate(toolShare).times(100)),
			figure(r.estimate(dollarMean)), figure(r.estimate(resolveRate).times(100)))
	}
}

// platforms are the edge and the clouds, all banded or all by distance.
func (l *Lab) platforms(model string) ([]*topology.World, error) {
	var list []*topology.World
	for _, name := range append([]string{l.Edge}, l.Clouds...) {
		load := l.world
		if model != tripModels()[0] {
			load = l.byDistance
		}
		w, err := load(name)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func column(runs [][]*result, policy int) []*result {
	var list []*result
	for _, r := range runs {
		list = append(list, r[policy])
	}
	return list
}

// fit checks whether the edge, which is the first platform, saves enough over
// the quickest of the clouds behind the plain one, which is the second.
func (f *Finding) fit(t *Table, at []string, worlds []*topology.World, runs []*result) {
	best, least := 0, math.Inf(1)
	for i := 2; i < len(runs); i++ {
		if s := runs[i].estimate(activeMean).Mean; s < least {
			best, least = i, s
		}
	}
	edge, cloud, plain := runs[0], runs[best], runs[1]
	if best == 0 {
		return
	}
	gain := func(over *result, of func(*meter) float64) Estimate {
		return saved(edge.of(of), over.of(of)).times(100)
	}
	time := gain(cloud, activeMean)
	policy, _, _ := strings.Cut(at[1], ":")
	quickest := strings.TrimSuffix(strings.TrimPrefix(worlds[best].Name, "hyperscaler-"), "-by-distance")
	t.row(word(at[0]), word(policy), word(at[2]), word(quickest), figure(time), figure(gain(cloud, dollarMean)), figure(gain(plain, activeMean)))
	where := strings.Join(at, ", ")
	f.check(Check{Statement: fmt.Sprintf("the edge fits %s", where), Criterion: fmt.Sprintf("at least %g %% less active makespan", 100*edgeGain),
		Found: time, Unit: "% saved", Truth: time.atLeast(100 * edgeGain), Where: where})
}

// platformWords says for each workload what the edge saves and how much of
// the time it cannot touch.
func (f *Finding) platformWords() string {
	var said []string
	for _, name := range platformWorkloads() {
		low, high := math.Inf(1), math.Inf(-1)
		placeLow, placeHigh := math.Inf(1), math.Inf(-1)
		for _, row := range f.Tables[0].Rows {
			if row[0].Text == name {
				low, high = min(low, row[4].figure.Mean), max(high, row[4].figure.Mean)
				placeLow, placeHigh = min(placeLow, row[6].figure.Mean), max(placeHigh, row[6].figure.Mean)
			}
		}
		tools, n := 0.0, 0.0
		for _, t := range f.Tables[1:] {
			for _, row := range t.Rows {
				if strings.HasPrefix(t.Title, name+" ") {
					tools, n = tools+row[2].figure.Mean, n+1
				}
			}
		}
		said = append(said, fmt.Sprintf("%s %s to %s %% over the hyperscalers, %s to %s %% by place alone (%s %% of its time is tools)",
			name, whole(low), whole(high), whole(placeLow), whole(placeHigh), whole(tools/n)))
	}
	fits, not := 0, 0
	for _, c := range f.Checks {
		switch c.Truth {
		case Yes:
			fits++
		case No:
			not++
		}
	}
	return fmt.Sprintf("The edge saves: %s. It fits in %d of %d cases; in %d the answer is \"traditional cloud\".", strings.Join(said, "; "), fits, len(f.Checks), not)
}
