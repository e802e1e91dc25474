package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/sim/batching"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

// Config is one point: one policy, one replication.
type Config struct {
	Scenario *Scenario
	Policy   router.Spec
	Home     router.HomePolicy
	// Agent says how sessions behave; its prices are the world's.
	Agent agent.Config
	// Router's MaxOutput is raised to the workload's longest answer: the
	// max_tokens that its sessions must have asked for.
	Router router.Config

	// Fidelity says how closely sites are modelled; the zero value is Queue.
	Fidelity Fidelity
	// StepTime holds the measured engines that serve some models, at the engine
	// fidelity; every other deployment's follows from its figures.
	StepTime map[topology.ModelID]*steptime.Profile
	// Retain is how long sites are asked to keep a session's context over its
	// tool calls, at the engine fidelity: a time, 0 for not at all, or AutoRetain.
	Retain time.Duration
	// Tune, if set, may change how a deployment's engine is configured, at the
	// engine fidelity: for what a topology does not say, such as fairness between
	// sessions, or to be shown each plan. It is asked more than once.
	Tune func(d *topology.Deployment, c *batching.Config)

	Arrivals Arrivals
	// Sessions is how many arrivals are measured, after WarmUp (a time, or
	// AutoWarmUp); 0 is as many as the workload has. Recorded arrivals have no
	// warm-up and no more sessions than the workload.
	Sessions int
	WarmUp   time.Duration
	// InOrder replays the workload's sessions in turn instead of resampling
	// them.
	InOrder     bool
	Seed        uint64
	Replication int
	// Sink takes the outcomes; nil drops them. ReportAll reports sessions
	// outside the measured window too.
	Sink      workloads.Sink
	ReportAll bool
}

// Run plays one point to its end. The books it returns obey the laws of
// INVARIANTS.md, or the error names the one that they break. When ctx ends
// first, the totals are marked partial and hold what was reached.
func Run(ctx context.Context, cfg Config) (Totals, error) {
	if err := cfg.prepare(); err != nil {
		return Totals{}, err
	}
	p := newPoint(&cfg)
	err := p.run(ctx)
	return p.totals, err
}

// prepare checks a point.
func (c *Config) prepare() error {
	if c.Scenario == nil {
		return errors.New("sim: a point needs a scenario")
	}
	sc := c.Scenario
	switch {
	case c.Arrivals.Process == 0:
		return errors.New("sim: no arrival process given")
	case c.Arrivals.Process == Closed && c.Arrivals.N < 1:
		return fmt.Errorf("sim: %s: want at least 1 session", c.Arrivals)
	case (c.Arrivals.Process == Poisson || c.Arrivals.Process == Gamma) && !(c.Arrivals.Rate > 0):
		return fmt.Errorf("sim: %s: want a rate above 0", c.Arrivals)
	case c.Arrivals.Process == Gamma && !(c.Arrivals.CV > 0):
		return fmt.Errorf("sim: %s: want a coefficient of variation above 0", c.Arrivals)
	case c.Arrivals.Process == Recorded && !sc.Library.Recorded:
		return fmt.Errorf("sim: workload %q has sessions without arrival_ms: give arrivals such as poisson:0.5", sc.Library.Header.Name)
	}
	if c.Arrivals.Process == Recorded {
		c.Sessions, c.WarmUp = min(c.Sessions, len(sc.Library.Sessions)), 0
	}
	if err := c.CheckLoad(); err != nil {
		return fmt.Errorf("sim: arrivals %w", err)
	}
	c.WarmUp = c.warmUp()
	if c.Sessions <= 0 {
		c.Sessions = len(sc.Library.Sessions)
	}
	w := sc.World
	c.Agent.CommitUSD, c.Agent.OrchestrationUSD = commitCost(&w.Platform)
	c.Agent.ToolUSD = w.Platform.Sandbox.Price(c.Agent.CapTool(sc.longestTool))
	c.Agent.ValidationUSD = w.Validator.USDPerCall
	c.Agent.BytesPerToken = w.Platform.BytesPerToken
	c.Router.MaxOutput = max(c.Router.MaxOutput, sc.maxOutput)
	return errors.Join(c.Agent.Check(), c.checkEngines())
}

// Point names a point of a sweep.
type Point struct{ Policy, Replication int }

// Sweep plays every policy at every replication, workers points at a time.
// base is the points' common part; sink makes a point's sink; done, when set,
// is called once for each finished point, from one goroutine at a time, in the
// order in which points end. Results are by policy, then replication, and do
// not depend on workers. The first error stops the sweep; points that were not
// begun when ctx ended are zero.
func Sweep(ctx context.Context, base Config, policies []router.Spec, replications, workers int,
	sink func(Point) workloads.Sink, done func(Point, Totals)) ([][]Totals, error) {

	totals := make([][]Totals, len(policies))
	for i := range totals {
		totals[i] = make([]Totals, replications)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan Point)
	var group sync.WaitGroup
	var lock sync.Mutex
	var first error
	for range max(1, workers) {
		group.Go(func() {
			for pt := range work {
				cfg := base
				cfg.Policy, cfg.Replication, cfg.Sink = policies[pt.Policy], pt.Replication, sink(pt)
				t, err := Run(ctx, cfg)
				lock.Lock()
				totals[pt.Policy][pt.Replication] = t
				if err != nil && first == nil {
					first = fmt.Errorf("policy %s, replication %d: %w", cfg.Policy, pt.Replication, err)
					stop(first)
				} else if done != nil && err == nil {
					done(pt, t)
				}
				lock.Unlock()
			}
		})
	}
	feed(ctx, work, len(policies), replications)
	close(work)
	group.Wait()
	return totals, first
}

// feed hands out the points until the context is done, replication by
// replication, so that a stopped sweep has whole ones.
func feed(ctx context.Context, work chan<- Point, policies, replications int) {
	for r := range replications {
		for i := range policies {
			select {
			case work <- Point{Policy: i, Replication: r}:
			case <-ctx.Done():
				return
			}
		}
	}
}
