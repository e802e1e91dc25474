package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tierlab/internal/spell"
)

// Threshold is a limit on a measure of a summary, absolute or relative to an
// older one:
//
//	active_makespan_p99<=60s       a latency, with its unit
//	resolve_rate>=90%              a share
//	usd_per_resolved<=0.02         any other number, in the measure's unit
//	active_makespan_p99<=+5%       against the older summary, for any measure
//	cascade/usd_per_resolved<=0.02 of one policy; otherwise of all but the oracle
//
// The mean over replications decides; its interval is reported beside it.
type Threshold struct {
	Policy   string // "" is every policy but the oracle
	Measure  string
	AtMost   bool    // else at least
	Limit    float64 // in the measure's unit, or a share of the old value
	Relative bool
	text     string
}

// String is the threshold as it was written.
func (t Threshold) String() string { return t.text }

// ParseThreshold reads a threshold.
func ParseThreshold(text string) (Threshold, error) {
	t := Threshold{text: strings.TrimSpace(text)}
	fail := func(format string, args ...any) (Threshold, error) {
		return Threshold{}, fmt.Errorf("threshold %q: %s", text, fmt.Sprintf(format, args...))
	}
	at := max(strings.LastIndex(t.text, "<="), strings.LastIndex(t.text, ">="))
	if at < 0 {
		return fail("it is neither MEASURE<=LIMIT nor MEASURE>=LIMIT")
	}
	t.AtMost = t.text[at] == '<'
	t.Measure = strings.TrimSpace(t.text[:at])
	if policy, measure, ok := strings.Cut(t.Measure, "/"); ok {
		t.Policy, t.Measure = policy, measure
	}
	unit, ok := unitOf(t.Measure)
	if !ok {
		return fail("%q is not a measure%s", t.Measure, suggest(t.Measure))
	}
	limit := strings.TrimSpace(t.text[at+2:])
	var err error
	if t.Limit, t.Relative, err = parseLimit(limit, unit); err != nil {
		return fail("%v", err)
	}
	if !Number(t.Limit).Defined() {
		return fail("%q is no limit", limit)
	}
	return t, nil
}

// parseLimit reads a limit of the unit, or a signed percentage.
func parseLimit(limit string, unit Unit) (value float64, relative bool, err error) {
	percent, isPercent := strings.CutSuffix(limit, "%")
	signed := strings.HasPrefix(limit, "+") || strings.HasPrefix(limit, "-")
	switch {
	case isPercent && (signed || unit == Share):
		value, err = strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err != nil {
			return 0, false, fmt.Errorf("%q is not a percentage", limit)
		}
		return value / 100, signed, nil
	case isPercent:
		return 0, false, fmt.Errorf("%q has no sign: write +%s for a change against the older summary", limit, limit)
	case unit == Milliseconds:
		d, err := time.ParseDuration(limit)
		if err != nil {
			return 0, false, fmt.Errorf("%q is not a duration with a unit, such as 250ms or 60s, nor a change, such as +5%%", limit)
		}
		return float64(d) / float64(time.Millisecond), false, nil
	}
	value, err = strconv.ParseFloat(limit, 64)
	if err != nil {
		return 0, false, fmt.Errorf("%q is neither a number nor a change, such as +5%%", limit)
	}
	return value, false, nil
}

// fixedMeasures are those that every summary can have.
func fixedMeasures() []Measure {
	var tiers Point
	for _, tier := range []string{"device", "metro", "regional", "central"} {
		tiers.Usage = append(tiers.Usage, Usage{Tier: tier})
	}
	return catalogue([]*Point{&tiers})
}

func unitOf(measure string) (Unit, bool) {
	for prefix, unit := range map[string]Unit{"good_share:": Share, "goodput:": PerSecond} {
		if o, ok := strings.CutPrefix(measure, prefix); ok {
			_, err := ParseObjective(o)
			return unit, err == nil
		}
	}
	all := fixedMeasures()
	i := slices.IndexFunc(all, func(m Measure) bool { return m.Name == measure })
	if i < 0 {
		return "", false
	}
	return all[i].Unit, true
}

// suggest names the measure nearest to a wrong name, if one is near.
func suggest(name string) string {
	var names []string
	for _, m := range fixedMeasures() {
		names = append(names, m.Name)
	}
	if n := spell.Nearest(name, names); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return "; summary.json lists all under \"measures\""
}

// Check is a threshold applied to one policy.
type Check struct {
	Threshold string `json:"threshold"`
	Policy    string `json:"policy"`
	// Value is the mean, or for a relative threshold the change of the mean
	// as a share of the old one; null where it is not defined, and then the
	// threshold is not met.
	Value Number `json:"value"`
	Met   bool   `json:"met"`
	shown string
}

// Found is the value with its unit, for people.
func (c Check) Found() string { return c.shown }

// CheckThresholds applies every threshold; old may be nil where none of them
// is relative.
func CheckThresholds(thresholds []Threshold, old, s *Summary) ([]Check, error) {
	var all []Check
	for _, t := range thresholds {
		if t.Relative && old == nil {
			return nil, fmt.Errorf("threshold %q is relative, and there is no older summary to compare with", t)
		}
		applied := false
		for i := range s.Policies {
			p := &s.Policies[i]
			if t.Policy != "" && p.Name != t.Policy || t.Policy == "" && p.Name == Oracle {
				continue
			}
			c, err := t.check(old, s, p)
			if err != nil {
				return nil, err
			}
			all, applied = append(all, c), true
		}
		if !applied {
			return nil, fmt.Errorf("threshold %q: the summary has no such policy", t)
		}
	}
	return all, nil
}

func (t Threshold) check(old, s *Summary, p *Policy) (Check, error) {
	e, ok := p.Measures[t.Measure]
	if !ok {
		return Check{}, fmt.Errorf("threshold %q: the summary of policy %q has no %s", t, p.Name, t.Measure)
	}
	c := Check{Threshold: t.text, Policy: p.Name, Value: e.Mean}
	if t.Relative {
		before := old.policyNamed(p.Name)
		if before == nil {
			return Check{}, fmt.Errorf("threshold %q: the older summary has no policy %q", t, p.Name)
		}
		was, ok := before.Measures[t.Measure]
		if !ok {
			return Check{}, fmt.Errorf("threshold %q: the older summary has no %s", t, t.Measure)
		}
		c.Value = change(float64(was.Mean), float64(e.Mean))
	}
	if c.Value.Defined() {
		c.Met = float64(c.Value) >= t.Limit
		if t.AtMost {
			c.Met = float64(c.Value) <= t.Limit
		}
	}
	c.shown = scale{factor: 100, decimals: 2, suffix: "%"}.signed(float64(c.Value)) + " %"
	if m, ok := s.measure(t.Measure); ok && !t.Relative {
		unit := scaleFor(m.Unit, []float64{float64(c.Value)})
		c.shown = strings.TrimSpace(unit.text(float64(c.Value)) + " " + unit.suffix)
	}
	return c, nil
}

// change is new - old as a share of old: no change where both are zero.
func change(was, is float64) Number {
	if was == is {
		return 0
	}
	return Number(ratio(is-was, max(was, -was)))
}

func (s *Summary) policyNamed(name string) *Policy {
	i := slices.IndexFunc(s.Policies, func(p Policy) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Policies[i]
}
