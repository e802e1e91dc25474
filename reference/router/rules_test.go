package router_test

import (
	"testing"

	"pgregory.net/rapid"

	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
	"tierlab/reference/topology"
)

// rogue answers with what it is told, whatever the rules.
type rogue struct{ answer router.Decision }

func (rogue) Name() string { return "rogue" }

func (p rogue) Route(_ *router.Request, _ *router.View, d *router.Decision) { *d = p.answer }

// TestRouterOverrulesPolicies hands the Router answers that break one rule
// each and looks for the nearest target that keeps it.
func TestRouterOverrulesPolicies(t *testing.T) {
	w := routertest.Continuum(t, 20)
	home := plain(w).Home
	small := w.Deployment(home, routertest.Small)
	answer := router.Target{Site: home, Model: routertest.Small, Replica: small.First}
	elsewhere := func(s *topology.Site) bool { return s.Region != w.Sites[home].Region }
	for _, c := range []struct {
		name   string
		answer router.Target
		change func(*router.Request, *router.Router)
		rule   router.Rule
		keeps  func(router.Target) bool
	}{
		{"pii", answer, func(q *router.Request, _ *router.Router) { q.PII = true }, router.RulePII,
			func(u router.Target) bool { return u.Site == w.DeviceSite }},
		{"pin", answer, func(q *router.Request, _ *router.Router) { q.Pin = routertest.Large }, router.RulePin,
			func(u router.Target) bool { return u.Model == routertest.Large }},
		{"modality", answer, func(q *router.Request, _ *router.Router) { q.Modality = "vision" }, router.RuleModality,
			func(u router.Target) bool { return u.Model == routertest.Vision && u.Site == home }},
		{"context", answer, func(q *router.Request, _ *router.Router) { q.Input = 131_072 - 4096 + 1 }, router.RuleContext,
			func(u router.Target) bool { return u.Model == routertest.Frontier }},
		{"residency", answer, func(q *router.Request, _ *router.Router) {
			q.Residency, q.Pin = []string{"us"}, routertest.Small
		}, router.RuleResidency, func(u router.Target) bool { return elsewhere(&w.Sites[u.Site]) }},
		{"site switch", answer, func(q *router.Request, r *router.Router) { r.Switch(home, true) }, router.RuleSwitch,
			func(u router.Target) bool { return u.Site != home }},
		{"model switch", answer, func(q *router.Request, r *router.Router) { r.SwitchModel(routertest.Small, true) },
			router.RuleSwitch, func(u router.Target) bool { return u.Model != routertest.Small }},
		{"budget", answer, func(q *router.Request, _ *router.Router) { q.History.USDLeft = 0.002 }, router.RuleBudget,
			func(u router.Target) bool { return u.Model == routertest.Tiny }},
		{"no site", router.Target{Site: 999, Model: 0, Replica: 0}, func(*router.Request, *router.Router) {},
			router.RuleTarget, func(router.Target) bool { return true }},
		{"foreign replica", router.Target{Site: home, Model: routertest.Small, Replica: 0},
			func(*router.Request, *router.Router) {}, router.RuleTarget, func(router.Target) bool { return true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := plain(w)
			r := router.New(router.NewTable(w), rogue{router.Decision{
				Target: c.answer, Reason: "because", Fallbacks: [3]router.Target{c.answer}, FallbackCount: 9,
			}}, router.DefaultConfig())
			c.change(&req, r)
			d := routeWith(t, r, &req)
			if d.Target == router.NoTarget || !c.keeps(d.Target) || d.Reason != string(c.rule) {
				t.Errorf("%+v, want reason %q", d, c.rule)
			}
		})
	}
}

func TestNoTarget(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for name, change := range map[string]func(*router.Request){
		"modality":  func(q *router.Request) { q.Modality = "smell" },
		"residency": func(q *router.Request) { q.Residency, q.Pin = []string{"moon"}, routertest.Large },
		"pii":       func(q *router.Request) { q.PII, q.Pin = true, routertest.Large },
		"budget":    func(q *router.Request) { q.History.USDLeft = 0 },
	} {
		for _, policy := range []string{"static-metro", "p2c", "min-latency", "cascade"} {
			req := plain(w)
			change(&req)
			if d := route(t, w, policy, &req); d.Target != router.NoTarget || d.FallbackCount != 0 || d.Reason == "" {
				t.Errorf("%s, %s: %+v, want no target and a reason", name, policy, d)
			}
		}
	}
}

// TestSwitchBack is for the state that a kill switch leaves behind.
func TestSwitchBack(t *testing.T) {
	w := routertest.Continuum(t, 20)
	r := newRouter(t, w, "static-metro")
	req := plain(w)
	r.Switch(req.Home, true)
	r.SwitchModel(routertest.Small, true)
	if d := routeWith(t, r, &req); d.Target.Site == req.Home || d.Target.Model == routertest.Small {
		t.Errorf("routed to %+v, which is off", d.Target)
	}
	r.Switch(req.Home, false)
	r.SwitchModel(routertest.Small, false)
	if d := routeWith(t, r, &req); d.Target.Site != req.Home {
		t.Errorf("routed to %+v, want the home again", d.Target)
	}
}

