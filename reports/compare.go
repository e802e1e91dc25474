package reports

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Comparison sets a summary against an older one.
type Comparison struct {
	// Paired: both runs had the same workload, load and seed, so that the
	// replications pair; otherwise they are taken for independent (Welch).
	Paired bool     `json:"paired"`
	Notes  []string `json:"notes,omitempty"`
	Rows   []Change `json:"rows"`
	Checks []Check  `json:"checks,omitempty"`
}

// Change is one measure of one policy, old and new.
type Change struct {
	Policy  string `json:"policy"`
	Measure string `json:"measure"`
	Old     Number `json:"old"`
	New     Number `json:"new"`
	// Relative is the difference new - old as a share of old, RelativeHalf
	// the half width of its 95 % interval.
	Relative     Number `json:"relative"`
	RelativeHalf Number `json:"relative_half"`
	// Holm is the p-value corrected over all rows.
	Holm Number `json:"holm"`
	// Verdict is better, worse, changed (a neutral measure) or same (cannot be
	// told apart), or "" where there is no test.
	Verdict string `json:"verdict"`
}

// Met says whether every threshold is.
func (c *Comparison) Met() bool {
	return !slices.ContainsFunc(c.Checks, func(k Check) bool { return !k.Met })
}

// Compare sets the goals of the new summary, and what thresholds name, against
// the old one, policy by policy.
func Compare(old, s *Summary, thresholds []Threshold) (*Comparison, error) {
	a, b := old.Provenance, s.Provenance
	c := &Comparison{Paired: a.WorkloadDigest == b.WorkloadDigest && a.Load == b.Load && a.Seed == b.Seed && a.Target == b.Target}
	c.Notes = a.differences(b)
	for _, side := range []struct {
		name string
		s    *Summary
	}{{"old", old}, {"new", s}} {
		if !side.s.Valid {
			c.Notes = append(c.Notes, "the "+side.name+" summary is not valid")
		}
	}
	var measures []Measure
	for _, v := range s.Goals {
		if m, ok := s.measure(v.Goal); ok {
			measures = append(measures, m)
		}
	}
	for _, t := range thresholds {
		m, ok := s.measure(t.Measure)
		if ok && !slices.ContainsFunc(measures, func(have Measure) bool { return have.Name == m.Name }) {
			measures = append(measures, m)
		}
	}
	c.fill(old, s, measures)
	var err error
	c.Checks, err = CheckThresholds(thresholds, old, s)
	return c, err
}

func (c *Comparison) fill(old, s *Summary, measures []Measure) {
	var p []float64
	var tested []int
	for i := range s.Policies {
		is := &s.Policies[i]
		was := old.policyNamed(is.Name)
		if was == nil {
			c.Notes = append(c.Notes, fmt.Sprintf("policy %s is new", is.Name))
			continue
		}
		for _, m := range measures {
			row, value := c.compare(m, was, is)
			if Number(value).Defined() {
				p, tested = append(p, value), append(tested, len(c.Rows))
			}
			c.Rows = append(c.Rows, row)
		}
	}
	for i := range old.Policies {
		if name := old.Policies[i].Name; !s.has(name) {
			c.Notes = append(c.Notes, fmt.Sprintf("policy %s is gone", name))
		}
	}
	for i, corrected := range holm(p) {
		row := &c.Rows[tested[i]]
		row.Holm = Number(corrected)
		m, _ := s.measure(row.Measure)
		row.Verdict = verdictOf(row, m.Better)
	}
}

func verdictOf(row *Change, better Direction) string {
	switch {
	case float64(row.Holm) >= alpha:
		return "same"
	case better == Neutral:
		return "changed"
	case (row.New < row.Old) == (better == Lower):
		return "better"
	}
	return "worse"
}

