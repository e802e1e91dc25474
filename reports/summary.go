package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tierlab/workloads"
)

// SummarySchema is the version that summary.json names.
const SummarySchema = "tierlab.summary/v1"

// Oracle is the name of the policy that knows the future: a reference that
// wins nothing.
const Oracle = "oracle"

// level is the confidence of every interval, and alpha the chance of naming a
// wrong winner of a goal.
const (
	level = 0.95
	alpha = 1 - level
)

// Summary is what summary.json holds.
type Summary struct {
	Schema     string     `json:"schema"`
	Provenance Provenance `json:"provenance"`
	// Replications is the number of the policy that has most.
	Replications int    `json:"replications"`
	Confidence   Number `json:"confidence"`
	// Valid is false when a run of any policy is not; Invalid says which and
	// why. Partial: the run was stopped.
	Valid   bool     `json:"valid"`
	Invalid []string `json:"invalid,omitempty"`
	Partial bool     `json:"partial,omitempty"`
	// Notes are what a reader should know beside that.
	Notes []string `json:"notes,omitempty"`
	// Estimated: whether a task is resolved is the quality model's estimate.
	Estimated  bool      `json:"quality_estimated"`
	Baseline   string    `json:"baseline"`
	Objectives []string  `json:"objectives,omitempty"`
	Goals      []Verdict `json:"goals"`
	Policies   []Policy  `json:"policies"`
	// Pairs are all paired differences, by goal, then by policy.
	Pairs    []Pair    `json:"pairs,omitempty"`
	Measures []Measure `json:"measures"`
}

// Provenance says what was run; all policies share it.
type Provenance struct {
	Target         string `json:"target"`
	Fidelity       string `json:"fidelity,omitempty"`
	Workload       string `json:"workload"`
	WorkloadDigest string `json:"workload_digest"`
	Topology       string `json:"topology"`
	TopologyDigest string `json:"topology_digest"`
	Load           string `json:"load"`
	Seed           uint64 `json:"seed"`
	Version        string `json:"version"`
	Machine        string `json:"machine,omitempty"`
}

// Policy is what one policy came to over all its replications.
type Policy struct {
	Name         string   `json:"name"`
	Digest       string   `json:"digest"`
	Replications []int    `json:"replications"`
	Valid        bool     `json:"valid"`
	Invalid      []string `json:"invalid,omitempty"`
	// Clipped values were longer than a day and count as a day.
	Clipped  int64               `json:"clipped,omitempty"`
	Sessions []StatusCount       `json:"sessions_by_status"`
	Steps    []StatusCount       `json:"steps_by_status"`
	Routes   []Route             `json:"routes"`
	Totals   Totals              `json:"totals"`
	Measures map[string]Estimate `json:"measures"`
	// Regret is, for each goal, how much worse than the oracle the policy is,
	// paired; negative where it is better.
	Regret     map[string]Estimate `json:"regret,omitempty"`
	Objectives []ObjectiveResult   `json:"objectives,omitempty"`
}

// Estimate is a measure with its interval, Mean +- Half over the replications'
// Values. Pooled is the measure of all replications together. Half is null for
// one replication.
type Estimate struct {
	Mean   Number   `json:"mean"`
	Half   Number   `json:"half"`
	Pooled Number   `json:"pooled"`
	Values []Number `json:"values,omitempty"`
}

// ObjectiveResult says how an objective was kept. Met is null where the
// objective names no percentile.
type ObjectiveResult struct {
	Objective string `json:"objective"`
	GoodShare Number `json:"good_share"`
	Met       *bool  `json:"met"`
}

// Options shape a report.
type Options struct {
	// Policies is the order of listing; those it leaves out follow by name,
	// the oracle last.
	Policies []string
	// Goals are names of measures; nil takes DefaultGoals.
	Goals []string
	// Baseline is what figures compare with; empty takes the first policy
	// that is not the oracle.
	Baseline string
}

// DefaultGoals are the measures that a report names winners of; a good share
// is added for each objective.
func DefaultGoals() []string {
	return []string{"active_makespan_p50", "active_makespan_p90", "usd_per_resolved", "resolve_rate"}
}

// study is the points arranged for summing up.
type study struct {
	order    []string
	points   map[string][]*Point // by policy, ascending replications
	pooled   []*Point            // in order
	measures []Measure
}

func arrange(points []*Point, o Options) (*study, error) {
	if len(points) == 0 {
		return nil, fmt.Errorf("report: no replication has finished")
	}
	s := &study{points: make(map[string][]*Point)}
	for _, p := range points {
		if a, b := provenanceOf(points[0].Run), provenanceOf(p.Run); a != b {
			why := a.differences(b)
			if len(why) == 0 {
				why = []string{fmt.Sprintf("the program differs: %s %s, now %s %s", a.Version, a.Machine, b.Version, b.Machine)}
			}
			return nil, fmt.Errorf("report: policy %q, replication %d is of another run: %s", p.Run.Policy, p.Run.Replication, strings.Join(why, "; "))
		}
		s.points[p.Run.Policy] = append(s.points[p.Run.Policy], p)
	}
	s.order = policyOrder(s.points, o.Policies)
	for _, name := range s.order {
		slices.SortFunc(s.points[name], func(a, b *Point) int { return cmp.Compare(a.Run.Replication, b.Run.Replication) })
		pool, err := Merge(s.points[name])
		if err != nil {
			return nil, err
		}
		s.pooled = append(s.pooled, pool)
	}
	s.measures = catalogue(s.pooled)
	return s, nil
}