func TestReplicaChoice(t *testing.T) {
	w := routertest.Continuum(t, 20)
	central := topology.SiteID(len(w.Sites) - 1)
	d := w.Deployment(central, routertest.Large) // eight replicas of 32 slots
	policy := rogue{router.Decision{
		Target: router.Target{Site: central, Model: routertest.Large, Replica: topology.None}, Reason: "because",
	}}
	chosen := func(loads [8]int, req *router.Request) topology.ReplicaID {
		r := router.New(router.NewTable(w), policy, router.DefaultConfig())
		for i, n := range loads {
			r.Observe(0, d.First+topology.ReplicaID(i), min(n, 32), max(n-32, 0))
		}
		return routeWith(t, r, req).Target.Replica - d.First
	}
	warm := func(replica topology.ReplicaID, tokens int) router.Request {
		req := plain(w)
		req.Input = 20_000
		req.History.Warm[2] = router.Warm{
			Target: router.Target{Site: central, Model: routertest.Large, Replica: d.First + replica}, Tokens: tokens,
		}
		return req
	}
	cold := plain(w)
	if got := chosen([8]int{3, 3, 3, 1, 3, 3, 3, 3}, &cold); got != 3 {
		t.Errorf("cold: replica %d, want the least loaded, 3", got)
	}
	for _, c := range []struct {
		name   string
		load   int // of the warm replica
		tokens int
		want   topology.ReplicaID
	}{
		{"a free slot", 31, 100, 5},
		// One sequence ends every 256 x 19.6 ms / 32 = 157 ms; 4,000 tokens take 800 ms.
		{"a short queue", 32 + 3, 4000, 5},
		{"a longer queue", 32 + 6, 4000, 3},
		{"no tokens", 32, 0, 3},
		{"more tokens than the prompt", 32 + 30, 1 << 40, 3},
	} {
		req := warm(5, c.tokens)
		if got := chosen([8]int{3, 3, 3, 1, 3, c.load, 3, 3}, &req); got != c.want {
			t.Errorf("%s: replica %d, want %d", c.name, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := router.New(router.NewTable(w), policy, router.DefaultConfig())
		for range rapid.IntRange(0, 30).Draw(t, "reports") {
			i := topology.ReplicaID(rapid.IntRange(0, d.Replicas-1).Draw(t, "replica"))
			r.Observe(0, d.First+i, rapid.IntRange(0, 3).Draw(t, "running"), rapid.IntRange(0, 1).Draw(t, "queued"))
			req := plain(w)
			req.Session = rapid.Uint64().Draw(t, "session")
			var got router.Decision
			r.Route(0, &req, &got)
			loads := r.View().Loads[d.First : d.First+topology.ReplicaID(d.Replicas)]
			chosen := loads[got.Target.Replica-d.First]
			for _, l := range loads {
				if l.Running+l.Queued < chosen.Running+chosen.Queued {
					t.Fatalf("chose a load of %+v where there is %+v", chosen, l)
				}
			}
		}
	})
	seen := map[topology.ReplicaID]bool{}
	for i := range uint64(100) {
		req := plain(w)
		req.Session = i
		seen[chosen([8]int{}, &req)] = true
	}
	if len(seen) != 8 {
		t.Errorf("ties fall on %d replicas of 8", len(seen))
	}
}

// TestNoMoneyIsToldFromNoSite: where nothing is admitted, the reason says
// whether more money would help.
func TestNoMoneyIsToldFromNoSite(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for _, c := range []struct {
		name    string
		change  func(*router.Request)
		ofMoney bool
	}{
		{"no money", func(q *router.Request) { q.Pin, q.History.USDLeft = routertest.Frontier, 1e-6 }, true},
		{"no site", func(q *router.Request) { q.Modality = "smell" }, false},
		{"neither", func(q *router.Request) { q.Modality, q.History.USDLeft = "smell", 1e-6 }, false},
	} {
		req := plain(w)
		c.change(&req)
		d := route(t, w, "p2c", &req)
		if d.Target != router.NoTarget || (d.Reason == string(router.RuleBudget)) != c.ofMoney {
			t.Errorf("%s: target %+v, reason %q", c.name, d.Target, d.Reason)
		}
	}
}

// TestReservationCoversEgress: bytes that leave the home and the site are part
// of what an attempt may cost.
func TestReservationCoversEgress(t *testing.T) {
	w := routertest.Continuum(t, 20)
	req := plain(w)
	free := route(t, w, "static-central", &req)
	for i := range w.Sites {
		w.Sites[i].EgressUSDPerGB = 0.1
	}
	w.Platform.BytesPerToken, w.Platform.SSEBytes = 4, 150
	paid := route(t, w, "static-central", &req)
	output := float64(router.DefaultConfig().MaxOutput)
	want := free.ReserveUSD + (1000*4+output*(4+150)*2)*0.1/1e9
	if diff := paid.ReserveUSD - want; diff > 1e-12 || diff < -1e-12 {
		t.Errorf("reserved $%.9f, want $%.9f: prompt from the home, answer from the site and on to the user", paid.ReserveUSD, want)
	}
}