// compare gives a row and its p-value, before correction.
func (c *Comparison) compare(m Measure, was, is *Policy) (Change, float64) {
	before, now := was.Measures[m.Name], is.Measures[m.Name]
	row := Change{Policy: is.Name, Measure: m.Name, Old: before.Mean, New: now.Mean, Holm: undefined}
	if _, ok := was.Measures[m.Name]; !ok {
		row.Old, row.Relative, row.RelativeHalf = undefined, undefined, undefined
		return row, float64(undefined)
	}
	var diff interval
	var p float64
	if c.Paired {
		d := pair(m, is, was)
		diff, p = interval{float64(d.Mean), float64(d.Half)}, float64(d.P)
	} else {
		diff, p = welch(defined(now.Values), defined(before.Values), level)
	}
	row.Relative = change(float64(before.Mean), float64(before.Mean)+diff.mean)
	row.RelativeHalf = Number(ratio(diff.half, max(float64(before.Mean), -float64(before.Mean))))
	return row, p
}

func defined(values []Number) []float64 {
	var all []float64
	for _, v := range values {
		if v.Defined() {
			all = append(all, float64(v))
		}
	}
	return all
}

// WriteText writes the comparison for a terminal.
func (c *Comparison) WriteText(w io.Writer, s *Summary) error {
	out := bufio.NewWriter(w)
	for _, note := range c.Notes {
		fmt.Fprintln(out, "note: "+note)
	}
	lines := [][]string{{"policy", "measure", "old", "new", "change", ""}}
	for _, r := range c.Rows {
		m, _ := s.measure(r.Measure)
		unit := scaleFor(m.Unit, []float64{orZero(r.Old), orZero(r.New)})
		percent := scale{factor: 100, decimals: 1}
		moved := percent.signed(float64(r.Relative)) + " %"
		if r.RelativeHalf.Defined() {
			moved += " ±" + percent.text(float64(r.RelativeHalf))
		}
		lines = append(lines, []string{r.Policy, r.Measure, unit.text(float64(r.Old)), strings.TrimSpace(unit.text(float64(r.New)) + " " + unit.suffix), moved, r.Verdict})
	}
	writeLines(out, lines)
	how := "independent samples"
	if c.Paired {
		how = "paired by replication"
	}
	fmt.Fprintf(out, "± 95 %% interval, %s; verdicts at 5 %% after Holm over all rows\n", how)
	if len(c.Checks) > 0 {
		lines = [][]string{{"threshold", "policy", "found", ""}}
		for _, k := range c.Checks {
			lines = append(lines, []string{k.Threshold, k.Policy, k.shown, map[bool]string{true: "met", false: "NOT MET"}[k.Met]})
		}
		fmt.Fprintln(out)
		writeLines(out, lines)
	}
	return out.Flush()
}

// writeLines pads the columns to the same width.
func writeLines(out io.Writer, lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, text := range line {
			pad(&b, text, widths[i]+2, false)
		}
		fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
	}
}

// differences says where b's run differs from a's: "the seed differs: 1, now 2".
func (a Provenance) differences(b Provenance) []string {
	var notes []string
	for _, field := range [][3]string{
		{"workload", a.Workload + " " + shortDigest(a.WorkloadDigest), b.Workload + " " + shortDigest(b.WorkloadDigest)},
		{"topology", a.Topology + " " + shortDigest(a.TopologyDigest), b.Topology + " " + shortDigest(b.TopologyDigest)},
		{"load", a.Load, b.Load}, {"target", a.Target + " " + a.Fidelity, b.Target + " " + b.Fidelity},
		{"seed", fmt.Sprint(a.Seed), fmt.Sprint(b.Seed)},
	} {
		if field[1] != field[2] {
			notes = append(notes, fmt.Sprintf("the %s differs: %s, now %s", field[0], field[1], field[2]))
		}
	}
	return notes
}

// shortDigest is as much of a digest as tells two apart by eye.
func shortDigest(digest string) string { return digest[:min(12, len(digest))] }
