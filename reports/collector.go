package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"tierlab/workloads"
)

// Collector is a workloads.Sink that sums up one replication as it runs. It
// allocates only when it meets a new combination of tier, model, reason and
// status. It takes 2 MB, so a program keeps one for each replication that it
// runs at the same time, not for each that it has run. It is used by one
// goroutine at a time.
type Collector struct {
	objectives []Objective
	recorders  [metrics]recorder
	totals     Totals
	routes     map[RouteKey]*Route
	sessions   map[workloads.Status]int64
	steps      map[workloads.Status]int64
	kept       []int64
}

// NewCollector returns an empty collector that counts what keeps the
// objectives.
func NewCollector(objectives ...Objective) *Collector {
	c := &Collector{
		objectives: slices.Clone(objectives),
		kept:       make([]int64, len(objectives)),
		routes:     make(map[RouteKey]*Route),
		sessions:   make(map[workloads.Status]int64),
		steps:      make(map[workloads.Status]int64),
	}
	for m := range c.recorders {
		c.recorders[m].histogram = newHistogram()
	}
	return c
}

// Step counts a step of a measured session; it passes over others.
func (c *Collector) Step(o *workloads.Outcome) error {
	if !o.Measured {
		return nil
	}
	if o.End < o.Start {
		return fmt.Errorf("session %q, step %q: it ends at %v, before it is due at %v", o.Session, o.Step, o.End.D(), o.Start.D())
	}
	c.totals.Steps++
	c.steps[o.Status]++
	var winner *workloads.Attempt
	var winning *Route
	for i := range o.Attempts {
		a := &o.Attempts[i]
		route, err := c.attempt(a)
		if err != nil {
			return fmt.Errorf("session %q, step %q, attempt %d: %w", o.Session, o.Step, i+1, err)
		}
		if a.Status == workloads.StatusOK {
			winner, winning = a, route
		}
	}
	if o.Status != workloads.StatusOK {
		return nil
	}
	c.totals.Accepted++
	c.take(StepLatency, (o.End - o.Start).D())
	if winner != nil {
		winning.Accepted++
		if winner.First > 0 {
			c.take(TTFTDue, (winner.First - o.Start).D())
		}
	}
	return nil
}

// take records a value of a session or a step, and whether it keeps the
// objectives.
func (c *Collector) take(m Metric, d time.Duration) {
	c.recorders[m].record(d)
	for i := range c.objectives {
		if o := &c.objectives[i]; o.Metric == m && d <= o.Limit {
			c.kept[i]++
		}
	}
}

func (c *Collector) attempt(a *workloads.Attempt) (*Route, error) {
	answered := a.Status == workloads.StatusOK || a.Status == workloads.StatusInvalid
	switch {
	case a.Done < a.Sent:
		return nil, fmt.Errorf("done at %v, before it was sent at %v", a.Done.D(), a.Sent.D())
	case a.First > 0 && (a.First < a.Sent || a.First > a.Done):
		return nil, fmt.Errorf("first token at %v, outside of sent %v to done %v", a.First.D(), a.Sent.D(), a.Done.D())
	case a.Queue < 0:
		return nil, fmt.Errorf("a queue time of %v", a.Queue.D())
	}
	c.totals.Attempts++
	c.totals.Input += int64(a.Input)
	c.totals.Cached += int64(a.Cached)
	c.totals.Output += int64(a.Output)
	if a.Joules > 0 {
		c.totals.Microjoules += int64(math.Round(a.Joules * 1e6))
		c.totals.JoulesTokens += int64(a.Output)
	}
	r := c.route(a)
	r.Attempts++
	r.Input += int64(a.Input)
	r.Cached += int64(a.Cached)
	r.Output += int64(a.Output)
	r.USD += pico(a.USD)
	if a.First > 0 {
		c.recorders[TTFT].record((a.First - a.Sent).D())
	}
	if answered {
		c.answered(a)
	}
	return r, nil
}

func (c *Collector) answered(a *workloads.Attempt) {
	latency := (a.Done - a.Sent).D()
	c.recorders[AttemptLatency].record(latency)
	c.recorders[QueueTime].record(a.Queue.D())
	if a.First > 0 && a.Output > 1 {
		c.recorders[TPOT].record((a.Done - a.First).D() / time.Duration(a.Output-1))
	}
	if a.Estimate > 0 {
		bias := a.Estimate.D() - latency
		c.totals.BiasUS += int64(bias / time.Microsecond)
		c.recorders[EstimateError].record(bias.Abs())
	}
}

func (c *Collector) route(a *workloads.Attempt) *Route {
	key := RouteKey{Tier: a.Tier, Model: a.Model, Reason: a.Reason, Status: a.Status}
	if r, ok := c.routes[key]; ok {
		return r
	}
	// A reader's strings may be slices of a whole line.
	key.Tier, key.Model, key.Reason = strings.Clone(key.Tier), strings.Clone(key.Model), strings.Clone(key.Reason)
	r := &Route{RouteKey: key}
	c.routes[key] = r
	return r
}

// Session counts a measured session; it only notes how many others there were.
func (c *Collector) Session(o *workloads.Outcome) error {
	r := o.Result
	switch {
	case r == nil:
		return fmt.Errorf("session %q: its outcome has no result", o.Session)
	case !r.Measured:
		c.totals.Unmeasured++
		return nil
	case r.Split.Total() != r.Makespan:
		return fmt.Errorf("session %q: the parts of its makespan sum to %v, not to %v", o.Session, r.Split.Total().D(), r.Makespan.D())
	case r.Makespan < 0 || r.Active < 0:
		return fmt.Errorf("session %q: a makespan of %v, %v of it active", o.Session, r.Makespan.D(), r.Active.D())
	}
	t := &c.totals
	t.Sessions++
	c.sessions[o.Status]++
	t.Tools += int64(r.Tools)
	if r.Resolved {
		t.Resolved++
	}
	if r.Estimated {
		t.Estimated++
	}
	t.Cost.add(picoCost(r.USD))
	if o.Status != workloads.StatusOK {
		return nil
	}
	t.Completed++
	t.Split.add(microSplit(r.Split))
	c.take(ActiveMakespan, r.Active.D())
	c.take(Makespan, r.Makespan.D())
	return nil
}

// Finish returns the replication's point and empties the collector for the
// next one.
func (c *Collector) Finish(with Conditions) (*Point, error) {
	p := &Point{
		Run: with.Run, Replications: 1, Window: with.Window, Usage: slices.Clone(with.Usage), Totals: c.totals,
		Sessions: countsOf(c.sessions), Steps: countsOf(c.steps),
	}
	for _, r := range c.routes {
		p.Routes = append(p.Routes, *r)
	}
	slices.SortFunc(p.Routes, compareRoutes)
	for i, o := range c.objectives {
		of := c.totals.Sessions
		if o.Metric.Level() == PerStep {
			of = c.totals.Steps
		}
		p.Good = append(p.Good, Good{Objective: o.String(), Kept: c.kept[i], Of: of})
	}
	for m := range c.recorders {
		d, err := c.recorders[m].freeze()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Metric(m), err)
		}
		p.Latency[m] = d
	}
	c.totals = Totals{}
	clear(c.routes)
	clear(c.sessions)
	clear(c.steps)
	clear(c.kept)
	return p, nil
}

func countsOf(counts map[workloads.Status]int64) []StatusCount {
	var out []StatusCount
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, StatusCount{Status: status, Count: counts[status]})
	}
	return out
}
