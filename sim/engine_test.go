package sim

import (
	"context"
	"strings"
	"testing"
	"time"

	"tierlab/engine/sched"
	"tierlab/reference/topology"
	"tierlab/sim/batching"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

// TestEngineBooks: engines compute, reuse, evict and preempt, and the books of
// every policy hold.
func TestEngineBooks(t *testing.T) { // INV-3, INV-12
	var all Engines
	for _, policy := range everyPolicy() {
		_, totals := play(t, pointAt(t, Engine, policy, withFault))
		e := totals.Engines
		if e.Jobs == 0 && policy != "static-device" || e.Produced > e.Rows || e.Iterations > e.Rows {
			t.Errorf("%s: %+v", policy, e)
		}
		all.Preempted += e.Preempted
		all.Evicted += e.Evicted
		all.Found += e.Found
	}
	if all.Preempted == 0 || all.Evicted == 0 || all.Found == 0 {
		t.Errorf("nothing was preempted, evicted or found: %+v", all)
	}
}

// onlyCentral is a still world with one deployment at its central site.
func onlyCentral(w *topology.World) {
	still(w)
	w.Sites[4].Deployments = w.Sites[4].Deployments[:1]
	w.Sites[4].Deployments[0].Context = 10_000
}

// quiet is a point of one session in an engine's world, without checks and commits.
func quiet(t *testing.T, lib *workloads.Library, change ...func(*topology.World)) Config {
	t.Helper()
	cfg := smallPoint(t, "static-central", append([]func(*topology.World){onlyCentral}, change...)...)
	cfg.Fidelity = Engine
	cfg.Scenario = scenario(t, cfg.Scenario.World, lib)
	cfg.Agent.Validate, cfg.Agent.CommitEach = false, false
	cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 1
	return cfg
}

// TestEngineByHand adds up two steps on an engine: chunks of the prompt, then an
// iteration for each further token, each by the step-time model; the second
// step finds the whole blocks of the first's context.
func TestEngineByHand(t *testing.T) {
	const input, output = 5000, 101
	cfg := quiet(t, chain(t, 2, input, output))
	b, totals := play(t, cfg)
	d := &cfg.Scenario.World.Sites[4].Deployments[0]
	model := steptime.Of(d)
	batching, _ := cfg.batching(d)
	prefill, decode := time.Duration(0), time.Duration(0)
	for at := 0; at < input; {
		n := min(input-at, batching.Sched.Budget)
		if at+n < input {
			n -= (at + n) % batching.KV.BlockTokens
		}
		prefill += model.StepTime(shapeOf(at, n))
		at += n
	}
	for k := range output - 1 {
		decode += model.StepTime(shapeOf(input+k, 1))
	}
	a := b.steps[0].Attempts[0]
	if a.Prefill.D() != prefill || a.Decode.D() != decode || a.Queue != 0 || a.Cached != 0 {
		t.Errorf("queue %v, prefill %v, decode %v, %d cached; by hand 0, %v, %v", a.Queue.D(), a.Prefill.D(), a.Decode.D(), a.Cached, prefill, decode)
	}
	if got, want := b.steps[1].Attempts[0].Cached, (input+output-1)/batching.KV.BlockTokens*batching.KV.BlockTokens; got != want {
		t.Errorf("the second step finds %d tokens resident, want %d", got, want)
	}
	if e := totals.Engines; e.Computed+e.Found != 2*input+output+2*(output-1)+input || e.Produced != 2*output {
		t.Errorf("%+v", e)
	}
}

// TestEngineFaults: a site that goes down fails its jobs and forgets its cache,
// and a replica that starts anew has none either.
func TestEngineFaults(t *testing.T) {
	lib := chain(t, 3, 1000, 501, func(k int, s *workloads.Step) {
		if k == 2 {
			s.After[0].Delay = workloads.Millis(time.Minute)
		}
	})
	b, _ := play(t, quiet(t, lib, func(w *topology.World) {
		w.Faults = []topology.Fault{{Site: 4, Start: 6 * time.Second, Length: time.Second, Probability: 1, Down: true}}
	}))
	second := b.steps[1].Attempts
	if len(second) < 2 || second[0].Status != workloads.StatusError || second[len(second)-1].Cached != 0 {
		t.Errorf("a site fails during the second step: %+v", second)
	}
	b, _ = play(t, quiet(t, lib, func(w *topology.World) {
		w.Sites[4].Deployments[0].ColdStart, w.Sites[4].Deployments[0].WarmFor = 20*time.Second, 3*time.Second
	}))
	for k, o := range b.steps {
		queue := o.Attempts[0].Queue.D()
		if cold := k != 1; cold != (queue == 20*time.Second) || cold != (o.Attempts[0].Cached == 0) {
			t.Errorf("step %d waits %v and finds %d tokens; the replica is cold for the first and after a minute's pause", k, queue, o.Attempts[0].Cached)
		}
	}
}

// TestMeasuredEngine: a profile replaces a deployment's figures, and its
// requests pay their way in and out.
func TestMeasuredEngine(t *testing.T) {
	cfg := quiet(t, chain(t, 1, 1000, 11))
	cfg.StepTime = map[topology.ModelID]*steptime.Profile{2: {
		Step:     map[string]float64{"constant": 1e6, "tokens": 1e3},
		Overhead: steptime.Overhead{In: 3e6, InPerToken: 1e3, Out: 2e6, OutPerToken: 1e5},
	}}
	b, _ := play(t, cfg)
	a := b.steps[0].Attempts[0]
	const us = time.Microsecond
	if a.Queue.D() != 4000*us || a.Prefill.D() != (2000+2100)*us || a.Decode.D() != (10*1001+1000)*us {
		t.Errorf("queue %v, prefill %v, decode %v; by hand 4ms, 4.1ms, 11.01ms", a.Queue.D(), a.Prefill.D(), a.Decode.D())
	}
}

// TestTune: a run may set what a topology does not say, and watch every plan.
func TestTune(t *testing.T) {
	cfg := quiet(t, chain(t, 2, 100, 50))
	plans, shown := uint64(0), time.Duration(-1)
	cfg.Tune = func(d *topology.Deployment, c *batching.Config) {
		c.Sched.Slots, c.Steps = 1, true
		c.OnPlan = func(at time.Duration, p *sched.Plan) {
			if at <= shown || len(p.Rows) != 1 {
				t.Errorf("a plan of %d rows at %v, after one at %v", len(p.Rows), at, shown)
			}
			plans, shown = plans+1, at
		}
	}
	_, totals := play(t, cfg)
	if plans != totals.Engines.Iterations || plans == 0 {
		t.Errorf("%d plans shown, %d iterations", plans, totals.Engines.Iterations)
	}
}

// TestRetention: with hints, sessions that come back from their tools find more
// of their contexts in a cache that is too small for all.
func TestRetention(t *testing.T) {
	found := func(retain time.Duration) uint64 {
		cfg := pointAt(t, Engine, "static-central")
		cfg.Retain = retain
		_, totals := play(t, cfg)
		return totals.Engines.Found
	}
	without, with := found(0), found(AutoRetain)
	t.Logf("%d tokens found without hints, %d with", without, with)
	if with == without {
		t.Error("hints change nothing")
	}
}

// TestTooLongForAnEngine: a prompt that a site's cache cannot hold fails there.
func TestTooLongForAnEngine(t *testing.T) {
	cfg := quiet(t, chain(t, 1, 5000, 10), func(w *topology.World) { w.Sites[4].Deployments[0].KVTokens = 4096 })
	b, totals := play(t, cfg)
	if a := b.steps[0].Attempts[0]; totals.Failed != 1 || a.Status != workloads.StatusError || a.Site != "central" {
		t.Errorf("a prompt longer than the cache: %d attempts failed, the first %+v", totals.Failed, a)
	}
}

// TestBadEngines: a deployment that no engine can serve is named.
func TestBadEngines(t *testing.T) {
	cfg := quiet(t, chain(t, 1, 10, 10), func(w *topology.World) {
		w.Sites[1].Deployments[0].Batching = topology.Batching{BlockTokens: 16, Ahead: 99}
	})
	if _, err := Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "metro-a") || !strings.Contains(err.Error(), "depth is 99") {
		t.Errorf("99 iterations ahead: error %v", err)
	}
	if _, err := ParseFidelity("exact"); err == nil {
		t.Error("an unknown fidelity is accepted")
	}
}

// shapeOf is an iteration of one row.
func shapeOf(start, n int) sched.Shape {
	return sched.Shape{}.With(int32(start), int32(n), true)
}
