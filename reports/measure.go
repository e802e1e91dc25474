package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Unit is what a measure's number counts.
type Unit string

// The units.
const (
	Milliseconds Unit = "ms"
	Dollars      Unit = "usd"
	Share        Unit = "share" // from 0 to 1
	PerHour      Unit = "per_hour"
	PerSecond    Unit = "per_s"
	Joules       Unit = "J"
	Plain        Unit = "count"
)

// Direction says which of two values is the better one.
type Direction string

// The directions; a Neutral measure describes and does not judge.
const (
	Lower   Direction = "lower"
	Higher  Direction = "higher"
	Neutral Direction = "neutral"
)

// Measure is one number that a report states of every policy.
type Measure struct {
	Name       string    `json:"name"`
	Title      string    `json:"title"`
	Unit       Unit      `json:"unit"`
	Better     Direction `json:"better"`
	Definition string    `json:"definition"`
	// value is NaN where the point does not define it.
	value func(p *Point) float64
}

// catalogue lists the measures that the points can give, in the order in which
// reports show them.
func catalogue(points []*Point) []Measure {
	all := append(latencyMeasures(), taskMeasures()...)
	all = append(all, workMeasures()...)
	all = append(all, splitMeasures()...)
	all = append(all, costMeasures()...)
	all = append(all, tierMeasures(tiersOf(points))...)
	for i, g := range points[0].Good {
		all = append(all, goodMeasures(i, g.Objective)...)
	}
	return all
}

func latencyMeasures() []Measure {
	var all []Measure
	for _, m := range Metrics() {
		add := func(stat, title string, us func(d *Distribution) float64) {
			all = append(all, Measure{
				Name: m.String() + "_" + stat, Title: m.Title() + " " + title, Unit: Milliseconds, Better: Lower,
				Definition: m.Definition(),
				value: func(p *Point) float64 {
					if p.Latency[m].Count == 0 {
						return math.NaN()
					}
					return us(p.Latency[m]) / 1000
				},
			})
		}
		add("p50", "p50", func(d *Distribution) float64 { return float64(d.P50US) })
		add("p90", "p90", func(d *Distribution) float64 { return float64(d.P90US) })
		add("p99", "p99", func(d *Distribution) float64 { return float64(d.P99US) })
		add("mean", "mean", func(d *Distribution) float64 { return d.MeanUS() })
	}
	return all
}

func ratio(over, under float64) float64 {
	if under == 0 {
		return math.NaN()
	}
	return over / under
}

func taskMeasures() []Measure {
	return []Measure{
		{"usd_per_resolved", "Dollars per resolved task", Dollars, Lower,
			"all money spent on measured sessions / sessions whose task was resolved",
			func(p *Point) float64 { return ratio(p.Totals.Cost.Total().USD(), float64(p.Totals.Resolved)) }},
		{"usd_per_session", "Dollars per session", Dollars, Lower,
			"all money spent on measured sessions / measured sessions",
			func(p *Point) float64 { return ratio(p.Totals.Cost.Total().USD(), float64(p.Totals.Sessions)) }},
		{"resolve_rate", "Resolve rate", Share, Higher,
			"sessions whose task was resolved / measured sessions; an estimate of the quality model unless a check says so",
			func(p *Point) float64 { return ratio(float64(p.Totals.Resolved), float64(p.Totals.Sessions)) }},
		{"completion_rate", "Completion rate", Share, Higher,
			"sessions that ended ok, right or wrong / measured sessions",
			func(p *Point) float64 { return ratio(float64(p.Totals.Completed), float64(p.Totals.Sessions)) }},
		{"sessions_per_hour", "Sessions per hour", PerHour, Higher,
			"sessions that ended ok / length of the measured window",
			func(p *Point) float64 { return ratio(float64(p.Totals.Completed), p.Window.D().Hours()) }},
		{"joules_per_output_token", "Joules per output token", Joules, Lower,
			"energy / output tokens, over the attempts that state their energy",
			func(p *Point) float64 {
				return ratio(float64(p.Totals.Microjoules)*1e-6, float64(p.Totals.JoulesTokens))
			}},
	}
}

func workMeasures() []Measure {
	return []Measure{
		{"steps_per_session", "Steps per session", Plain, Neutral, "steps that ended / measured sessions",
			func(p *Point) float64 { return ratio(float64(p.Totals.Steps), float64(p.Totals.Sessions)) }},
		{"tools_per_session", "Tool calls per session", Plain, Neutral, "tool calls / measured sessions",
			func(p *Point) float64 { return ratio(float64(p.Totals.Tools), float64(p.Totals.Sessions)) }},
		{"attempts_per_step", "Attempts per step", Plain, Neutral,
			"model calls, with retries, fallbacks and hedges / steps that ended",
			func(p *Point) float64 { return ratio(float64(p.Totals.Attempts), float64(p.Totals.Steps)) }},
		{"input_tokens_per_session", "Input tokens per session", Plain, Neutral,
			"prompt tokens of all attempts / measured sessions",
			func(p *Point) float64 { return ratio(float64(p.Totals.Input), float64(p.Totals.Sessions)) }},
		{"output_tokens_per_session", "Output tokens per session", Plain, Neutral,
			"answer tokens of all attempts / measured sessions",
			func(p *Point) float64 { return ratio(float64(p.Totals.Output), float64(p.Totals.Sessions)) }},
		{"cached_share", "Cached input share", Share, Neutral,
			"prompt tokens found in a site's KV cache / prompt tokens",
			func(p *Point) float64 { return ratio(float64(p.Totals.Cached), float64(p.Totals.Input)) }},
		{"estimate_bias_mean", "Estimate bias", Milliseconds, Neutral,
			"mean of the latency that the policy expected - attempt latency; negative where it promised too much",
			func(p *Point) float64 {
				return ratio(float64(p.Totals.BiasUS)/1000, float64(p.Latency[EstimateError].Count))
			}},
	}
}

