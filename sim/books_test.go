package sim

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"tierlab/reference/topology"
	"tierlab/workloads"
)

// TestBooksCatchBreaches breaks one law at a time in books that are in order.
func TestBooksCatchBreaches(t *testing.T) {
	_, good := play(t, smallPoint(t, "hedged", withFault))
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for law, breach := range map[string]func(*Totals){
		"INV-1": func(t *Totals) { t.Finished-- },
		"INV-2": func(t *Totals) { t.Answered++ },
		"INV-4": func(t *Totals) { t.Untimed++ },
		"INV-5": func(t *Totals) { t.CachedTokens = t.InputTokens + 1 },
		"INV-6": func(t *Totals) { t.USD *= 1.001 },
		"INV-7": func(t *Totals) { t.PrivateOffDevice++ },
		"INV-8": func(t *Totals) {
			t.Busy[topology.Metro] = time.Duration(t.Slots[topology.Metro])*t.Window + time.Duration(t.Slots[topology.Metro])
		},
	} {
		bad := good
		breach(&bad)
		if err := bad.Check(); err == nil || !strings.HasPrefix(err.Error(), law) {
			t.Errorf("a breach of %s is reported as %v", law, err)
		}
	}
	for law, breach := range map[string]func(*Totals){
		"INV-6": func(t *Totals) { t.Overrun = 0.01 },
		"INV-7": func(t *Totals) { t.ResidencyBroken++ },
	} {
		bad := good
		breach(&bad)
		if err := bad.Check(); err == nil || !strings.HasPrefix(err.Error(), law) {
			t.Errorf("a breach of %s is reported as %v", law, err)
		}
	}
}

// TestCancelledToolIsNotBilled: a tool call that the session's end called off
// is on nobody's bill, also when the session has to wait for something else.
func TestCancelledToolIsNotBilled(t *testing.T) {
	second := func(n int) workloads.Millis { return workloads.Millis(time.Duration(n) * time.Second) }
	steps := []workloads.Step{
		{ID: "a", LLM: workloads.LLM{OutputTokens: 1, Context: workloads.Context{Add: 10}}, Tools: []workloads.Tool{{Name: "x", Duration: second(45)}}},
		{ID: "b", LLM: workloads.LLM{OutputTokens: 1, Context: workloads.Context{Add: 10}},
			After: []workloads.After{{Step: "a", On: workloads.OnStart, Delay: second(50)}}},
	}
	session := workloads.Session{ID: "s", Budget: &workloads.Budget{Deadline: second(100)}}
	g, err := workloads.Compile(session, steps, &workloads.Prefixes{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := smallPoint(t, "static-central", still, func(w *topology.World) {
		w.Validator = topology.Validator{Latency: time.Minute}
		w.Platform.Sandbox.USDPerCall = 1
	})
	cfg.Scenario = scenario(t, cfg.Scenario.World, &workloads.Library{Sessions: []*workloads.Graph{g}})
	cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 1
	_, totals := play(t, cfg)
	if totals.Tools != 0 || math.Abs(totals.USD-totals.SessionUSD) > 1e-9 {
		t.Errorf("%d tool calls, $%.3f of work, $%.3f charged: the tool was called off", totals.Tools, totals.USD, totals.SessionUSD)
	}
}

// TestNoSteadyState: a queue that grows at one site makes the run invalid,
// however many idle slots there are elsewhere; a light load is valid.
func TestNoSteadyState(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		valid bool
	}{{0.2, true}, {5, false}} {
		cfg := smallPoint(t, "static-central", still, func(w *topology.World) {
			w.Sites[1].Deployments[0].Slots = 100_000
			w.Sites[4].Deployments = w.Sites[4].Deployments[:1]
			w.Sites[4].Deployments[0].Slots, w.Sites[4].Deployments[0].QueueLimit = 1, 100_000
		})
		cfg.Scenario = scenario(t, cfg.Scenario.World, chain(t, 1, 1000, 100))
		cfg.Agent.Validate, cfg.Sessions, cfg.Arrivals.Rate = false, 500, c.rate
		_, totals := play(t, cfg)
		if why := totals.Invalid(); (len(why) == 0) != c.valid {
			t.Errorf("%g sessions/s on a server that can do 1.1: invalid %q; %.1f then %.1f waited", c.rate, why, totals.QueuedFirst, totals.QueuedLast)
		}
	}
}

// TestManySlotsLongWindow: a year of a hundred thousand slots does not fit in
// a Duration.
func TestManySlotsLongWindow(t *testing.T) {
	cfg := smallPoint(t, "static-central", still, func(w *topology.World) { w.Sites[1].Deployments[0].Slots = 100_000 })
	lib := &workloads.Library{Header: workloads.Header{Name: "year"}, Recorded: true}
	for i := range 3 {
		g := *chain(t, 1, 100, 10).Sessions[0]
		at := workloads.Millis(time.Duration(i) * 180 * 24 * time.Hour)
		g.Session.Arrival = &at
		lib.Sessions = append(lib.Sessions, &g)
	}
	cfg.Scenario = scenario(t, cfg.Scenario.World, lib)
	cfg.Agent.Validate, cfg.Arrivals = false, Arrivals{Process: Recorded}
	if _, totals := play(t, cfg); totals.Window != 360*24*time.Hour {
		t.Errorf("window %v, want 360 days", totals.Window)
	}
}

func TestImpossiblePoints(t *testing.T) {
	for name, arrivals := range map[string]Arrivals{
		"closed:0":  {Process: Closed},
		"poisson:0": {Process: Poisson},
		"gamma:1,0": {Process: Gamma, Rate: 1},
		"gamma:0,1": {Process: Gamma, CV: 1},
	} {
		cfg := smallPoint(t, "p2c")
		cfg.Arrivals = arrivals
		if _, err := Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	w := *smallWorld(t)
	w.Origins = nil
	if _, err := NewScenario(&w, smallLibrary(t, 1)); err == nil || !strings.Contains(err.Error(), "origin") {
		t.Errorf("a world without origins: error %v", err)
	}
}
