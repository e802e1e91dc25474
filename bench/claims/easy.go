package claims

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"tierlab/reference/topology"
)

// resolveMargin is how many points of the resolve rate a cheaper way may lose
// and still count as keeping it.
const resolveMargin = 5.0

// easyProfile is the population whose share of easy steps C5 sweeps.
const easyProfile = "customer-support"

// claimedSmall is the claimed share of queries that need no frontier model, at
// its lower end, in %.
const claimedSmall = 70.0

func easyShares() []float64 { return []float64{0.4, 0.5, 0.6, 0.7, 0.8, 0.9} }

func easyPolicies() []string {
	return []string{"threshold:tau=0.5", "threshold", "threshold:tau=1.5", "threshold:tau=2", "cascade", "static-metro"}
}

// allFrontier sends everything to the centre, whose first model is the
// frontier one.
const allFrontier = "static-central"

// easyShare is C5.
func easyShare(ctx context.Context, l *Lab, f *Finding) error {
	w, err := l.world(l.Edge)
	if err != nil {
		return err
	}
	f.Tables = append(f.Tables, solvedByKind(w), overSteps(w))
	t := Table{Title: fmt.Sprintf("%s on %s: points of the estimated resolve rate lost and dollars saved against all-frontier (%s)", easyProfile, l.Edge, allFrontier),
		Head: []string{"easy", "policy", "resolved %", "points lost", "USD/session", "saved %", "small models %", "keeps"}}
	for _, share := range easyShares() {
		lib, err := l.profile(easyProfile, share)
		if err != nil {
			return err
		}
		results, err := l.play(ctx, setting{world: w, library: lib}, append([]string{allFrontier}, easyPolicies()...)...)
		if err != nil {
			return err
		}
		f.check(withoutFrontier(&t, share, results))
	}
	f.Tables = append(f.Tables, t)
	f.judge()
	f.Says = f.easyWords()
	f.How = l.how(easyProfile, l.Edge) + fmt.Sprintf("; a policy keeps the rate when its loss is surely at most %g points and it is cheaper; "+
		"difficulties and abilities are assumptions, so every rate is an estimate", resolveMargin)
	return nil
}

// withoutFrontier holds the claim at one share of easy steps: of the policies
// that keep the resolve rate, the one that sends the most to smaller models
// must send them the claimed share. results begin with all-frontier.
func withoutFrontier(t *Table, share float64, results []*result) Check {
	c := Check{
		Statement: fmt.Sprintf("at %.0f %% easy steps", 100*share), Criterion: fmt.Sprintf("at least %g %% on small models", claimedSmall),
		Unit: "% on small models", Truth: No, Where: fmt.Sprintf("%.0f %% of the steps are easy", 100*share),
	}
	all := results[0]
	t.row(number(share), word(all.policy), figure(all.estimate(resolveRate).times(100)), word(""), figure(all.estimate(dollarMean)),
		word(""), figure(all.estimate(smallShare).times(100)), word(""))
	for _, r := range results[1:] {
		lost, save := all.over(r, resolveRate).times(100), saved(r.of(dollarMean), all.of(dollarMean)).times(100)
		small := r.estimate(smallShare).times(100)
		keeps := both(lost.atMost(resolveMargin), save.above(0))
		t.row(number(share), word(r.policy), figure(r.estimate(resolveRate).times(100)), figure(lost), figure(r.estimate(dollarMean)),
			figure(save), figure(small), word(string(keeps)))
		truth := both(keeps, small.atLeast(claimedSmall))
		if c.Truth == No || truth == Yes {
			c.Truth = truth
		}
		if keeps == Yes && small.Mean > c.Found.Mean {
			c.Found = small
		}
	}
	return c
}

// easyWords says how much can leave the frontier model.
func (f *Finding) easyWords() string {
	var list []string
	for _, c := range f.Checks {
		list = append(list, fmt.Sprintf("%.0f %% %s", c.Found.Mean, c.Statement))
	}
	over := f.Tables[1]
	last := over.Rows[len(over.Rows)-1]
	return fmt.Sprintf("Share of answers that models below the frontier surely can give for at most %g points of the resolve rate: %s. "+
		"Errors multiply: of %s easy steps in a row, unchecked, the 8B model gets all right with %s %%, the frontier model with %s %%.",
		resolveMargin, strings.Join(list, ", "), last[0].Text, last[2].Text, last[4].Text)
}

// ladder is the models for text by ability.
func ladder() []string {
	return []string{"llama-3.2-1b", "llama-3.1-8b", "llama-3.1-70b", "frontier"}
}

// easyKinds are the claim's kinds of easy steps.
func easyKinds() []string {
	return []string{"classify", "summarize", "route", "tool_select", "extract"}
}

// solves is the probability that a model's attempt at a step of a kind is
// right: ability - difficulty > z with difficulty normal, so
// Phi((ability - mean) / sqrt(1 + sd^2)).
func solves(w *topology.World, model, kind string) float64 {
	id := w.ModelByName(model)
	if id == topology.None {
		return math.NaN()
	}
	d, ok := w.Quality.Difficulty[kind]
	if !ok {
		d = w.Quality.Difficulty[""]
	}
	return distuv.UnitNormal.CDF((w.Models[id].Ability - d.Mean) / math.Sqrt(1+d.SD*d.SD))
}

// solvedByKind is the model of success in closed form.
func solvedByKind(w *topology.World) Table {
	t := Table{Title: "Right at the first attempt, %, by the kind of step (the model's assumption)", Head: append([]string{"kind"}, ladder()...)}
	for _, kind := range append(easyKinds(), "chat", "code", "plan", "reason") {
		row := []Cell{word(kind)}
		for _, m := range ladder() {
			row = append(row, number(100*solves(w, m, kind)))
		}
		t.row(row...)
	}
	return t
}

// overSteps is p^n: the probability that n easy steps in a row are all right
// when nothing checks them, p being the mean over the easy kinds.
func overSteps(w *topology.World) Table {
	t := Table{Title: "All of n easy steps right, %, without a validator: p^n", Head: append([]string{"n"}, ladder()...)}
	for _, n := range []float64{1, 5, 10, 20, 30} {
		row := []Cell{number(n)}
		row[0].Text = fmt.Sprintf("%.0f", n)
		for _, m := range ladder() {
			p := 0.0
			for _, kind := range easyKinds() {
				p += solves(w, m, kind) / float64(len(easyKinds()))
			}
			row = append(row, number(100*math.Pow(p, n)))
		}
		t.row(row...)
	}
	return t
}
