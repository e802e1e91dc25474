package sim

import (
	"testing"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/topology"
)

// TestOracleSeesTheDevice: what the clairvoyant policy is told of a user's
// device is what an attempt there would meet.
func TestOracleSeesTheDevice(t *testing.T) {
	cfg := smallPoint(t, "oracle", still)
	cfg.Scenario = scenario(t, cfg.Scenario.World, chain(t, 2, 1000, 10))
	cfg.Arrivals = Arrivals{Process: Closed, N: 1}
	p := newPoint(&cfg)
	p.firstArrivals()
	_, e, _ := p.kernel.Next()
	p.dispatch(&e)
	s := p.sessions[0]
	p.futureOf, p.futureStep = s, 1
	if wait, cached := p.future.Wait(0), p.future.Cached(0); wait != 0 || cached != 0 {
		t.Fatalf("an idle device: wait %v, %d tokens cached", wait, cached)
	}
	s.deviceFree = 3 * time.Second
	s.deviceKeep(&call{step: 0, input: 1000, output: 10})
	if wait, cached := p.future.Wait(0), p.future.Cached(0); wait != 3*time.Second || cached != 1010 {
		t.Errorf("wait %v, want 3 s; %d tokens cached, want 1010", wait, cached)
	}
}

// TestDeltaUploads: a site that stores conversations is sent what is new only
// once it has had the rest.
func TestDeltaUploads(t *testing.T) {
	cfg := smallPoint(t, "static-central", still, func(w *topology.World) {
		w.Sites[3].Stores, w.Sites[4].Stores = true, true
		for i := range w.Sites {
			w.Sites[i].Provider, w.Sites[i].EgressUSDPerGB = w.Sites[i].Name, 1e9/4 // a dollar a token of four bytes
		}
	})
	cfg.Scenario = scenario(t, cfg.Scenario.World, chain(t, 2, 1000, 10))
	cfg.Arrivals = Arrivals{Process: Closed, N: 1}
	p := newPoint(&cfg)
	p.firstArrivals()
	_, e, _ := p.kernel.Next()
	p.dispatch(&e)
	s := p.sessions[0]
	sent := func(step int32, to topology.SiteID, m topology.ModelID) float64 {
		d := p.world.Deployment(to, m)
		target := agent.Effect{Kind: agent.Start, Step: step, Attempt: 1}
		target.Target.Site, target.Target.Model, target.Target.Replica = to, m, d.First
		p.startCall(0, s, &target)
		i := s.calls[len(s.calls)-1]
		usd := p.calls[i].egress
		p.callArrives(i, p.calls[i].gen)
		return usd
	}
	for _, c := range []struct {
		step int32
		to   topology.SiteID
		m    topology.ModelID
		want float64
	}{{0, 4, 2, 1000}, {1, 4, 2, 1000}, {1, 3, 1, 2010}, {1, 2, 1, 2010}, {1, 2, 1, 2010}} {
		if got := sent(c.step, c.to, c.m); got != c.want {
			t.Errorf("step %d to site %d: %g tokens sent, want %g", c.step, c.to, got, c.want)
		}
	}
}
