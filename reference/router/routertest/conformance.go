package routertest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tierlab/reference/router"
	"tierlab/reference/topology"
)

// Conform holds a policy to the laws of the package comment. fresh makes a
// new policy.
func Conform(t *testing.T, fresh func() router.Policy) {
	t.Run("decisions", func(t *testing.T) {
		reasons := map[string]bool{}
		rapid.Check(t, func(t *rapid.T) { decisions(t, fresh, reasons) })
		if len(reasons) > maxReasons {
			t.Errorf("law 6: %d reasons: %q", len(reasons), slices.Sorted(maps.Keys(reasons)))
		}
	})
	t.Run("allocations", func(t *testing.T) { allocations(t, fresh) })
}

// maxReasons is how many reasons of its own a policy may have: more are a
// sign that reasons are made up per decision.
const maxReasons = 6

// decisions checks laws 1 to 6 on one world and a few requests.
func decisions(t *rapid.T, fresh func() router.Policy, reasons map[string]bool) {
	w := anyWorld(t)
	s := &state{
		world: w, config: router.DefaultConfig(),
		off: map[topology.SiteID]bool{}, without: map[topology.ModelID]bool{},
		down: map[topology.SiteID]bool{}, open: map[router.Target]bool{},
	}
	table := router.NewTable(w)
	a, b := router.New(table, fresh(), s.config), router.New(table, fresh(), s.config)
	bare := fresh()
	disturb(t, s, a, b)
	for range rapid.IntRange(1, 4).Draw(t, "requests") {
		req := anyRequest(t, w)
		before := fmt.Sprintf("%+v", req)
		future := Future(1)

		var raw router.Decision
		answer(bare, &req, a.View(), future, &raw)
		if raw.Target != router.NoTarget {
			if rule := s.broken(&req, raw.Target); rule != "" {
				t.Fatalf("law 1: the policy itself answers %+v, against %s", raw.Target, rule)
			}
		} else if admissible, _ := s.best(&req); admissible {
			t.Fatalf("law 2: the policy itself finds no target, but the rules admit one")
		}

		var da router.Decision
		db := router.Decision{Reason: "stale", FallbackCount: 3, HedgeAfter: 1, Estimate: 1, ReserveUSD: 1}
		a.RouteKnowing(now, &req, future, &da)
		if !b.Clairvoyant() { // it must make no difference what the future holds
			future = Future(2)
		}
		b.RouteKnowing(now, &req, future, &db)
		if fmt.Sprintf("%+v", da) != fmt.Sprintf("%+v", db) {
			t.Fatalf("law 3: two fresh routers and the same requests, but %+v and %+v", da, db)
		}
		if after := fmt.Sprintf("%+v", req); after != before {
			t.Fatalf("law 4: the request was %s and is now %s", before, after)
		}
		check(t, s, &req, &da)
		if !strings.HasPrefix(da.Reason, "rule: ") {
			reasons[da.Reason] = true
		}
	}
}

// answer asks a policy without a router around it.
func answer(p router.Policy, req *router.Request, v *router.View, f *router.Future, d *router.Decision) {
	d.Target = router.NoTarget
	if c, ok := p.(router.Clairvoyant); ok {
		c.RouteKnowing(req, v, f, d)
		return
	}
	p.Route(req, v, d)
}

// check checks laws 1, 2, 5 and 6 on one decision.
func check(t *rapid.T, s *state, req *router.Request, d *router.Decision) {
	if d.Reason == "" {
		t.Fatal("law 6: no reason")
	}
	admissible, fine := s.best(req)
	if d.Target == router.NoTarget {
		if admissible {
			t.Fatalf("law 2: no target, but the rules admit one; reason %q", d.Reason)
		}
		return
	}
	price := 0.0
	targets := append([]router.Target{d.Target}, d.Fallbacks[:d.FallbackCount]...)
	for i, u := range targets {
		if rule := s.broken(req, u); rule != "" {
			t.Fatalf("law 1: target %d of %+v is against %s", i, targets, rule)
		}
		if u.Replica == topology.None {
			t.Fatalf("law 5: target %d of %+v names no replica", i, targets)
		}
		for _, earlier := range targets[:i] {
			if earlier.Site == u.Site && earlier.Model == u.Model {
				t.Fatalf("law 5: %+v names a deployment twice", targets)
			}
		}
		price = max(price, s.price(req, s.world.Deployment(u.Site, u.Model)))
	}
	if fine && !s.fine(req, d.Target) {
		t.Fatalf("law 2: %+v is down or has failed this step, and another would do", d.Target)
	}
	if math.Abs(d.ReserveUSD-price) > 1e-9*(1+price) {
		t.Fatalf("law 5: %g dollars are reserved, and the dearest target costs up to %g", d.ReserveUSD, price)
	}
	if d.Estimate < 0 || d.HedgeAfter < 0 || d.HedgeAfter > 0 && d.FallbackCount == 0 {
		t.Fatalf("law 5: estimate %v, hedge after %v with %d fallbacks", d.Estimate, d.HedgeAfter, d.FallbackCount)
	}
}

// allocations checks law 7 in a world of a hundred sites.
func allocations(t *testing.T, fresh func() router.Policy) {
	w := Continuum(t, 100)
	r := router.New(router.NewTable(w), fresh(), router.DefaultConfig())
	Load(r, 1)
	reqs := Requests(w, 200)
	future := Future(1)
	var d router.Decision
	i := 0
	one := func() {
		r.RouteKnowing(now, &reqs[i%len(reqs)], future, &d)
		i++
	}
	for range reqs { // policies may fill tables by place
		one()
	}
	if n := testing.AllocsPerRun(len(reqs), one); n != 0 {
		t.Errorf("law 7: %g allocations for a decision", n)
	}
}
