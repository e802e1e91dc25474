package claims

import "strings"

// Verdict is what became of a claim.
type Verdict string

// The verdicts.
const (
	Holds      Verdict = "holds"
	HoldsWhere Verdict = "holds where"
	Fails      Verdict = "does not hold"
	Modelled   Verdict = "modelled, not measured"
	Undecided  Verdict = "undecided"
	Waits      Verdict = "waits for"
)

// Truth says how a figure stands to its criterion.
type Truth string

// The truths. Open: the interval holds the limit, so more replications may
// decide it.
const (
	Yes  Truth = "yes"
	No   Truth = "no"
	Open Truth = "open"
)

// Check is one statement of a claim, held to a criterion.
type Check struct {
	Statement string   `json:"statement"`
	Criterion string   `json:"criterion"`
	Found     Estimate `json:"found"`
	Unit      string   `json:"unit"`
	Truth     Truth    `json:"truth"`
	// Where names the conditions under which the statement was checked, for
	// claims that hold under some of them.
	Where string `json:"where"`
	// Assumed: the model was given what the statement says, so that agreeing
	// with it proves nothing. Disagreeing still refutes it.
	Assumed bool `json:"assumed"`
}

// atMost, atLeast, above and below compare an estimate with a limit. Without
// an interval (one replication) nothing is decided.
func (e Estimate) atMost(limit float64) Truth { return side(limit-e.Mean, e.Half) }

func (e Estimate) atLeast(limit float64) Truth { return side(e.Mean-limit, e.Half) }

// above is whether the whole interval is beyond a limit.
func (e Estimate) above(limit float64) Truth {
	if e.Half == 0 && e.Mean == limit {
		return No
	}
	return e.atLeast(limit)
}

// side is Yes when the distance on the right side of a limit is at least the
// half width, No when the whole interval is on the wrong side.
func side(distance, half float64) Truth {
	switch {
	case distance >= half:
		return Yes
	case distance < -half:
		return No
	}
	return Open
}

// within says whether a figure is in a band.
func (e Estimate) within(low, high float64) Truth { return both(e.atLeast(low), e.atMost(high)) }

// both is Yes when both are, No when either is.
func both(a, b Truth) Truth {
	switch {
	case a == No || b == No:
		return No
	case a == Yes && b == Yes:
		return Yes
	}
	return Open
}

// decide is the verdict on a claim by its checks; where lists the conditions
// under which the statements that are true were checked.
func decide(checks []Check) (v Verdict, where []string) {
	count := map[Truth]int{}
	assumed := 0
	for _, c := range checks {
		if c.Assumed && c.Truth == Yes {
			assumed++
			continue
		}
		count[c.Truth]++
		if c.Truth == Yes {
			where = append(where, c.Where)
		}
	}
	switch {
	case count[Yes] > 0 && count[No]+count[Open] == 0:
		return Holds, nil
	case count[Yes] > 0:
		return HoldsWhere, where
	case count[Open] > 0:
		return Undecided, nil
	case count[No] == 0 && assumed > 0:
		return Modelled, nil
	}
	return Fails, nil
}

// judge sets a finding's verdict by its checks.
func (f *Finding) judge() {
	var where []string
	f.Verdict, where = decide(f.Checks)
	f.Where = strings.Join(distinct(where), "; ")
}

// distinct keeps the first of equal texts.
func distinct(list []string) []string {
	var kept []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			kept = append(kept, s)
		}
	}
	return kept
}

// inWords lists what holds, what does not, what is open, and what agrees only
// by construction, with the figures.
func (f *Finding) inWords() string {
	var sentences []string
	list := func(words string, of func(*Check) bool) {
		var found []string
		for i := range f.Checks {
			if c := &f.Checks[i]; of(c) {
				found = append(found, c.Statement+" ("+c.Found.text(unitText(c.Unit))+")")
			}
		}
		if len(found) > 0 {
			sentences = append(sentences, words+strings.Join(found, "; ")+".")
		}
	}
	list("Holds: ", func(c *Check) bool { return c.Truth == Yes && !c.Assumed })
	list("Does not: ", func(c *Check) bool { return c.Truth == No })
	list("Open: ", func(c *Check) bool { return c.Truth == Open })
	list("By construction: ", func(c *Check) bool { return c.Truth == Yes && c.Assumed })
	return strings.Join(sentences, " ")
}

// unitText puts a blank before a unit.
func unitText(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}