// part is one named part of a sum.
type part struct {
	name, title string
	of          func(t *Totals) float64
}

// splitParts are the parts of the makespan, in microseconds, in the order in
// which figures stack them.
func splitParts() []part {
	return []part{
		{"queue", "queue", func(t *Totals) float64 { return float64(t.Split.Queue) }},
		{"network", "network", func(t *Totals) float64 { return float64(t.Split.Network) }},
		{"prefill", "prefill", func(t *Totals) float64 { return float64(t.Split.Prefill) }},
		{"decode", "decode", func(t *Totals) float64 { return float64(t.Split.Decode) }},
		{"tool", "tool", func(t *Totals) float64 { return float64(t.Split.Tool) }},
		{"state", "state", func(t *Totals) float64 { return float64(t.Split.State) }},
		{"backoff", "backoff", func(t *Totals) float64 { return float64(t.Split.Backoff) }},
		{"think", "think", func(t *Totals) float64 { return float64(t.Split.Think) }},
	}
}

func splitMeasures() []Measure {
	var all []Measure
	for _, s := range splitParts() {
		better := Lower
		if s.name == "think" {
			better = Neutral
		}
		all = append(all, Measure{"split_" + s.name, "Makespan: " + s.title, Milliseconds, better,
			"mean " + s.title + " time along the critical path; sessions that ended ok",
			func(p *Point) float64 { return ratio(s.of(&p.Totals)/1000, float64(p.Totals.Completed)) }})
	}
	return all
}

func costMeasures() []Measure {
	parts := []part{
		{"tokens", "tokens", func(t *Totals) float64 { return t.Cost.Tokens.USD() }},
		{"egress", "egress", func(t *Totals) float64 { return t.Cost.Egress.USD() }},
		{"state", "state", func(t *Totals) float64 { return t.Cost.State.USD() }},
		{"orchestration", "orchestration", func(t *Totals) float64 { return t.Cost.Orchestration.USD() }},
		{"sandbox", "sandbox", func(t *Totals) float64 { return t.Cost.Sandbox.USD() }},
		{"validation", "validation", func(t *Totals) float64 { return t.Cost.Validation.USD() }},
	}
	var all []Measure
	for _, c := range parts {
		all = append(all, Measure{"usd_" + c.name, "Cost: " + c.title, Dollars, Lower,
			"money for " + c.title + " / measured sessions",
			func(p *Point) float64 { return ratio(c.of(&p.Totals), float64(p.Totals.Sessions)) }})
	}
	return all
}

// tiersOf lists the tiers that points name, nearest the user first.
func tiersOf(points []*Point) []string {
	var tiers []string
	for _, p := range points {
		for _, u := range p.Usage {
			tiers = append(tiers, u.Tier)
		}
		for _, r := range p.Routes {
			tiers = append(tiers, r.Tier)
		}
	}
	order := []string{"device", "metro", "regional", "central"}
	slices.SortFunc(tiers, func(a, b string) int {
		return cmp.Or(cmp.Compare(uint(slices.Index(order, a)), uint(slices.Index(order, b))), cmp.Compare(a, b))
	})
	return slices.Compact(tiers)
}

func tierMeasures(tiers []string) []Measure {
	var all []Measure
	for _, tier := range tiers {
		all = append(all, Measure{"tier_share_" + tier, "Steps answered: " + tier, Share, Neutral,
			"accepted steps that tier " + tier + " answered / accepted steps",
			func(p *Point) float64 { return ratio(float64(p.acceptedBy(tier)), float64(p.Totals.Accepted)) }})
	}
	for _, tier := range tiers {
		all = append(all, Measure{"utilisation_" + tier, "Utilisation: " + tier, Share, Neutral,
			"slot-time at work / slot-time of tier " + tier + ", over the measured window",
			func(p *Point) float64 {
				i := slices.IndexFunc(p.Usage, func(u Usage) bool { return u.Tier == tier })
				if i < 0 {
					return math.NaN()
				}
				return ratio(p.Usage[i].Busy.Seconds(), p.Usage[i].Capacity.Seconds())
			}})
	}
	return all
}

func (p *Point) acceptedBy(tier string) int64 {
	var n int64
	for _, r := range p.Routes {
		if r.Tier == tier {
			n += r.Accepted
		}
	}
	return n
}

func goodMeasures(i int, objective string) []Measure {
	return []Measure{
		{"good_share:" + objective, "Good: " + objective, Share, Higher,
			fmt.Sprintf("sessions (or steps) with %s / all of them, failed ones included", objective),
			func(p *Point) float64 { return ratio(float64(p.Good[i].Kept), float64(p.Good[i].Of)) }},
		{"goodput:" + objective, "Goodput: " + objective, PerSecond, Higher,
			fmt.Sprintf("sessions (or steps) with %s / length of the measured window", objective),
			func(p *Point) float64 {
				return ratio(float64(p.Good[i].Kept), p.Window.Seconds())
			}},
	}
}
