package sim

import (
	"testing"
	"time"

	"tierlab/reference/topology"
	"tierlab/sim/site"
	"tierlab/workloads"
)

// chain has n steps, one after another, each with a prompt of input tokens of
// which the next keeps all, and an answer of output tokens.
func chain(t testing.TB, n, input, output int, change ...func(int, *workloads.Step)) *workloads.Library {
	t.Helper()
	var steps []workloads.Step
	held := 0
	for k := range n {
		s := workloads.Step{ID: string(rune('A' + k)), LLM: workloads.LLM{OutputTokens: output, Context: workloads.Context{Add: input}}}
		if k > 0 {
			before := string(rune('A' + k - 1))
			s.After = []workloads.After{{Step: before}}
			s.LLM.Context.From, s.LLM.Context.Keep = before, held
		}
		held += input + output
		for _, f := range change {
			f(k, &s)
		}
		steps = append(steps, s)
	}
	g, err := workloads.Compile(workloads.Session{ID: "chain"}, steps, &workloads.Prefixes{})
	if err != nil {
		t.Fatal(err)
	}
	return &workloads.Library{Header: workloads.Header{Name: "chain"}, Sessions: []*workloads.Graph{g}}
}

// still is a world without jitter, loss, connection set-up and a price of
// state, whose tools and validators take no time.
func still(w *topology.World) {
	w.Platform = topology.Platform{
		KeepAlive: time.Hour, InitialWindow: 1 << 30, BytesPerToken: 4, ViewInterval: w.Platform.ViewInterval, ToolsAt: "home",
	}
	w.Validator = topology.Validator{}
}

// TestColdStart: requests that come while a replica starts wait for the same
// start, and it stops WarmFor after its last work, not after its last request.
func TestColdStart(t *testing.T) {
	r := replica{warm: unset, d: &topology.Deployment{ColdStart: 10 * time.Second, WarmFor: 5 * time.Second}}
	r.server = site.New(site.Config{Slots: 4})
	r.prefixes = site.NewPrefixes(site.PrefixConfig{Capacity: 1000})
	r.prefixes.Store(0, site.Prefix{Key: 1, Tokens: 100})
	for _, c := range []struct{ at, want time.Duration }{
		{1 * time.Second, 11 * time.Second},
		{4 * time.Second, 11 * time.Second},
		{11 * time.Second, 11 * time.Second},
		{16 * time.Second, 16 * time.Second},
		{17 * time.Second, 27 * time.Second},
	} {
		if got := r.start(c.at); got != c.want {
			t.Errorf("asked at %v, it can serve at %v, want %v", c.at, got, c.want)
		}
	}
	if r.prefixes.Len() != 0 {
		t.Error("a replica that has started anew holds a prefix")
	}
}

func TestColdStartIsPaidOncePerPause(t *testing.T) {
	lib := chain(t, 4, 1000, 501, func(k int, s *workloads.Step) {
		if k == 3 {
			s.After[0].Delay = workloads.Millis(time.Minute)
		}
	})
	cfg := smallPoint(t, "static-central", still, func(w *topology.World) {
		w.Sites[4].Deployments = w.Sites[4].Deployments[:1]
		d := &w.Sites[4].Deployments[0]
		// Each call takes 5 s, longer than the replica stays warm without work.
		d.StepBase, d.StepPerSeq = 10*time.Millisecond, 0
		d.ColdStart, d.WarmFor = 20*time.Second, 3*time.Second
	})
	cfg.Scenario = scenario(t, cfg.Scenario.World, lib)
	cfg.Agent.Validate, cfg.Agent.CommitEach = false, false
	cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 1
	b, _ := play(t, cfg)
	for k, o := range b.steps[:4] {
		queue := o.Attempts[0].Queue.D()
		if cold := k == 0 || k == 3; cold && queue != 20*time.Second || !cold && queue != 0 {
			t.Errorf("step %d waits %v; the replica is cold for the first and after a minute's pause", k, queue)
		}
		if cached := o.Attempts[0].Cached > 0; cached != (k == 1 || k == 2) {
			t.Errorf("step %d finds %d tokens cached", k, o.Attempts[0].Cached)
		}
	}
}

func scenario(t testing.TB, w *topology.World, lib *workloads.Library) *Scenario {
	t.Helper()
	sc, err := NewScenario(w, lib)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}
