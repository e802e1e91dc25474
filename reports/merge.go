package reports

import (
	"fmt"
	"maps"
	"slices"

	"tierlab/workloads"
)

// merger pools points, which it is given in the order of their replications.
type merger struct {
	pool     *Point
	usage    map[string]Usage
	routes   map[RouteKey]*Route
	sessions map[workloads.Status]int64
	steps    map[workloads.Status]int64
	latency  [metrics][]*Distribution
}

func newMerger(run workloads.Run) *merger {
	run.Valid, run.Invalid = true, nil
	return &merger{
		pool:     &Point{Run: run},
		usage:    make(map[string]Usage),
		routes:   make(map[RouteKey]*Route),
		sessions: make(map[workloads.Status]int64),
		steps:    make(map[workloads.Status]int64),
	}
}

func (m *merger) add(p *Point) error {
	pool := m.pool
	pool.Replications += p.Replications
	pool.Window += p.Window
	pool.Totals.add(p.Totals)
	pool.Run.Partial = pool.Run.Partial || p.Run.Partial
	pool.Run.Valid = pool.Run.Valid && p.Run.Valid
	for _, reason := range p.Run.Invalid {
		if !slices.Contains(pool.Run.Invalid, reason) {
			pool.Run.Invalid = append(pool.Run.Invalid, reason)
		}
	}
	for _, u := range p.Usage {
		sum := m.usage[u.Tier]
		m.usage[u.Tier] = Usage{Tier: u.Tier, Busy: sum.Busy + u.Busy, Capacity: sum.Capacity + u.Capacity}
	}
	for _, r := range p.Routes {
		sum, ok := m.routes[r.RouteKey]
		if !ok {
			sum = &Route{RouteKey: r.RouteKey}
			m.routes[r.RouteKey] = sum
		}
		sum.add(r)
	}
	for _, c := range p.Sessions {
		m.sessions[c.Status] += c.Count
	}
	for _, c := range p.Steps {
		m.steps[c.Status] += c.Count
	}
	for i, d := range p.Latency {
		if d == nil {
			return fmt.Errorf("merge: replication %d of policy %q lacks %s", p.Run.Replication, p.Run.Policy, Metric(i))
		}
		m.latency[i] = append(m.latency[i], d)
	}
	return m.addGood(p)
}

func (m *merger) addGood(p *Point) error {
	if m.pool.Good == nil {
		m.pool.Good = slices.Clone(p.Good)
		return nil
	}
	same := func(a, b Good) bool { return a.Objective == b.Objective }
	if !slices.EqualFunc(m.pool.Good, p.Good, same) {
		return fmt.Errorf("merge: replication %d of policy %q was counted with other objectives", p.Run.Replication, p.Run.Policy)
	}
	for i, g := range p.Good {
		m.pool.Good[i].Kept += g.Kept
		m.pool.Good[i].Of += g.Of
	}
	return nil
}

func (m *merger) finish() (*Point, error) {
	pool := m.pool
	for _, tier := range slices.Sorted(maps.Keys(m.usage)) {
		pool.Usage = append(pool.Usage, m.usage[tier])
	}
	for _, r := range m.routes {
		pool.Routes = append(pool.Routes, *r)
	}
	slices.SortFunc(pool.Routes, compareRoutes)
	pool.Sessions, pool.Steps = countsOf(m.sessions), countsOf(m.steps)
	for i, parts := range m.latency {
		d, err := mergeDistributions(parts)
		if err != nil {
			return nil, fmt.Errorf("policy %q, %s: %w", pool.Run.Policy, Metric(i), err)
		}
		pool.Latency[i] = d
	}
	return pool, nil
}

func (t *Totals) add(o Totals) {
	t.Sessions += o.Sessions
	t.Completed += o.Completed
	t.Resolved += o.Resolved
	t.Estimated += o.Estimated
	t.Steps += o.Steps
	t.Accepted += o.Accepted
	t.Attempts += o.Attempts
	t.Tools += o.Tools
	t.Unmeasured += o.Unmeasured
	t.Input += o.Input
	t.Cached += o.Cached
	t.Output += o.Output
	t.Cost.add(o.Cost)
	t.Split.add(o.Split)
	t.Microjoules += o.Microjoules
	t.JoulesTokens += o.JoulesTokens
	t.BiasUS += o.BiasUS
}

func (r *Route) add(o Route) {
	r.Attempts += o.Attempts
	r.Accepted += o.Accepted
	r.Input += o.Input
	r.Cached += o.Cached
	r.Output += o.Output
	r.USD += o.USD
}

func (c *Cost) add(o Cost) {
	c.Tokens += o.Tokens
	c.Egress += o.Egress
	c.State += o.State
	c.Orchestration += o.Orchestration
	c.Sandbox += o.Sandbox
	c.Validation += o.Validation
}

func picoCost(c workloads.Cost) Cost {
	return Cost{
		Tokens: pico(c.Tokens), Egress: pico(c.Egress), State: pico(c.State),
		Orchestration: pico(c.Orchestration), Sandbox: pico(c.Sandbox), Validation: pico(c.Validation),
	}
}

func (s *Split) add(o Split) {
	s.Queue += o.Queue
	s.Network += o.Network
	s.Prefill += o.Prefill
	s.Decode += o.Decode
	s.Tool += o.Tool
	s.State += o.State
	s.Backoff += o.Backoff
	s.Think += o.Think
}

func microSplit(s workloads.Split) Split {
	return Split{
		Queue: micros(s.Queue), Network: micros(s.Network), Prefill: micros(s.Prefill), Decode: micros(s.Decode),
		Tool: micros(s.Tool), State: micros(s.State), Backoff: micros(s.Backoff), Think: micros(s.Think),
	}
}

// micros rounds to the microsecond; the parts of a session's split are never
// negative.
func micros(m workloads.Millis) int64 { return (int64(m) + 500) / 1000 }
