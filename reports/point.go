package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tierlab/workloads"
)

// Point is what one replication of one policy came to, or the pool of several
// replications. Every field adds up exactly (money is in integer picodollars,
// times in microseconds), so neither the order of a run's events nor that of
// the replications shows in it.
type Point struct {
	Run workloads.Run `json:"run"`
	// Replications is how many were pooled.
	Replications int `json:"replications"`
	// Window is how long sessions that count were arriving.
	Window workloads.Millis `json:"window_ms"`
	Usage  []Usage          `json:"usage,omitempty"`
	Totals Totals           `json:"totals"`
	// Routes are sorted by tier, model, reason and status.
	Routes []Route `json:"routes"`
	// Sessions and Steps count by status, sorted by it.
	Sessions []StatusCount `json:"sessions_by_status"`
	Steps    []StatusCount `json:"steps_by_status"`
	// Good counts, for each objective, the sessions or steps that kept it.
	Good []Good `json:"good,omitempty"`
	// Latency is indexed by Metric.
	Latency [metrics]*Distribution `json:"latency"`
}

// Conditions are what a run knows beside its outcomes.
type Conditions struct {
	Run    workloads.Run
	Window workloads.Millis
	Usage  []Usage
}

// Usage is how busy a tier was: the time for which the mean slot was at work in
// the measured windows, and how long these were.
type Usage struct {
	Tier     string           `json:"tier"`
	Busy     workloads.Millis `json:"busy_ms"`
	Capacity workloads.Millis `json:"capacity_ms"`
}

// Picodollars are 1e-12 US dollars: integers, so that sums do not depend on
// their order.
type Picodollars int64

func pico(usd float64) Picodollars { return Picodollars(math.Round(usd * 1e12)) }

// USD is the amount in dollars.
func (p Picodollars) USD() float64 { return float64(p) * 1e-12 }

// Totals are sums over the measured sessions.
type Totals struct {
	Sessions  int64 `json:"sessions"`
	Completed int64 `json:"completed"` // ended ok
	Resolved  int64 `json:"resolved"`
	// Estimated of the sessions have a verdict of the quality model, not of a
	// check.
	Estimated int64 `json:"estimated"`
	Steps     int64 `json:"steps"`
	Accepted  int64 `json:"accepted_steps"` // ended ok
	Attempts  int64 `json:"attempts"`
	Tools     int64 `json:"tools"`
	// Unmeasured sessions arrived before or after the window.
	Unmeasured int64 `json:"unmeasured_sessions,omitempty"`

	Input  int64 `json:"input_tokens"`
	Cached int64 `json:"cached_tokens"`
	Output int64 `json:"output_tokens"`

	Cost  Cost  `json:"picodollars"`
	Split Split `json:"split_us"`

	// Microjoules are of the attempts that state their energy, JoulesTokens
	// their output tokens.
	Microjoules  int64 `json:"microjoules,omitempty"`
	JoulesTokens int64 `json:"joules_tokens,omitempty"`
	// BiasUS is expected less actual latency, summed over the attempts that
	// estimate_error counts.
	BiasUS int64 `json:"estimate_bias_us,omitempty"`
}

// Cost is workloads.Cost in picodollars.
type Cost struct {
	Tokens        Picodollars `json:"tokens"`
	Egress        Picodollars `json:"egress"`
	State         Picodollars `json:"state"`
	Orchestration Picodollars `json:"orchestration"`
	Sandbox       Picodollars `json:"sandbox"`
	Validation    Picodollars `json:"validation"`
}

// Total is the sum of the parts.
func (c Cost) Total() Picodollars {
	return c.Tokens + c.Egress + c.State + c.Orchestration + c.Sandbox + c.Validation
}

// Split is workloads.Split in microseconds, of the sessions that ended ok.
type Split struct {
	Queue   int64 `json:"queue"`
	Network int64 `json:"network"`
	Prefill int64 `json:"prefill"`
	Decode  int64 `json:"decode"`
	Tool    int64 `json:"tool"`
	State   int64 `json:"state"`
	Backoff int64 `json:"backoff"`
	Think   int64 `json:"think"`
}

// RouteKey says where attempts went, why, and how they ended.
type RouteKey struct {
	Tier   string           `json:"tier"`
	Model  string           `json:"model"`
	Reason string           `json:"reason"`
	Status workloads.Status `json:"status"`
}

// Route counts the attempts of one RouteKey.
type Route struct {
	RouteKey
	Attempts int64 `json:"attempts"`
	// Accepted are the steps whose answer came from here.
	Accepted int64       `json:"accepted_steps"`
	Input    int64       `json:"input_tokens"`
	Cached   int64       `json:"cached_tokens"`
	Output   int64       `json:"output_tokens"`
	USD      Picodollars `json:"picodollars"`
}

// StatusCount counts what ended in one way.
type StatusCount struct {
	Status workloads.Status `json:"status"`
	Count  int64            `json:"count"`
}

// Good counts the sessions or steps that kept an objective.
type Good struct {
	Objective string `json:"objective"`
	Kept      int64  `json:"kept"`
	Of        int64  `json:"of"`
}

func compareRoutes(a, b Route) int {
	return cmp.Or(cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.Model, b.Model),
		cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Status, b.Status))
}

// Merge pools replications of one policy. The result is the same for every
// order of points.
func Merge(points []*Point) (*Point, error) {
	if len(points) == 0 {
		return nil, fmt.Errorf("merge: no points")
	}
	sorted := slices.SortedFunc(slices.Values(points), func(a, b *Point) int {
		return cmp.Compare(a.Run.Replication, b.Run.Replication)
	})
	for i, p := range sorted[1:] {
		if before := sorted[i]; before.Run.Replication == p.Run.Replication {
			return nil, fmt.Errorf("merge: policy %q has replication %d twice", p.Run.Policy, p.Run.Replication)
		} else if before.Run.Policy != p.Run.Policy {
			return nil, fmt.Errorf("merge: policies %q and %q are not one", before.Run.Policy, p.Run.Policy)
		}
	}
	m := newMerger(sorted[0].Run)
	for _, p := range sorted {
		if err := m.add(p); err != nil {
			return nil, err
		}
	}
	return m.finish()
}