func policyOrder(points map[string][]*Point, wanted []string) []string {
	rank := func(name string) int {
		if i := slices.Index(wanted, name); i >= 0 {
			return i
		}
		if name == Oracle {
			return len(wanted) + 1
		}
		return len(wanted)
	}
	var order []string
	for name := range points {
		order = append(order, name)
	}
	slices.SortFunc(order, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return order
}

func provenanceOf(r workloads.Run) Provenance {
	return Provenance{
		Target: r.Target, Fidelity: r.Fidelity, Workload: r.Workload, WorkloadDigest: r.WorkloadDigest,
		Topology: r.Topology, TopologyDigest: r.TopologyDigest, Load: r.Load, Seed: r.Seed,
		Version: r.Version, Machine: r.Machine,
	}
}

func (s *study) summarize(o Options) (*Summary, error) {
	sum := &Summary{
		Schema: SummarySchema, Provenance: provenanceOf(s.pooled[0].Run), Confidence: level, Valid: true,
		Baseline: o.Baseline, Measures: s.measures,
	}
	for i, pool := range s.pooled {
		p := s.policy(pool)
		sum.Policies = append(sum.Policies, p)
		sum.Replications = max(sum.Replications, pool.Replications)
		sum.Partial = sum.Partial || pool.Run.Partial
		sum.Valid = sum.Valid && p.Valid
		for _, why := range p.Invalid {
			sum.Invalid = append(sum.Invalid, p.Name+": "+why)
		}
		if p.Clipped > 0 {
			sum.Notes = append(sum.Notes, fmt.Sprintf("%s: %s longer than a day count as a day", p.Name, plural(int(p.Clipped), "value")))
		}
		sum.Estimated = sum.Estimated || pool.Totals.Estimated > 0
		if i == 0 {
			for _, g := range pool.Good {
				sum.Objectives = append(sum.Objectives, g.Objective)
			}
		}
	}
	if sum.Baseline == "" {
		i := slices.IndexFunc(s.order, func(name string) bool { return name != Oracle })
		sum.Baseline = s.order[max(i, 0)]
	} else if !slices.Contains(s.order, sum.Baseline) {
		return nil, fmt.Errorf("report: the baseline %q is none of the policies %s", sum.Baseline, strings.Join(s.order, ", "))
	}
	goals, err := s.goals(o.Goals)
	if err != nil {
		return nil, err
	}
	for _, goal := range goals {
		sum.judge(goal)
	}
	return sum, nil
}

// goals finds the measures of the names.
func (s *study) goals(names []string) ([]Measure, error) {
	if names == nil {
		names = DefaultGoals()
		for _, g := range s.pooled[0].Good {
			names = append(names, "good_share:"+g.Objective)
		}
	}
	var goals []Measure
	for _, name := range names {
		i := slices.IndexFunc(s.measures, func(m Measure) bool { return m.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("report: the goal %q is not a measure%s", name, suggest(name))
		}
		if s.measures[i].Better == Neutral {
			return nil, fmt.Errorf("report: the goal %q has no better direction", name)
		}
		goals = append(goals, s.measures[i])
	}
	return goals, nil
}

func (s *study) policy(pool *Point) Policy {
	p := Policy{
		Name: pool.Run.Policy, Digest: pool.Run.PolicyDigest, Valid: true, Sessions: pool.Sessions, Steps: pool.Steps,
		Routes: pool.Routes, Totals: pool.Totals, Measures: make(map[string]Estimate),
	}
	points := s.points[p.Name]
	for _, point := range points {
		p.Replications = append(p.Replications, point.Run.Replication)
		p.Valid = p.Valid && point.Run.Valid
	}
	p.Invalid = reasons(points)
	for _, d := range pool.Latency {
		p.Clipped += d.Clipped
	}
	for _, m := range s.measures {
		p.Measures[m.Name] = estimate(m, pool, points)
	}
	for _, g := range pool.Good {
		r := ObjectiveResult{Objective: g.Objective, GoodShare: Number(ratio(float64(g.Kept), float64(g.Of)))}
		if o, err := ParseObjective(g.Objective); err == nil && o.Percentile > 0 {
			met := float64(r.GoodShare) >= o.Percentile/100
			r.Met = &met
		}
		p.Objectives = append(p.Objectives, r)
	}
	return p
}

func estimate(m Measure, pool *Point, points []*Point) Estimate {
	e := Estimate{Pooled: Number(m.value(pool))}
	var defined []float64
	for _, p := range points {
		v := m.value(p)
		e.Values = append(e.Values, Number(v))
		if !math.IsNaN(v) {
			defined = append(defined, v)
		}
	}
	i := tInterval(defined, level)
	e.Mean, e.Half = Number(i.mean), Number(i.half)
	return e
}

// reasons lists why replications are not valid, each with their number.
func reasons(points []*Point) []string {
	count := make(map[string]int)
	var order []string
	for _, p := range points {
		why := p.Run.Invalid
		if !p.Run.Valid && len(why) == 0 {
			why = []string{"no reason given"}
		}
		for _, reason := range why {
			if count[reason]++; count[reason] == 1 {
				order = append(order, reason)
			}
		}
	}
	for i, reason := range order {
		if len(points) > 1 {
			order[i] = fmt.Sprintf("%s (%d of %d replications)", reason, count[reason], len(points))
		}
	}
	return order
}
