package claims

import (
	"context"
	"fmt"
	"math"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/sim"
	"tierlab/workloads"
)

// series is a chain of calls of fixed length.
type series struct {
	name, where       string
	nearCalls         int
	near              time.Duration
	farCalls          int
	far               time.Duration
	claimed, shortest float64 // seconds; shortest: the claim is "at least"
}

// claimedSeries are the claim's chains.
func claimedSeries() []series {
	const call = time.Millisecond
	return []series{
		{name: "30 x 200 ms", where: "calls are fixed at 200 ms", farCalls: 30, far: 200 * call, claimed: 6},
		{name: "30 x 300 ms", where: "calls are fixed at 300 ms", farCalls: 30, far: 300 * call, claimed: 9},
		{name: "25 x 20 ms + 5 x 300 ms", where: "calls are fixed at 20 and 300 ms", nearCalls: 25, near: 20 * call, farCalls: 5, far: 300 * call, claimed: 1.5},
		{name: "30 x 500 ms, the upper end of 200-500 ms", where: "calls are fixed at 500 ms", farCalls: 30, far: 500 * call, shortest: 60},
	}
}

// sum is the closed form.
func (s series) sum() time.Duration {
	return time.Duration(s.nearCalls)*s.near + time.Duration(s.farCalls)*s.far
}

// sameSum is the relative error at which two durations count as the same.
const sameSum = 0.005

// check holds what a chain takes to what is claimed.
func (s series) check(takes time.Duration) Check {
	c := Check{Statement: s.name, Found: exactly(takes.Seconds()), Unit: "s", Where: s.where}
	if s.shortest > 0 {
		c.Statement += ", \"minutes\""
		c.Criterion = fmt.Sprintf("at least %g s", s.shortest)
		c.Truth = c.Found.atLeast(s.shortest)
		return c
	}
	c.Statement += fmt.Sprintf(" = %g s", s.claimed)
	c.Criterion = fmt.Sprintf("within %g %% of %g s", 100*sameSum, s.claimed)
	c.Truth = c.Found.within(s.claimed*(1-sameSum), s.claimed*(1+sameSum))
	return c
}

// sums is C1.
func sums(ctx context.Context, l *Lab, f *Finding) error {
	t := Table{Title: "A chain of calls of fixed length", Head: []string{"chain", "claimed s", "sum s", "simulated s"}}
	for _, s := range claimedSeries() {
		simulated, err := s.simulate(ctx)
		if err != nil {
			return err
		}
		f.check(s.check(s.sum()))
		claimed := number(s.claimed)
		if s.shortest > 0 {
			claimed = word(fmt.Sprintf(">= %g", s.shortest))
		}
		t.row(word(s.name), claimed, number(s.sum().Seconds()), number(simulated.Seconds()))
		if math.Abs(float64(simulated-s.sum())) > sameSum*float64(s.sum()) {
			return fmt.Errorf("the simulation of %s took %v, its calls sum to %v", s.name, simulated, s.sum())
		}
	}
	f.Tables = append(f.Tables, t)
	tokens, err := l.tokenLevel(f)
	if err != nil {
		return err
	}
	f.judge()
	f.Says = f.inWords() + " " + tokens
	f.How = "closed form, and the simulator with fixed service, no jitter and no validator; token level by the modelled iterations of the deployments"
	return nil
}

// tokenLevel says what a call of 20 ms can write.
func (l *Lab) tokenLevel(f *Finding) (string, error) {
	w, err := l.world(l.Edge)
	if err != nil {
		return "", err
	}
	lib, err := l.embedded()
	if err != nil {
		return "", err
	}
	var outputs []float64
	for _, g := range lib.Sessions {
		for i := range g.Steps {
			outputs = append(outputs, float64(g.Steps[i].Step.LLM.OutputTokens))
		}
	}
	typical := quantile(0.5, outputs, nil)
	t := Table{Title: fmt.Sprintf("A call at token level: one sequence alone, its prompt cached, an answer of the median %.0f tokens", typical),
		Head: []string{"model", "at", "ms/token", "tokens in 20 ms", "answer s", "30 answers s"}}
	small := func(m *topology.Model) bool { return m.Name == "llama-3.1-8b" }
	frontier := func(m *topology.Model) bool { return m.Frontier }
	said := ""
	for _, at := range []struct {
		tier  topology.Tier
		model func(*topology.Model) bool
	}{{topology.Metro, small}, {topology.Regional, small}, {topology.Central, small}, {topology.Central, frontier}} {
		d, m := deployed(w, at.tier, at.model)
		if d == nil {
			continue
		}
		token := d.StepBase + d.StepPerSeq
		fits := exactly(float64(20*time.Millisecond) / float64(token))
		answer := typical * token.Seconds()
		t.row(word(m.Name), word(at.tier.String()), number(millis(token)), figure(fits), number(answer), number(30*answer))
		switch {
		case at.tier == topology.Metro:
			f.check(Check{
				Statement: "20 ms at the metro write a median answer", Criterion: fmt.Sprintf("at least %.0f tokens", typical),
				Found: fits, Unit: "tokens", Truth: fits.atLeast(typical), Where: "answers are of median length",
			})
		case m.Frontier:
			said = fmt.Sprintf("At token level 30 median answers (%.0f tokens) of the frontier model take %.0f s.", typical, 30*answer)
		}
	}
	f.Tables = append(f.Tables, t)
	return said, nil
}

