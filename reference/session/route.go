package session

import (
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// route asks the router where an attempt goes.
func (a *actor) route(e *agent.Effect) {
	l, rt := &a.life, a.rt
	l.machine.Request(e.Step, &a.request)
	a.translate(&a.request)
	llm := &l.graph.Steps[e.Step].Step.LLM
	a.request.Difficulty = difficulty(rt.cfg.World, llm)
	rt.routing.Lock()
	rt.cfg.Router.Route(rt.now(), &a.request, &a.choice)
	rt.routing.Unlock()
	d := &a.choice
	r := routed{
		Step: e.Step, Attempt: e.Attempt, Reason: d.Reason,
		Estimate: int64(d.Estimate), Hedge: int64(d.HedgeAfter), Reserve: d.ReserveUSD,
	}
	if d.Target != router.NoTarget && !a.budgeted(e, &r) {
		return
	}
	if d.Target != router.NoTarget {
		to := l.atlas.in(rt.cfg.World, d.Target, &r)
		r.To = &to
		for i := range d.FallbackCount {
			r.Else = append(r.Else, l.atlas.in(rt.cfg.World, d.Fallbacks[i], &r))
		}
	}
	a.log(&r)
	l.atlas.bind(rt.cfg.World)
}

// budgeted reserves what a decision costs at most. Where there is no room the
// decision becomes one for nowhere, or, if others will make room, waits; the
// result is false then.
func (a *actor) budgeted(e *agent.Effect, r *routed) bool {
	books := a.rt.cfg.Ledger
	if books == nil {
		return true
	}
	amount := a.attemptAmount(e.Step, a.choice.Target, r.Reserve)
	var err error
	if r.Hold, err = a.reserve("", amount); settlesLater(err) {
		freed := books.Freed()
		if r.Hold, err = a.reserve("", amount); settlesLater(err) { // nothing was freed just now
			a.retryFreed(*e, freed)
			return false
		}
	}
	if err != nil {
		a.switchedOff(err)
		a.choice.Target, r.Reason = router.NoTarget, string(router.RuleBudget)
		a.rt.trouble(a.id, err)
	}
	return true
}

// translate turns a request's numbers from the session's into the runtime's.
func (a *actor) translate(req *router.Request) {
	at := &a.life.atlas
	req.Origin, req.Home = at.origin, a.home
	if req.Pin != topology.None {
		req.Pin = at.models[req.Pin]
	}
	for i := range req.Tried {
		req.Tried[i] = at.out(req.Tried[i])
	}
	since := a.life.begun.Sub(a.rt.start)
	for i := range req.History.Warm {
		w := &req.History.Warm[i]
		w.Target = at.out(w.Target)
		w.At += since
	}
}

// difficulty is what a router is told of a step: what the recording says, or the
// mean of its kind.
func difficulty(w *topology.World, llm *workloads.LLM) float64 {
	if llm.Difficulty != nil {
		return *llm.Difficulty
	}
	n, ok := w.Quality.Difficulty[llm.Kind]
	if !ok {
		n = w.Quality.Difficulty[""]
	}
	return n.Mean
}

// busy counts a call at its replica, for the router's view; by is 1 or -1.
func (rt *Runtime) busy(t router.Target, by int32) {
	if t.Replica < 0 || int(t.Replica) >= len(rt.running) {
		return
	}
	rt.routing.Lock()
	defer rt.routing.Unlock()
	rt.running[t.Replica] += by
	rt.cfg.Router.Observe(rt.now(), t.Replica, int(rt.running[t.Replica]), 0)
}

func (rt *Runtime) feedback(t router.Target, status workloads.Status, took time.Duration) {
	rt.routing.Lock()
	defer rt.routing.Unlock()
	rt.cfg.Router.Feedback(rt.now(), t, status, took)
}

// price is what an attempt's tokens and bytes cost: the site's own prices, the
// prompt's bytes out of the home and the answer's, streamed, out of the site.
func (a *actor) price(t router.Target, input, cached, output int) (usd, egress float64) {
	w := a.rt.cfg.World
	d := w.Deployment(t.Site, t.Model)
	if d == nil {
		return 0, 0
	}
	cached = min(cached, input)
	usd = (float64(input-cached)*d.Price.In + float64(cached)*d.Price.Cached + float64(output)*d.Price.Out) / 1e6
	p := &w.Platform
	egress = w.EgressUSDPerGB(a.home, t.Site) * float64(input) * p.BytesPerToken / 1e9
	egress += w.EgressUSDPerGB(t.Site, a.home) * float64(output) * (p.BytesPerToken + p.SSEBytes) / 1e9
	return usd, egress
}

func (a *actor) joules(t router.Target, output int) float64 {
	if d := a.rt.cfg.World.Deployment(t.Site, t.Model); d != nil {
		return float64(output) * d.JoulesPerTok
	}
	return 0
}
