package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Verdict says who wins a goal, if anybody.
type Verdict struct {
	Goal   string    `json:"goal"`
	Better Direction `json:"better"`
	// Best has the best mean; Winner is empty unless Best is better than
	// every other policy at 5 % after Holm's correction over all pairs.
	Best   string `json:"best,omitempty"`
	Winner string `json:"winner,omitempty"`
	// Tied cannot be told apart from Best.
	Tied []string `json:"tied,omitempty"`
	// Excluded takes no part, each with the reason.
	Excluded []string `json:"excluded,omitempty"`
	// Sentence says it in words.
	Sentence string `json:"sentence"`
}

// Pair is the paired difference A - B of a goal's measure over the
// replications that both have.
type Pair struct {
	Goal string `json:"goal"`
	A    string `json:"a"`
	B    string `json:"b"`
	Mean Number `json:"mean"`
	Half Number `json:"half"`
	// Relative and RelativeHalf are Mean and Half as shares of B's mean over
	// the same replications.
	Relative     Number `json:"relative"`
	RelativeHalf Number `json:"relative_half"`
	// P is of the paired t test, Holm corrected for all tests of the goal;
	// null where the pair is not tested.
	P    Number `json:"p"`
	Holm Number `json:"holm"`
}

// other is the policy that the pair compares with the named one, or "".
func (p *Pair) other(name string) string {
	switch name {
	case p.A:
		return p.B
	case p.B:
		return p.A
	}
	return ""
}

// pair compares two policies in the replications that both have and where
// both values are defined.
func pair(goal Measure, a, b *Policy) Pair {
	var d, base []float64
	for i, r := range a.Replications {
		j := slices.Index(b.Replications, r)
		if j < 0 {
			continue
		}
		x, y := a.Measures[goal.Name].Values[i], b.Measures[goal.Name].Values[j]
		if x.Defined() && y.Defined() {
			d, base = append(d, float64(x-y)), append(base, float64(y))
		}
	}
	diff, of := tInterval(d, level), tInterval(base, level).mean
	return Pair{
		Goal: goal.Name, A: a.Name, B: b.Name, Mean: Number(diff.mean), Half: Number(diff.half),
		Relative: Number(ratio(diff.mean, math.Abs(of))), RelativeHalf: Number(ratio(diff.half, math.Abs(of))),
		P: Number(tTest(d)), Holm: undefined,
	}
}

// judge adds a goal's pairs, regrets and verdict.
func (s *Summary) judge(goal Measure) {
	v := Verdict{Goal: goal.Name, Better: goal.Better}
	var in []string
	for i := range s.Policies {
		p := &s.Policies[i]
		if why := whyNot(goal, p); why == "" {
			in = append(in, p.Name)
		} else {
			v.Excluded = append(v.Excluded, fmt.Sprintf("%s: %s", p.Name, why))
		}
	}
	pairs := s.pairs(goal, in)
	v.Best = s.best(goal, in)
	for i := range pairs {
		p := &pairs[i]
		if p.Holm.Defined() && float64(p.Holm) < alpha {
			continue
		}
		if other := p.other(v.Best); slices.Contains(in, other) {
			v.Tied = append(v.Tied, other)
		}
	}
	if len(in) > 1 && len(v.Tied) == 0 && s.Replications > 1 && !s.Partial {
		v.Winner = v.Best
	}
	v.Sentence = s.sentence(&v, len(in))
	s.Goals = append(s.Goals, v)
	s.Pairs = append(s.Pairs, pairs...)
	s.regret(goal)
}

