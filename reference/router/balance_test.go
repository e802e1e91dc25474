package router_test

import (
	"testing"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
	"tierlab/reference/topology"
)

func TestNearestPassesFullSites(t *testing.T) {
	w := routertest.Continuum(t, 20)
	r := newRouter(t, w, "nearest")
	req := plain(w)
	if d := routeWith(t, r, &req); d.Target.Site != req.Home {
		t.Errorf("site %d, want the home", d.Target.Site)
	}
	d := w.Deployment(req.Home, routertest.Small)
	for i := range topology.ReplicaID(2) {
		r.Observe(0, d.First+i, d.Slots, 0)
	}
	if d := routeWith(t, r, &req); d.Target.Site == req.Home || d.Reason != "nearest with capacity" {
		t.Errorf("the home is full: %+v", d)
	}
	for i := range w.Replicas {
		r.Observe(0, topology.ReplicaID(i), 1000, 5)
	}
	if d := routeWith(t, r, &req); d.Target.Site != req.Home || d.Reason != "nearest; all are full" {
		t.Errorf("all are full: %+v, want the home", d)
	}
}

func TestSessionAffinityStays(t *testing.T) {
	w := routertest.Continuum(t, 20)
	r := newRouter(t, w, "session-affinity")
	req := plain(w)
	req.Session = 42
	first := routeWith(t, r, &req).Target
	if again := routeWith(t, r, &req).Target; again != first {
		t.Errorf("%+v, then %+v", first, again)
	}
	far := w.Deployment(topology.SiteID(len(w.Sites)-1), routertest.Large)
	warm := router.Target{Site: topology.SiteID(len(w.Sites) - 1), Model: routertest.Large, Replica: far.First + 3}
	req.History.Warm[0] = router.Warm{Target: warm, Tokens: 10}
	if d := routeWith(t, r, &req); d.Target != warm {
		t.Errorf("warm at %+v, routed to %+v", warm, d.Target)
	}
	// A failure moves the failed deployment's sessions and no others.
	r.ObserveSite(first.Site, true)
	for session := range uint64(200) {
		req := plain(w)
		req.Session = session
		before := route(t, w, "session-affinity", &req).Target
		after := routeWith(t, r, &req).Target
		if before.Site != first.Site && before != after {
			t.Errorf("session %d moved from %+v to %+v when site %d failed", session, before, after, first.Site)
		}
	}
}

func TestBalancersSpread(t *testing.T) {
	w := routertest.Continuum(t, 20)
	counts := func(spec string) map[topology.ReplicaID]int {
		r := newRouter(t, w, spec)
		seen := map[topology.ReplicaID]int{}
		for i := range 1800 {
			req := plain(w)
			req.Draw = rng.New(7, 0).Fold(uint64(i))
			seen[routeWith(t, r, &req).Target.Replica]++
		}
		return seen
	}
	// Two metro sites of two text replicas, two regional ones of 2 + 4.
	for spec, n := range map[string]int{"round-robin:tier=regional": 12, "random:tier=regional": 12, "p2c:tier=regional": 12} {
		seen := counts(spec)
		if len(seen) != n {
			t.Errorf("%s: %d replicas used, want %d", spec, len(seen), n)
		}
		for r, c := range seen {
			switch {
			case spec[:2] == "ro" && c != 150, spec[:2] == "ra" && (c < 100 || c > 210):
				t.Errorf("%s: replica %d has %d of 1800, want about 150", spec, r, c)
			case spec[:2] == "p2" && c < 50: // it prefers replicas with many slots
				t.Errorf("%s: replica %d has %d of 1800", spec, r, c)
			}
		}
	}
}

func TestTwoChoicesTakeTheLessLoaded(t *testing.T) {
	w := routertest.Continuum(t, 20)
	r := newRouter(t, w, "p2c:tier=regional")
	req := plain(w)
	busiest := routeWith(t, r, &req).Target.Replica
	r.Observe(0, busiest, 16, 9)
	for i := range 500 {
		req := plain(w)
		req.Draw = rng.New(8, 0).Fold(uint64(i))
		d := routeWith(t, r, &req)
		if d.FallbackCount > 0 && d.Target.Replica == busiest {
			t.Fatalf("draw %d: took the busier of two", i)
		}
	}
	least := newRouter(t, w, "least-loaded:tier=regional,near=1")
	for i := range w.Replicas {
		least.Observe(0, topology.ReplicaID(i), 8, 0)
	}
	site := routeWith(t, least, &req).Target.Site
	idle := w.Deployment(site, routertest.Large).First + 2
	least.Observe(0, idle, 0, 0)
	if d := routeWith(t, least, &req); d.Target.Replica != idle {
		t.Errorf("replica %d, want the idle one, %d", d.Target.Replica, idle)
	}
}
