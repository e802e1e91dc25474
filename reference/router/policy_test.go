package router_test

import (
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// answers holds one decision to the tier and the model that a table expects.
func answers(t *testing.T, w *topology.World, d *router.Decision, tier topology.Tier, model topology.ModelID) {
	t.Helper()
	if d.Target == router.NoTarget {
		t.Fatalf("no target: %s", d.Reason)
	}
	if got := w.Sites[d.Target.Site].Tier; got != tier || d.Target.Model != model {
		t.Errorf("%s on %s, want %s on %s (%s)", w.Models[d.Target.Model].Name, got, w.Models[model].Name, tier, d.Reason)
	}
}

func TestCascadeClimbs(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for _, c := range []struct {
		spec       string
		escalation int
		model      topology.ModelID
	}{
		{"cascade", 0, routertest.Small},
		{"cascade", 1, routertest.Large},
		{"cascade", 2, routertest.Frontier},
		{"cascade", 7, routertest.Frontier},
		{"cascade:first=0", 0, routertest.Tiny},
		{"cascade:first=2", 0, routertest.Large},
	} {
		req := plain(w)
		req.Escalation = c.escalation
		if d := route(t, w, c.spec, &req); d.Target.Model != c.model {
			t.Errorf("%s after %d refusals: model %d, want %d", c.spec, c.escalation, d.Target.Model, c.model)
		}
	}
	// A request that only two models can read has a ladder of two.
	req := plain(w)
	req.Modality = "vision"
	if d := route(t, w, "cascade:first=0", &req); d.Target.Model != routertest.Vision {
		t.Errorf("vision: model %d, want the vision model", d.Target.Model)
	}
	req.Escalation = 1
	if d := route(t, w, "cascade:first=0", &req); d.Target.Model != routertest.Frontier {
		t.Errorf("vision, refused: model %d, want the frontier model", d.Target.Model)
	}
}

func TestTrajectoryEscalatesAfterCheapSteps(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for cheap, model := range map[int]topology.ModelID{0: routertest.Small, 3: routertest.Small, 4: routertest.Frontier} {
		req := plain(w)
		req.History.Cheap = cheap
		if d := route(t, w, "trajectory:k=4", &req); d.Target.Model != model {
			t.Errorf("%d cheap steps: model %d, want %d", cheap, d.Target.Model, model)
		}
	}
}

func TestThresholdTakesTheLeastAbleThatWillDo(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for _, c := range []struct {
		difficulty float64
		escalation int
		model      topology.ModelID
	}{
		{-3, 0, routertest.Tiny},       // -1.5 - -3 >= 1
		{-1, 0, routertest.Small},      // 0 - -1 >= 1
		{-0.999, 0, routertest.Large},  // just too hard for the small one
		{0.5, 0, routertest.Frontier},  // 2 - 0.5 >= 1
		{5, 0, routertest.Frontier},    // none will do
		{-1, 1, routertest.Large},      // refused once
		{-1, 100, routertest.Frontier}, // refused often
		{-1.2, 0, routertest.Small},    // the vision model, at -0.2, reads no text
	} {
		req := plain(w)
		req.Difficulty, req.Escalation = c.difficulty, c.escalation
		if d := route(t, w, "threshold:tau=1", &req); d.Target.Model != c.model {
			t.Errorf("difficulty %g, %d refusals: model %d, want %d", c.difficulty, c.escalation, d.Target.Model, c.model)
		}
	}
}

func TestHistorySendsLongSessionsToTheCentre(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for steps, tier := range map[int]topology.Tier{0: topology.Metro, 5: topology.Metro, 6: topology.Central} {
		req := plain(w)
		req.History.Steps = steps
		if d := route(t, w, "history", &req); w.Sites[d.Target.Site].Tier != tier {
			t.Errorf("%d steps: %s, want %s", steps, w.Sites[d.Target.Site].Tier, tier)
		}
	}
}

func TestKeywordClasses(t *testing.T) {
	w := routertest.Continuum(t, 20)
	// No metro site holds the large model; the nearest that does is regional.
	simple := router.Decision{Estimate: 20 * time.Millisecond, Reason: "keyword: simple"}
	moderate := router.Decision{Estimate: 80 * time.Millisecond, Reason: "keyword: moderate"}
	complex := router.Decision{Estimate: 350 * time.Millisecond, Reason: "keyword: complex"}
	for _, c := range []struct {
		task     string
		messages int
		want     router.Decision
	}{
		{"Classify this ticket", 1, simple},
		{"classify and then design", 1, moderate}, // one each
		{"Design an implementation", 1, complex},
		{"say hello", 10, moderate},
		{"classify", 11, complex}, // long context
		{"", 0, moderate},
		{"compare and contrast: route", 1, moderate},
		{"COMPARE  and\ncontrast", 1, complex},
		{"redesign the classifyer, reroute", 1, moderate}, // no whole word
		{"extract, count, filter; then debug", 1, simple},
	} {
		req := plain(w)
		req.Task, req.History.Messages = c.task, c.messages
		d := route(t, w, "keyword", &req)
		if d.Reason != c.want.Reason || d.Estimate != c.want.Estimate {
			t.Errorf("%q, %d messages: %s, %v", c.task, c.messages, d.Reason, d.Estimate)
		}
		switch c.want.Reason {
		case simple.Reason:
			answers(t, w, &d, topology.Metro, routertest.Small)
		case moderate.Reason:
			answers(t, w, &d, topology.Regional, routertest.Large)
		default:
			answers(t, w, &d, topology.Central, routertest.Frontier)
		}
	}
}

func TestLatencyBudgetTakesTheMostAbleThatFits(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for _, c := range []struct {
		budget, left time.Duration
		model        topology.ModelID
		reason       string
	}{
		// 256 tokens at 25, 18, 7 ms a step take 6.4, 4.6 and 1.8 s.
		{10 * time.Second, -1, routertest.Frontier, "most able within the latency budget"},
		{6 * time.Second, -1, routertest.Large, "most able within the latency budget"},
		{3 * time.Second, -1, routertest.Small, "most able within the latency budget"},
		{10 * time.Second, 3 * time.Second, routertest.Small, "most able within the latency budget"},
		{time.Second, -1, routertest.Small, "nothing keeps the latency budget: quickest"},
		{0, -1, routertest.Frontier, "most able within the latency budget"}, // the default, 8 s here
	} {
		req := plain(w)
		req.LatencyBudget, req.History.TimeLeft = c.budget, c.left
		d := route(t, w, "latency-budget:default=8s", &req)
		if d.Target.Model != c.model || d.Reason != c.reason {
			t.Errorf("budget %v, %v left: model %d (%s), want %d", c.budget, c.left, d.Target.Model, d.Reason, c.model)
		}
	}
}

func TestCostCapTakesTheMostAbleThatFits(t *testing.T) {
	w := routertest.Continuum(t, 20)
	// 1,000 tokens in and 256 out cost 506 microdollars times 4^(model-1).
	for spec, model := range map[string]topology.ModelID{
		"cost-cap:usd=none":    routertest.Frontier,
		"cost-cap:usd=0.00811": routertest.Frontier,
		"cost-cap:usd=0.0080":  routertest.Large,
		"cost-cap:usd=0.0006":  routertest.Small,
		"cost-cap:usd=0.0002":  routertest.Tiny,
		"cost-cap:usd=0":       routertest.Tiny, // nothing fits: the cheapest
	} {
		req := plain(w)
		if d := route(t, w, spec, &req); d.Target.Model != model {
			t.Errorf("%s: model %d, want %d (%s)", spec, d.Target.Model, model, d.Reason)
		}
	}
}

func TestMinLatencyWeighsCacheAgainstQueue(t *testing.T) {
	w := routertest.Continuum(t, 20)
	req := plain(w)
	req.Input = 30_000 // 3.75 s of prefill at a metro site
	cold := route(t, w, "min-latency", &req)
	away := w.Nearest(w.OriginPlace(0))[4]
	d := w.Deployment(away, routertest.Small)
	req.History.Warm[0] = router.Warm{Target: router.Target{Site: away, Model: d.Model, Replica: d.First + 1}, Tokens: 29_000}
	if cold.Target.Site == away {
		t.Fatal("the case needs a site that is not chosen anyway")
	}
	r := newRouter(t, w, "min-latency")
	if got := routeWith(t, r, &req); got.Target != req.History.Warm[0].Target {
		t.Errorf("warm at %+v, routed to %+v", req.History.Warm[0].Target, got.Target)
	}
	r.Observe(0, d.First+1, d.Slots, 60) // the queue costs more than the prefill
	if got := routeWith(t, r, &req); got.Target == req.History.Warm[0].Target {
		t.Error("stays at a warm replica behind a long queue")
	}
	if got := route(t, w, "min-latency:ability=1.5", &req); got.Target.Model != routertest.Frontier {
		t.Errorf("model %d is below the floor", got.Target.Model)
	}
}

func TestHedgeGoesToAnotherSite(t *testing.T) {
	w := routertest.Continuum(t, 20)
	req := plain(w)
	d := route(t, w, "hedged:factor=2", &req)
	if d.HedgeAfter <= 0 || d.FallbackCount == 0 || d.Fallbacks[0].Site == d.Target.Site {
		t.Errorf("%+v: want a hedge at another site", d)
	}
	once := route(t, w, "hedged:factor=1", &req)
	if diff := d.HedgeAfter - 2*once.HedgeAfter; diff < -1 || diff > 1 {
		t.Errorf("hedges after %v and %v: not proportional to the factor", d.HedgeAfter, once.HedgeAfter)
	}
	if off := route(t, w, "hedged:factor=0", &req); off.HedgeAfter != 0 {
		t.Errorf("factor 0 hedges after %v", off.HedgeAfter)
	}
}

func TestOracle(t *testing.T) {
	w := routertest.Continuum(t, 20)
	r := newRouter(t, w, "oracle")
	req := plain(w)
	right := map[topology.ModelID]bool{routertest.Large: true, routertest.Frontier: true}
	slow := topology.ReplicaID(topology.None)
	f := router.Future{
		Output:  10,
		Correct: func(m topology.ModelID) bool { return right[m] },
		Wait: func(r topology.ReplicaID) time.Duration {
			if r == slow {
				return time.Minute
			}
			return 0
		},
		Cached: func(topology.ReplicaID) int { return 0 },
	}
	var d router.Decision
	r.RouteKnowing(time.Second, &req, &f, &d)
	if d.Target.Model != routertest.Large {
		t.Errorf("model %d, want the quicker of those that are right", d.Target.Model)
	}
	slow = d.Target.Replica
	r.RouteKnowing(time.Second, &req, &f, &d)
	if d.Target.Replica == slow {
		t.Error("takes a replica that is known to be slow")
	}
	clear(right)
	r.RouteKnowing(time.Second, &req, &f, &d)
	if d.Reason != "oracle: no model answers right, quickest" {
		t.Errorf("no model is right: %s", d.Reason)
	}
}

func TestRetriesGoElsewhere(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for _, e := range router.Catalogue() {
		req := plain(w)
		first := route(t, w, e.Name, &req)
		req.Attempt, req.Tried, req.Last = 2, []router.Target{first.Target}, workloads.StatusRejected
		second := route(t, w, e.Name, &req)
		if second.Target.Site == first.Target.Site && second.Target.Model == first.Target.Model {
			t.Errorf("%s: rejected by %+v and sent there again", e.Name, first.Target)
		}
	}
}
