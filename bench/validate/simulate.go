package validate

import (
	"context"
	"fmt"
	"time"

	"tierlab/engine/sched"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/sim"
	"tierlab/sim/batching"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

// policy has one site to choose from.
const policy = "static-central"

// simulation is a run of the simulator, but for its load.
func simulation(lib *workloads.Library, s Settings, p *steptime.Profile, a agent.Config, seed uint64) (sim.Config, error) {
	w, err := world(s)
	if err != nil {
		return sim.Config{}, err
	}
	scenario, err := sim.NewScenario(w, lib)
	if err != nil {
		return sim.Config{}, err
	}
	spec, err := router.Parse(policy)
	if err != nil {
		return sim.Config{}, err
	}
	return sim.Config{
		Scenario: scenario, Policy: spec, Agent: a, Router: router.DefaultConfig(),
		Fidelity: sim.Engine, StepTime: map[topology.ModelID]*steptime.Profile{0: p},
		Tune:   func(_ *topology.Deployment, c *batching.Config) { c.Sched, c.KV = s.Sched, s.KV },
		Retain: s.Retain, Seed: seed, ReportAll: true,
	}, nil
}

// Simulate plays a load with arrivals on a simulated engine.
func Simulate(ctx context.Context, lib *workloads.Library, s Settings, p *steptime.Profile, a agent.Config, seed uint64) (*Samples, error) {
	cfg, err := simulation(lib, s, p, a, seed)
	if err != nil {
		return nil, err
	}
	model := p.Linear()
	seen := newSamples()
	// The simulator has a request's way in under its queue, the engine does not.
	seen.enter = p.Overhead.Enter
	gaps := gaps{last: map[uint64]time.Duration{}}
	tune := cfg.Tune
	cfg.Tune = func(d *topology.Deployment, c *batching.Config) {
		tune(d, c)
		c.Steps = true
		c.OnPlan = func(at time.Duration, plan *sched.Plan) { gaps.follow(at, plan, model.StepTime(plan.Shape)) }
	}
	cfg.Arrivals, cfg.Sessions, cfg.Sink = sim.Arrivals{Process: sim.Recorded}, len(lib.Sessions), seen
	totals, err := sim.Run(ctx, cfg)
	switch {
	case err != nil:
		return nil, err
	case totals.Partial:
		return nil, ctx.Err()
	case totals.Finished != len(lib.Sessions):
		return nil, fmt.Errorf("validate: %d of %d simulated sessions ended", totals.Finished, len(lib.Sessions))
	}
	seen.values[ITL] = gaps.between
	return seen, nil
}

// gaps follows an engine's plans for the times between the tokens of an answer.
type gaps struct {
	last    map[uint64]time.Duration // by sequence: its latest token
	free    time.Duration            // when the device is
	between []float64                // ms
}

func (g *gaps) follow(at time.Duration, p *sched.Plan, took time.Duration) {
	g.free = max(g.free, at) + took
	for _, r := range p.Rows {
		if !r.Sample {
			continue
		}
		if before, ok := g.last[r.Seq]; ok {
			g.between = append(g.between, ms(g.free-before))
		}
		g.last[r.Seq] = g.free
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
