package sim

import (
	"testing"
	"time"

	"tierlab/configs"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// TestTransitionsByHand: a workflow service makes its transitions once for
// each model call, in time as in money, whatever is committed around it.
func TestTransitionsByHand(t *testing.T) {
	lib := chain(t, 3, 100, 10, func(k int, s *workloads.Step) {
		s.Tools = []workloads.Tool{{Name: "x", Duration: workloads.Millis(time.Second)}}
	})
	for _, commits := range []bool{false, true} {
		cfg := smallPoint(t, "static-central", still, func(w *topology.World) {
			w.Platform.Orchestration = topology.Orchestration{
				Service: true, TransitionP50: 40 * time.Millisecond, TransitionP99: 40 * time.Millisecond,
				StepsPerCall: 4, USDPerStep: 0.01,
			}
			w.Platform.State.CommitP50 = 5 * time.Millisecond
		})
		cfg.Scenario = scenario(t, cfg.Scenario.World, lib)
		cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 1
		cfg.Agent.Validate, cfg.Agent.CommitEach = false, commits
		b, _ := play(t, cfg)
		want := 3 * 4 * 40 * time.Millisecond
		if commits {
			want += 3 * 2 * 5 * time.Millisecond
		}
		r := b.sessions[0].Result
		if r.Split.State.D() != want {
			t.Errorf("commits %t: %v of state, want %v", commits, r.Split.State.D(), want)
		}
		if got := r.USD.Orchestration; got < 0.12-1e-9 || got > 0.12+1e-9 {
			t.Errorf("commits %t: $%g of transitions, want 12 at $0.01", commits, got)
		}
	}
}

// TestStateStoreFromTheDevice: a session whose home is its user's device pays
// the way to an external store; a private one keeps its events there.
func TestStateStoreFromTheDevice(t *testing.T) {
	w, err := topology.Load(configs.FS, "hyperscaler-aws")
	if err != nil {
		t.Fatal(err)
	}
	home, err := router.ParseHome("device")
	if err != nil {
		t.Fatal(err)
	}
	least := time.Hour
	for _, o := range w.Origins {
		least = min(least, w.Link(w.OriginPlace(o.ID), w.SitePlace(w.NearestIn(w.OriginPlace(o.ID), topology.Regional))).RTT)
	}
	for _, private := range []bool{false, true} {
		lib := chain(t, 1, 100, 10)
		lib.Sessions[0].Session.Data = &workloads.DataRules{PII: private}
		cfg := smallPoint(t, "static-device")
		cfg.Scenario = scenario(t, w, lib)
		cfg.Home, cfg.Arrivals, cfg.Sessions = home, Arrivals{Process: Closed, N: 1}, 1
		cfg.Agent.Validate = false
		p := newPoint(&cfg)
		p.firstArrivals()
		_, e, _ := p.kernel.Next()
		p.dispatch(&e)
		took := p.commitTime(p.sessions[0], &agent.Effect{Kind: agent.Commit, Bytes: 100})
		if far := took > least; far == private {
			t.Errorf("private %t: a commit takes %v, the nearest region is %v away", private, took, least)
		}
	}
}
