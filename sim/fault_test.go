package sim

import (
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/sim/site"
	"tierlab/workloads"
)

// TestRestartEmptiesTheCache: after its site was down, a replica computes the
// whole prompt anew.
func TestRestartEmptiesTheCache(t *testing.T) {
	cached := func(faults ...topology.Fault) int {
		lib := chain(t, 2, 1000, 10, func(k int, s *workloads.Step) {
			if k == 1 {
				s.After[0].Delay = workloads.Millis(time.Minute)
			}
		})
		cfg := smallPoint(t, "static-central", still, func(w *topology.World) { w.Faults = faults })
		cfg.Scenario = scenario(t, cfg.Scenario.World, lib)
		cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 1
		cfg.Agent.Validate = false
		b, _ := play(t, cfg)
		return b.steps[1].Attempts[0].Cached
	}
	if got := cached(); got != 1010 {
		t.Fatalf("without a fault %d tokens are cached, want 1010", got)
	}
	if got := cached(topology.Fault{Site: 4, Start: 20 * time.Second, Length: time.Second, Probability: 1, Down: true}); got != 0 {
		t.Errorf("after a restart %d tokens are cached", got)
	}
}

// TestFaultWindowsJoin: a site is down as long as any of its faults is.
func TestFaultWindowsJoin(t *testing.T) {
	const second = time.Second
	for name, faults := range map[string][]topology.Fault{
		"overlap": {
			{Site: 4, Start: 0, Length: 10 * second, Probability: 1, Down: true},
			{Site: 4, Start: 5 * second, Length: 15 * second, Probability: 1, Down: true},
		},
		"adjoin": {{Site: 4, Start: 0, Length: 10 * second, Every: 10 * second, Probability: 1, Down: true}},
	} {
		cfg := smallPoint(t, "static-central", still, func(w *topology.World) { w.Faults = faults })
		p := newPoint(&cfg)
		p.scheduleFaults()
		for at, e, ok := p.kernel.Next(); ok && at <= 15*second; at, e, ok = p.kernel.Next() {
			p.now = at
			p.dispatch(&e)
		}
		for i := range p.replicas {
			if p.world.Replicas[i].Site == 4 && !p.replicas[i].server.Down() {
				t.Errorf("%s: a replica serves while its site is down", name)
			}
		}
		if !p.router.View().Down[4] {
			t.Errorf("%s: the router believes that the site is up", name)
		}
	}
}

// TestReportsAreLate: what the router sees of a replica and of a site's health
// is as old as the way from there, and comes no earlier than the interval.
func TestReportsAreLate(t *testing.T) {
	cfg := smallPoint(t, "static-central", still)
	p := newPoint(&cfg)
	// Homes are metro-a and metro-b: the central site is 250 ms from both.
	if p.lag[4] != 125*time.Millisecond {
		t.Fatalf("reports of the central site take %v, want half of 250 ms", p.lag[4])
	}
	first := topology.ReplicaID(0)
	for p.world.Replicas[first].Site != 4 {
		first++
	}
	r := &p.replicas[first]
	loads := &p.router.View().Loads[first]
	run := func(n int) { // n jobs that never end
		p.afterMove(int32(first), nil)
		for r.server.InService() < n {
			_, _, moved := r.queue.Arrive(p.now, site.Job{Tag: uint64(r.server.InService()), Prefill: time.Hour}, nil)
			p.afterMove(int32(first), moved)
		}
	}
	p.calls = make([]call, 32)
	for _, c := range []struct {
		at      time.Duration
		run     int
		seen    int32
		sampled time.Duration
	}{
		{at: 0, run: 3},
		{at: 499, run: 7},  // sampled at 500 ms
		{at: 600, run: 9},  // after the sample
		{at: 624, seen: 0}, // it is on its way for 125 ms
		{at: 625, seen: 7, sampled: 500},
		{at: 1124, seen: 7, sampled: 500},
		{at: 1125, seen: 9, sampled: 1000},
		{at: 5000, seen: 9, sampled: 1000}, // nothing has changed
	} {
		at := c.at * time.Millisecond
		for next, ok := p.kernel.Peek(); ok && next <= at; next, ok = p.kernel.Peek() {
			now, e, _ := p.kernel.Next()
			p.now = now
			p.dispatch(&e)
		}
		p.now = at
		run(c.run)
		if loads.Running != c.seen || loads.At != c.sampled*time.Millisecond {
			t.Errorf("at %v the view says %+v, want %d running at %d ms", at, *loads, c.seen, c.sampled)
		}
	}
}