// deployed finds the first deployment of a model in a tier.
func deployed(w *topology.World, tier topology.Tier, wanted func(*topology.Model) bool) (*topology.Deployment, *topology.Model) {
	for _, s := range w.SitesIn(tier) {
		for i := range w.Sites[s].Deployments {
			d := &w.Sites[s].Deployments[i]
			if m := &w.Models[d.Model]; wanted(m) {
				return d, m
			}
		}
	}
	return nil, nil
}

// The models of the fixed world.
const nearModel, farModel = "near", "far"

// simulate plays the chain in a world where a call takes exactly what it says:
// half of it as round trip, half as service.
func (s series) simulate(ctx context.Context) (time.Duration, error) {
	w, err := fixedWorld(s.near, s.far)
	if err != nil {
		return 0, err
	}
	lib, err := s.library()
	if err != nil {
		return 0, err
	}
	scenario, err := sim.NewScenario(w, lib)
	if err != nil {
		return 0, err
	}
	policy, err := router.Parse("min-latency")
	if err != nil {
		return 0, err
	}
	m := newMeter(&setting{world: w})
	_, err = sim.Run(ctx, sim.Config{
		Scenario: scenario, Policy: policy, Agent: agent.DefaultConfig(), Router: router.DefaultConfig(),
		Arrivals: sim.Arrivals{Process: sim.Closed, N: 1}, Sessions: 1, Sink: m,
	})
	if err != nil {
		return 0, err
	}
	if len(m.sessions) != 1 || !m.sessions[0].ok {
		return 0, fmt.Errorf("the chain %s did not end: %v", s.name, m.ended)
	}
	return time.Duration(math.Round(m.sessions[0].active * float64(time.Second))), nil
}

// library is one session whose steps are the calls.
func (s series) library() (*workloads.Library, error) {
	var chain []workloads.Step
	for i := range s.nearCalls + s.farCalls {
		pin := farModel
		if i < s.nearCalls {
			pin = nearModel
		}
		step := workloads.Step{ID: fmt.Sprint("call", i), LLM: workloads.LLM{
			OutputTokens: 1, Pin: pin, Context: workloads.Context{Add: 1}, SolvedBy: []string{pin},
		}}
		if i > 0 {
			step.After = []workloads.After{{Step: fmt.Sprint("call", i-1), On: workloads.OnLLMDone}}
		}
		chain = append(chain, step)
	}
	g, err := workloads.Compile(workloads.Session{ID: "chain"}, chain, &workloads.Prefixes{})
	if err != nil {
		return nil, err
	}
	return &workloads.Library{Header: workloads.Header{Schema: workloads.Schema, Name: s.name}, Sessions: []*workloads.Graph{g}}, nil
}

// fixedWorld has a user whose agent runs on the device, a metro and a central
// site, and a network without jitter, loss or bandwidth.
func fixedWorld(near, far time.Duration) (*topology.World, error) {
	serving := func(m topology.ModelID, call time.Duration) []topology.Deployment {
		return []topology.Deployment{{
			Model: m, Replicas: 1, Slots: 1, KVTokens: 1,
			PrefillTokS: 1 / max(call/2, time.Nanosecond).Seconds(), StepBase: time.Millisecond,
		}}
	}
	model := func(name string) topology.Model {
		return topology.Model{Name: name, ContextTokens: 1 << 20, Modalities: []string{"text"}}
	}
	w := topology.World{
		Name: "fixed", Models: []topology.Model{model(nearModel), model(farModel)},
		Sites: []topology.Site{
			{Name: "device", Tier: topology.Device, Home: true},
			{Name: "metro", Tier: topology.Metro, Deployments: serving(0, near)},
			{Name: "central", Tier: topology.Central, Deployments: serving(1, far)},
		},
		Origins:  []topology.Origin{{Name: "user", Weight: 1}},
		Platform: topology.Platform{ToolsAt: "home", KeepAlive: time.Hour, ViewInterval: time.Second, InitialWindow: 1 << 20},
	}
	roundTrip := []time.Duration{0, near / 2, far / 2, 0}
	links := make([]topology.Link, len(roundTrip)*len(roundTrip))
	for a := range roundTrip {
		for b := range roundTrip {
			if a != b {
				links[a*len(roundTrip)+b].RTT = max(roundTrip[a], roundTrip[b])
			}
		}
	}
	return topology.Assemble(w, links)
}
