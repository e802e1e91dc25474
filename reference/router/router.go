package router

import (
	"math"
	"time"

	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Config holds what a Router assumes.
type Config struct {
	// MaxOutput bounds an answer, in tokens: it is added to the prompt when
	// context and budget are checked.
	MaxOutput int
	// ExpectedOutput is an answer's mean length, in tokens, for estimates.
	ExpectedOutput int
	Breaker        BreakerConfig
}

// DefaultConfig bounds an answer at 4,096 tokens, as chat interfaces commonly
// do, and expects 256.
func DefaultConfig() Config {
	return Config{
		MaxOutput: 4096, ExpectedOutput: 256,
		Breaker: BreakerConfig{Failures: 5, CoolDown: 10 * time.Second},
	}
}

// Router is a policy with everything around it: the view it reads, the rules
// it cannot break, the choice of replicas, and circuit breakers. It is a pure
// state machine for use by one goroutine at a time; every replication has its
// own.
type Router struct {
	policy  Policy
	knowing Clairvoyant // the policy, when it is one
	view    View
	breaker BreakerConfig
}

// New makes a Router whose view is that all replicas are idle and all sites
// in service. The policy must not serve another Router.
func New(t *Table, p Policy, c Config) *Router {
	w := t.World
	r := &Router{policy: p, breaker: c.Breaker}
	r.knowing, _ = p.(Clairvoyant)
	r.view = View{
		World: w, table: t,
		Loads:     make([]Load, len(w.Replicas)),
		Down:      make([]bool, len(w.Sites)),
		MaxOutput: max(c.MaxOutput, 0), ExpectedOutput: max(c.ExpectedOutput, 0),
		siteOff:  make([]bool, len(w.Sites)),
		modelOff: make([]bool, len(w.Models)),
		breakers: make([]Breaker, len(w.Replicas)),
		least:    make([]int64, len(t.servers)),
	}
	return r
}

// Policy is the policy that routes.
func (r *Router) Policy() Policy { return r.policy }

// Clairvoyant says that the driver is to call RouteKnowing.
func (r *Router) Clairvoyant() bool { return r.knowing != nil }

// View is what the router believes. It changes with every call; callers only
// read it.
func (r *Router) View() *View { return &r.view }

// Route fills d with where an attempt is to run. It never fails: where no
// site may serve the step, d.Target is NoTarget.
func (r *Router) Route(now time.Duration, req *Request, d *Decision) {
	r.start(now, d)
	r.policy.Route(req, &r.view, d)
	r.finish(req, d)
}

// RouteKnowing is Route for a clairvoyant policy; with another policy it is
// Route.
func (r *Router) RouteKnowing(now time.Duration, req *Request, f *Future, d *Decision) {
	if r.knowing == nil {
		r.Route(now, req, d)
		return
	}
	r.start(now, d)
	r.knowing.RouteKnowing(req, &r.view, f, d)
	r.finish(req, d)
}

func (r *Router) start(now time.Duration, d *Decision) {
	r.view.Now = now
	r.view.search.req = nil
	*d = Decision{Target: NoTarget, Fallbacks: [3]Target{NoTarget, NoTarget, NoTarget}}
}

// finish holds a policy's answer to the rules, chooses replicas and sets the
// reservation: the price of the dearest of the target and the fallbacks.
func (r *Router) finish(req *Request, d *Decision) {
	s := &r.view.search
	if s.req != req { // the policy did not search
		s = r.view.begin(req)
	}
	to, rule := s.verify(d.Target, 0)
	if rule != "" {
		if to = r.replace(req, d, rule); to == nil {
			return
		}
	}
	d.Target.Replica = r.settle(req, d.Target, to)
	d.ReserveUSD = s.reserve(to)
	r.fallbacks(req, d)
	if d.FallbackCount == 0 || d.HedgeAfter < 0 {
		d.HedgeAfter = 0
	}
	d.Estimate = max(d.Estimate, 0)
	if r.view.tripped > 0 {
		r.view.breakers[to.first].Sent(r.view.Now, r.breaker)
	}
}

// verify is target, except that what the search has found at place i of its
// list has been checked already.
func (s *search) verify(t Target, i int) (*server, Rule) {
	if i < s.n && s.found[i].target() == t {
		return s.found[i].server, ""
	}
	return s.target(t)
}

// replace puts the nearest target that the rules admit in the place of an
// answer that they do not. The reason tells which rule it was; where nothing
// is admitted, it is the budget's rule if more money would help.
func (r *Router) replace(req *Request, d *Decision, rule Rule) *server {
	s := r.view.begin(req)
	s.everywhere()
	if s.n == 0 && d.Target == NoTarget && d.Reason != "" {
		rule = Rule(d.Reason)
	}
	*d = Decision{Fallbacks: [3]Target{NoTarget, NoTarget, NoTarget}}
	s.answer(d, string(rule))
	if s.n > 0 {
		return s.found[0].server
	}
	if req.History.USDLeft >= 0 {
		free := *req
		free.History.USDLeft = -1
		s = r.view.begin(&free)
		s.everywhere()
		if s.n > 0 {
			d.Reason = string(RuleBudget)
		}
		s.req = nil
	}
	return nil
}

// settle is the replica that the policy named, or the Router's choice.
func (r *Router) settle(req *Request, t Target, to *server) topology.ReplicaID {
	if t.Replica != topology.None {
		return t.Replica
	}
	return r.view.replica(req, to)
}

// fallbacks drops those that the rules forbid or that repeat a deployment.
func (r *Router) fallbacks(req *Request, d *Decision) {
	s := &r.view.search
	n := min(max(d.FallbackCount, 0), len(d.Fallbacks))
	d.FallbackCount = 0
	for i := range n {
		t := d.Fallbacks[i]
		d.Fallbacks[i] = NoTarget
		to, rule := s.verify(t, i+1)
		if rule != "" || d.names(to) {
			continue
		}
		t.Replica = r.settle(req, t, to)
		d.Fallbacks[d.FallbackCount] = t
		d.FallbackCount++
		d.ReserveUSD = max(d.ReserveUSD, s.reserve(to))
	}
}

// names says that the decision has the server already.
func (d *Decision) names(s *server) bool {
	if d.Target.Site == s.site && d.Target.Model == s.model {
		return true
	}
	for i := range d.FallbackCount {
		if d.Fallbacks[i].Site == s.site && d.Fallbacks[i].Model == s.model {
			return true
		}
	}
	return false
}

// Observe takes in what a replica reports; at is when it was so.
func (r *Router) Observe(at time.Duration, id topology.ReplicaID, running, queued int) {
	r.view.observe(id, Load{At: at, Running: count(running), Queued: count(queued)})
}

func count(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// ObserveSite takes in that a site reports itself out of service, or back.
func (r *Router) ObserveSite(s topology.SiteID, down bool) { r.view.Down[s] = down }

// Switch sets or clears the kill switch of a site.
func (r *Router) Switch(s topology.SiteID, off bool) {
	r.view.siteOff[s] = off
	r.view.switched = true
}

// SwitchModel sets or clears the kill switch of a model.
func (r *Router) SwitchModel(m topology.ModelID, off bool) {
	r.view.modelOff[m] = off
	r.view.switched = true
}

// Feedback tells the target's breaker how an attempt ended and what it took.
// An error or a timeout is a failure; an answer is none, right or wrong,
// unless it came too slow. A rejection says that the site is busy and a
// cancellation says nothing: neither counts.
func (r *Router) Feedback(now time.Duration, t Target, status workloads.Status, took time.Duration) {
	if t.Site < 0 || int(t.Site) >= len(r.view.World.Sites) {
		return
	}
	i := r.view.table.find(t.Site, t.Model)
	if i < 0 {
		return
	}
	answered := status == workloads.StatusOK || status == workloads.StatusInvalid
	if !answered && status != workloads.StatusError && status != workloads.StatusTimeout {
		return
	}
	ok := answered && (r.breaker.Slow <= 0 || took <= r.breaker.Slow)
	b := &r.view.breakers[r.view.table.servers[i].first]
	before := b.tripped
	b.Done(now, ok, r.breaker)
	switch {
	case b.tripped && !before:
		r.view.tripped++
	case before && !b.tripped:
		r.view.tripped--
	}
}