// TestSlowSite: a fault that slows a site lengthens every way to it.
func TestSlowSite(t *testing.T) {
	cfg := smallPoint(t, "static-central", still, func(w *topology.World) {
		w.Faults = []topology.Fault{{Site: 4, Start: time.Second, Length: time.Second, Probability: 1, Slow: 3}}
	})
	p := newPoint(&cfg)
	for i := range p.world.Sites {
		a, b := topology.Place(i), p.world.OriginPlace(0)
		before, during := p.net.RTT(1500*time.Millisecond+1e9, a, b), p.net.RTT(1500*time.Millisecond, a, b)
		base := p.world.Link(a, b).RTT
		if slow := during >= 3*base; slow != (i == 4) {
			t.Errorf("site %s: round trip %v, %v without the fault", p.world.Sites[i].Name, during, before)
		}
	}
}

// TestTimeoutsTripTheBreaker: attempts that run into their limit count as
// failures of the deployment, as router.Feedback says.
func TestTimeoutsTripTheBreaker(t *testing.T) {
	cfg := smallPoint(t, "static-central", still)
	cfg.Scenario = scenario(t, cfg.Scenario.World, chain(t, 1, 1000, 10_000))
	cfg.Agent.Validate, cfg.Agent.AttemptTimeout, cfg.Agent.MaxAttempts = false, 2*time.Second, 1
	cfg.Router.Breaker = router.BreakerConfig{Failures: 3, CoolDown: time.Hour}
	cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 6
	b, totals := play(t, cfg)
	if totals.Timeouts != totals.Cancelled || totals.Timeouts < 6 {
		t.Errorf("%d timeouts of %d cancelled attempts, want all", totals.Timeouts, totals.Cancelled)
	}
	central := 0
	for _, o := range b.steps {
		if o.Attempts[0].Model == "frontier" {
			central++
		}
	}
	if central != 3 {
		t.Errorf("%d attempts went to a deployment whose breaker opens after 3 failures", central)
	}
}

// TestFailover: faults cost time, never a session: every site but one region's
// fails now and then, and all sessions end well.
func TestFailover(t *testing.T) {
	for _, policy := range []string{"static-metro", "p2c", "min-latency", "session-affinity"} {
		cfg := smallPoint(t, policy, func(w *topology.World) {
			for s := topology.SiteID(1); s <= 4; s++ {
				if s == 3 {
					continue
				}
				w.Faults = append(w.Faults, topology.Fault{Site: s, Start: time.Duration(s) * 3 * time.Second,
					Length: 6 * time.Second, Every: 20 * time.Second, Probability: 0.7, Down: true})
			}
		})
		cfg.Agent.Validate, cfg.Agent.MaxAttempts = false, 8
		cfg.Arrivals = Arrivals{Process: Recorded}
		b, totals := play(t, cfg)
		if totals.Failed == 0 {
			t.Errorf("%s: the faults hit no attempt", policy)
		}
		if totals.Finished != len(cfg.Scenario.Library.Sessions) || totals.Active != 0 {
			t.Errorf("%s: %d of %d sessions finished", policy, totals.Finished, len(cfg.Scenario.Library.Sessions))
		}
		for _, o := range b.sessions {
			if o.Status != workloads.StatusOK {
				t.Errorf("%s: session %s ended with %s", policy, o.Session, o.Status)
			}
		}
	}
}
