package router_test

import (
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// route is the answer of a fresh router.
func route(t *testing.T, w *topology.World, spec string, req *router.Request) router.Decision {
	t.Helper()
	return routeWith(t, newRouter(t, w, spec), req)
}

func newRouter(t *testing.T, w *topology.World, spec string) *router.Router {
	t.Helper()
	s, err := router.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return router.New(router.NewTable(w), s.New(), router.DefaultConfig())
}

func routeWith(t *testing.T, r *router.Router, req *router.Request) router.Decision {
	t.Helper()
	var d router.Decision
	r.Route(time.Second, req, &d)
	return d
}

// plain is a request of 1,000 tokens from the first origin, at home on the
// nearest metro site, without limits.
func plain(w *topology.World) router.Request {
	return router.Request{
		Home: w.Nearest(w.OriginPlace(0))[1], Pin: topology.None, Input: 1000, Attempt: 1,
		History: router.History{USDLeft: -1, TimeLeft: -1},
	}
}

func TestStaticTiers(t *testing.T) {
	w := routertest.Continuum(t, 20)
	for tier := topology.Device; tier < topology.Tiers; tier++ {
		req := plain(w)
		d := route(t, w, "static-"+tier.String(), &req)
		if got := w.Sites[d.Target.Site].Tier; got != tier {
			t.Errorf("static-%s: routed to tier %s", tier, got)
		}
	}
	req := plain(w)
	d := route(t, w, "static-metro", &req)
	if d.Target.Site != req.Home || d.Target.Model != routertest.Small || d.FallbackCount != 2 {
		t.Errorf("static-metro from a metro home: %+v, want that site's small model and two fallbacks", d)
	}
}

func TestBreakerAndHealthSteerAway(t *testing.T) {
	w := routertest.Continuum(t, 20)
	r := newRouter(t, w, "static-metro")
	req := plain(w)
	first := routeWith(t, r, &req).Target
	for range router.DefaultConfig().Breaker.Failures {
		r.Feedback(time.Second, first, workloads.StatusError, time.Second)
	}
	second := routeWith(t, r, &req).Target
	if second.Site == first.Site {
		t.Error("the breaker is open and the site still chosen")
	}
	r.ObserveSite(second.Site, true)
	if d := routeWith(t, r, &req); d.Target.Site == first.Site || d.Target.Site == second.Site {
		t.Errorf("routed to site %d, which is down or failing", d.Target.Site)
	}
	for s := range w.Sites {
		r.ObserveSite(topology.SiteID(s), true)
	}
	if d := routeWith(t, r, &req); d.Target == router.NoTarget {
		t.Error("everything is down: something should still be tried")
	}
}