// whyNot says why a policy cannot win a goal, or nothing.
func whyNot(goal Measure, p *Policy) string {
	switch {
	case p.Name == Oracle:
		return "it knows the future"
	case !p.Valid:
		return "its run is not valid"
	}
	missing := 0
	for _, v := range p.Measures[goal.Name].Values {
		if !v.Defined() {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Sprintf("not defined in %d of %d replications", missing, len(p.Replications))
	}
	return ""
}

// pairs compares all policies; the p-values of those that take part are
// corrected as one family.
func (s *Summary) pairs(goal Measure, in []string) []Pair {
	var all []Pair
	var family []int
	var p []float64
	for i := range s.Policies {
		for j := i + 1; j < len(s.Policies); j++ {
			d := pair(goal, &s.Policies[i], &s.Policies[j])
			if !slices.Contains(in, d.A) || !slices.Contains(in, d.B) {
				d.P = undefined
			}
			if d.P.Defined() {
				family, p = append(family, len(all)), append(p, float64(d.P))
			}
			all = append(all, d)
		}
	}
	for i, corrected := range holm(p) {
		all[family[i]].Holm = Number(corrected)
	}
	return all
}

func (s *Summary) best(goal Measure, in []string) string {
	best := ""
	at := math.Inf(1)
	for _, p := range s.Policies {
		mean := float64(p.Measures[goal.Name].Mean)
		if goal.Better == Higher {
			mean = -mean
		}
		if slices.Contains(in, p.Name) && mean < at {
			best, at = p.Name, mean
		}
	}
	return best
}

func (s *Summary) sentence(v *Verdict, contenders int) string {
	switch {
	case contenders == 0:
		return "no winner: no policy can be judged"
	case contenders == 1:
		return fmt.Sprintf("no winner: %s has nobody to be compared with", v.Best)
	case s.Replications < 2:
		return fmt.Sprintf("no winner: one replication gives no interval (best value: %s)", v.Best)
	case s.Partial:
		return fmt.Sprintf("no winner: the run was stopped (best value: %s)", v.Best)
	case v.Winner != "":
		return v.Winner
	}
	if len(v.Tied) > 3 {
		return fmt.Sprintf("no winner: %s and %d others cannot be told apart", v.Best, len(v.Tied))
	}
	return fmt.Sprintf("no winner: %s cannot be told apart", enumerate(append([]string{v.Best}, v.Tied...)))
}

// left is who takes no part for another reason than being the oracle.
func (v Verdict) left() []string {
	return slices.DeleteFunc(slices.Clone(v.Excluded), func(why string) bool { return strings.HasPrefix(why, Oracle+":") })
}

// enumerate writes "a", "a and b", "a, b and c".
func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// regret notes how much worse than the oracle each policy is.
func (s *Summary) regret(goal Measure) {
	i := slices.IndexFunc(s.Policies, func(p Policy) bool { return p.Name == Oracle })
	if i < 0 {
		return
	}
	for j := range s.Policies {
		p := &s.Policies[j]
		if p.Name == Oracle {
			continue
		}
		d := pair(goal, p, &s.Policies[i])
		e := Estimate{Mean: d.Mean, Half: d.Half, Pooled: p.Measures[goal.Name].Pooled - s.Policies[i].Measures[goal.Name].Pooled}
		if goal.Better == Higher {
			e.Mean, e.Pooled = -e.Mean, -e.Pooled
		}
		if p.Regret == nil {
			p.Regret = make(map[string]Estimate)
		}
		p.Regret[goal.Name] = e
	}
}

// Pair gives the difference a - b of a goal, whichever way round it is kept.
func (s *Summary) Pair(goal, a, b string) (Pair, bool) {
	for _, p := range s.Pairs {
		switch {
		case p.Goal != goal:
		case p.A == a && p.B == b:
			return p, true
		case p.A == b && p.B == a:
			return s.flip(p), true
		}
	}
	return Pair{}, false
}

func (s *Summary) flip(p Pair) Pair {
	for i := range s.Policies {
		for j := range s.Policies {
			if s.Policies[i].Name == p.B && s.Policies[j].Name == p.A {
				f := pair(Measure{Name: p.Goal}, &s.Policies[i], &s.Policies[j])
				f.P, f.Holm = p.P, p.Holm
				return f
			}
		}
	}
	return Pair{}
}
