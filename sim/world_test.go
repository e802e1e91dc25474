package sim

import (
	"fmt"
	"testing"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// smallWorld has a device, two metros, a region and a central site, and two
// origins. Round trips are 0.5, 12, 60 and 250 ms from an origin.
func smallWorld(t testing.TB, change ...func(*topology.World)) *topology.World {
	t.Helper()
	text := []string{"text"}
	models := []topology.Model{
		{Name: "1b", ParamsB: 1, ActiveB: 1, Ability: 0.2, ContextTokens: 200_000, Modalities: text},
		{Name: "8b", ParamsB: 8, ActiveB: 8, Ability: 1.0, ContextTokens: 200_000, Modalities: text},
		{Name: "frontier", ParamsB: 400, ActiveB: 40, Ability: 2.5, ContextTokens: 400_000, Modalities: text, Frontier: true},
	}
	deployment := func(m topology.ModelID, slots int, usd float64) topology.Deployment {
		return topology.Deployment{
			Model: m, Replicas: 1, Slots: slots, QueueLimit: 64, PrefillTokS: 20_000,
			StepBase: 8 * time.Millisecond, StepPerSeq: 200 * time.Microsecond, KVTokens: 2_000_000,
			Price: topology.Price{In: usd, Cached: usd / 10, Out: 4 * usd}, JoulesPerTok: 0.5,
		}
	}
	w := topology.World{
		Name: "small", Models: models,
		Sites: []topology.Site{
			{Name: "device", Tier: topology.Device, Region: "device", Home: true, Deployments: []topology.Deployment{deployment(0, 1, 0)}},
			{Name: "metro-a", Tier: topology.Metro, Region: "eu", Home: true, Deployments: []topology.Deployment{deployment(1, 4, 0.1)}, EgressUSDPerGB: 0.01, RegionUSDPerGB: 0.02, Provider: "one"},
			{Name: "metro-b", Tier: topology.Metro, Region: "us", Home: true, Deployments: []topology.Deployment{deployment(1, 4, 0.1)}},
			{Name: "region", Tier: topology.Regional, Region: "eu", Home: true, Deployments: []topology.Deployment{deployment(1, 16, 0.2)}, EgressUSDPerGB: 0.05, RegionUSDPerGB: 0.02, Provider: "one"},
			{Name: "central", Tier: topology.Central, Region: "us", Home: true, EgressUSDPerGB: 0.09,
				Deployments: []topology.Deployment{deployment(2, 64, 3), deployment(1, 32, 0.2)}},
		},
		Origins: []topology.Origin{{Name: "berlin", Region: "eu", Weight: 0.7}, {Name: "boston", Region: "us", Weight: 0.3}},
		Platform: topology.Platform{
			State:   topology.StateStore{CommitP50: 200 * time.Microsecond, CommitP99: time.Millisecond, USDPerWrite: 1e-6},
			Sandbox: topology.Sandbox{Kind: "isolate", StartP50: time.Millisecond, StartP99: 5 * time.Millisecond, WarmShare: 0.5, WarmStart: 200 * time.Microsecond, USDPerCall: 1e-6, USDPerGBSecond: 1e-5, MemoryGB: 0.5},
			ToolsAt: "home", KeepAlive: time.Minute, ViewInterval: 500 * time.Millisecond,
			InitialWindow: 14_600, TLSRoundTrips: 2, BytesPerToken: 4, SSEBytes: 150,
		},
		Quality: topology.Quality{Rho: 0.5, PredictorError: 0.3, Difficulty: map[string]topology.Normal{
			"": {Mean: 0, SD: 1}, "classify": {Mean: -1, SD: 0.5}, "code": {Mean: 1, SD: 1}}},
		Validator: topology.Validator{Miss: 0.2, FalseAlarm: 0.02, Latency: 5 * time.Millisecond, USDPerCall: 1e-5, Fatal: 0.5},
	}
	w.StateSite, w.ToolSite = make([]topology.SiteID, len(w.Sites)), make([]topology.SiteID, len(w.Sites))
	for i := range w.Sites {
		w.StateSite[i], w.ToolSite[i] = topology.None, topology.None
	}
	for _, f := range change {
		f(&w)
	}
	return assemble(t, w)
}

// rtt by tier from an origin; between sites the farther one's counts.
var tierRTT = [topology.Tiers]time.Duration{500 * time.Microsecond, 12 * time.Millisecond, 60 * time.Millisecond, 250 * time.Millisecond}

func assemble(t testing.TB, w topology.World) *topology.World {
	t.Helper()
	n := len(w.Sites) + len(w.Origins)
	links := make([]topology.Link, n*n)
	tier := func(i int) topology.Tier {
		if i < len(w.Sites) {
			return w.Sites[i].Tier
		}
		return topology.Device
	}
	for a := range n {
		for b := range n {
			if a != b {
				links[a*n+b] = topology.Link{
					RTT: tierRTT[max(tier(a), tier(b))], JitterMedian: time.Millisecond, JitterSigma: 0.5,
					Loss: 0.001, Hops: 3, GBPerS: 0.05,
				}
			}
		}
	}
	world, err := topology.Assemble(w, links)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

// smallLibrary has n sessions of 4 to 11 steps with tools, human gaps,
// branches and, in every fifth session, private steps from the fourth on.
func smallLibrary(t testing.TB, n int) *workloads.Library {
	t.Helper()
	var prefixes workloads.Prefixes
	if err := prefixes.Add(workloads.Prefix{Name: "system", Add: 1500}); err != nil {
		t.Fatal(err)
	}
	lib := &workloads.Library{Header: workloads.Header{Schema: workloads.Schema, Name: "small"}, Recorded: true}
	for i := range n {
		g, err := workloads.Compile(smallSession(i), smallSteps(i), &prefixes)
		if err != nil {
			t.Fatal(err)
		}
		lib.Sessions = append(lib.Sessions, g)
	}
	return lib
}

func smallSession(i int) workloads.Session {
	at := workloads.Millis(time.Duration(i) * 700 * time.Millisecond)
	s := workloads.Session{ID: fmt.Sprintf("s%03d", i), Arrival: &at}
	if i%7 == 3 {
		s.Data = &workloads.DataRules{Residency: []string{"eu"}}
	}
	return s
}

func smallSteps(i int) []workloads.Step {
	draw := rng.New(99, uint64(i))
	kinds := []string{"plan", "classify", "code", "summarize"}
	steps := make([]workloads.Step, 4+draw.IntN(8))
	length := make([]int, len(steps))
	for k := range steps {
		d := draw.Fold(uint64(k) + 1)
		l := workloads.LLM{Kind: kinds[k%4], Task: "classify this", OutputTokens: 1 + d.Fold(1).IntN(300)}
		after := workloads.After{On: workloads.OnToolsDone}
		switch {
		case k == 0:
			l.Context = workloads.Context{From: "@system", Keep: 1500, Add: 200}
			after = workloads.After{}
		case k%5 == 4: // a branch from the step before the last
			l.Context = workloads.Context{From: fmt.Sprint("t", k-2), Keep: length[k-2] / 2, Add: 100}
			after.Step = fmt.Sprint("t", k-1)
		default:
			l.Context = workloads.Context{From: fmt.Sprint("t", k-1), Keep: length[k-1], Add: 1 + d.Fold(2).IntN(800)}
			after.Step = fmt.Sprint("t", k-1)
		}
		if k == 3 {
			after.Delay, after.Cause = workloads.Millis(3*time.Second), workloads.CauseHuman
		}
		length[k] = l.Context.Tokens() + l.OutputTokens
		steps[k] = workloads.Step{ID: fmt.Sprint("t", k), LLM: l, PII: i%5 == 1 && k >= 3}
		if k > 0 || after.Delay > 0 {
			steps[k].After = []workloads.After{after}
		}
		for range d.Fold(3).IntN(3) {
			steps[k].Tools = append(steps[k].Tools, workloads.Tool{
				Name: "shell", Duration: workloads.Millis(time.Duration(d.Fold(4).Exp(float64(300 * time.Millisecond)))), BytesIn: 200, BytesOut: 5000})
		}
	}
	return steps
}
