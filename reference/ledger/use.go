package ledger

import (
	"cmp"
	"slices"
	"time"

	"tierlab/workloads"
)

// Use is what a session used: all that its bills follow from. It is read off the
// session's outcomes, so that simulated and live runs are billed alike.
type Use struct {
	Session, Tenant string
	Status          workloads.Status
	Measured        bool
	// StepTokens are each step's prompt and answer together, in tokens; 0 for a
	// step without an answer.
	StepTokens []int64
	// Calls are the model calls that a deployment worked on, by site and model.
	Calls []Calls
	// Lost is what calls cost, in US dollars, whose answer never came: how many
	// tokens they took is not known.
	Lost   float64
	Active time.Duration // without the time that a person thinks
	Cost   workloads.Cost
}

// Answered counts the steps that have an answer.
func (u *Use) Answered() int {
	n := 0
	for _, tokens := range u.StepTokens {
		if tokens > 0 {
			n++
		}
	}
	return n
}

// Calls sums the model calls of a session on one deployment, hedges, retries and
// calls that were called off included.
type Calls struct {
	Site, Tier, Model     string
	N                     int
	Input, Cached, Output int64
	USD                   float64 // as recorded
}

// Meter makes a Use of each session's outcomes. It implements workloads.Sink.
type Meter struct {
	// Each is called when a session is over. The Use is its to keep.
	Each     func(*Use) error
	underWay map[string]*Use
}

// Step implements workloads.Sink.
func (m *Meter) Step(o *workloads.Outcome) error {
	if m.underWay == nil {
		m.underWay = map[string]*Use{}
	}
	u := m.underWay[o.Session]
	if u == nil {
		u = &Use{Session: o.Session}
		m.underWay[o.Session] = u
	}
	tokens := int64(0)
	for i := range o.Attempts {
		a := &o.Attempts[i]
		if a.Status == workloads.StatusOK || a.Status == workloads.StatusInvalid {
			tokens = int64(a.Input) + int64(a.Output)
		}
		switch {
		case a.Status == workloads.StatusLost:
			u.Lost += a.USD
		case worked(a):
			u.add(a)
		}
	}
	u.StepTokens = append(u.StepTokens, tokens)
	return nil
}

// worked says that a deployment computed for an attempt: it was not refused, and
// not answered from a cache of answers.
func worked(a *workloads.Attempt) bool { return a.USD > 0 || a.Prefill > 0 || a.Decode > 0 }

func (u *Use) add(a *workloads.Attempt) {
	i := slices.IndexFunc(u.Calls, func(c Calls) bool { return c.Site == a.Site && c.Tier == a.Tier && c.Model == a.Model })
	if i < 0 {
		i = len(u.Calls)
		u.Calls = append(u.Calls, Calls{Site: a.Site, Tier: a.Tier, Model: a.Model})
	}
	c := &u.Calls[i]
	c.N++
	c.Input += int64(a.Input)
	c.Cached += int64(a.Cached)
	c.Output += int64(a.Output)
	c.USD += a.USD
}

// Session implements workloads.Sink.
func (m *Meter) Session(o *workloads.Outcome) error {
	u := m.underWay[o.Session]
	if u == nil {
		u = &Use{Session: o.Session}
	}
	delete(m.underWay, o.Session)
	u.Status = o.Status
	if r := o.Result; r != nil {
		u.Tenant, u.Measured, u.Active, u.Cost = r.Tenant, r.Measured, r.Active.D(), r.USD
	}
	slices.SortFunc(u.Calls, func(a, b Calls) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Tier, b.Tier))
	})
	return m.Each(u)
}
