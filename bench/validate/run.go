package validate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tierlab/bench/calibrate"
	"tierlab/reference/agent"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

// Config is a validation.
type Config struct {
	Library *workloads.Library // of OneSite, its contexts within the engine's
	Profile *steptime.Profile
	// Start starts the real engine, with the settings of Variants[i] or, for -1,
	// its own.
	Start func(variant int) (*Server, error)
	Agent agent.Config
	// Shares of the capacity, or Rates in sessions per second: a load each.
	Shares, Rates []float64
	Sessions      int // of a load; 0: as many as 662 calls need
	Runs          int // real ones of a load; at least 1
	Seed          uint64
	MaxLag        time.Duration // of a run's 99th percentile
	// Variants are names of settings to rank, VariantRuns the real runs of each,
	// under the last of the loads. None: no ranking.
	Variants    []string
	VariantRuns int
	Progress    func(format string, args ...any)
}

// Result is what came of it.
type Result struct {
	Capacity float64  `json:"capacity_sessions_per_s"` // simulated; 0 where it was not needed
	Sessions int      `json:"sessions"`
	Calls    int      `json:"calls"`
	Settings Settings `json:"settings"`
	Loads    []Load   `json:"loads"`
	Ranking  []Tau    `json:"ranking,omitempty"`
	// Doubts are of the ranking's real runs that are invalid: which, and why.
	Doubts []string `json:"doubts,omitempty"`
}

// Load is a load on both sides.
type Load struct {
	Share float64  `json:"share_of_capacity,omitempty"` // 0: its rate was given
	Rate  float64  `json:"sessions_per_s"`
	Rows  []Row    `json:"rows"`
	Runs  []Report `json:"runs"`
	// Prompts' tokens of a run, and those that the simulated side found cached.
	Prompt, Cached int
}

// Report is what a real run says of itself.
type Report struct {
	Seconds float64 `json:"seconds"`
	LagMs   float64 `json:"lag_p99_ms"`
	Machine Machine `json:"machine"`
	Fit     Fit     `json:"fit"`
	Cached  int     `json:"cached_tokens"`
	// SameCache are the calls that found as much in the cache as in the simulator.
	SameCache int    `json:"same_cache_calls"`
	Invalid   string `json:"invalid,omitempty"`
}

// load is a load under way.
type load struct {
	Load
	library   *workloads.Library
	simulated *Samples
	own       *Samples // simulated, with the step times of the runs
	runs      []*Measured
}

// Run validates.
func Run(ctx context.Context, c *Config) (*Result, error) {
	server, err := c.Start(-1)
	if err != nil {
		return nil, err
	}
	r, loads, err := c.measure(ctx, server)
	if err = errors.Join(err, server.Close()); err != nil {
		return nil, err
	}
	for _, l := range loads {
		if err := c.resimulate(ctx, l, server.Settings); err != nil {
			return nil, err
		}
		r.Loads = append(r.Loads, l.compare(c.MaxLag))
	}
	if len(c.Variants) > 0 {
		err = c.rank(ctx, r, loads[len(loads)-1].library)
	}
	return r, err
}

// measure plays the loads on the real engine, interleaved, and on the simulated
// one.
func (c *Config) measure(ctx context.Context, server *Server) (*Result, []*load, error) {
	r := &Result{Settings: server.Settings, Sessions: c.Sessions}
	if r.Sessions == 0 {
		r.Sessions = Enough(c.Library, enoughForP99, c.Seed)
	}
	loads, err := c.loads(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	r.Calls = Calls(loads[0].library)
	if err := c.warm(ctx, server); err != nil {
		return nil, nil, err
	}
	for round := range c.Runs {
		for k := range loads {
			l := loads[k]
			if round%2 == 1 {
				l = loads[len(loads)-1-k]
			}
			c.Progress("run %d of %d at %.3g sessions/s", round+1, c.Runs, l.Rate)
			run, err := Measure(ctx, l.library, server, c.Agent, c.content(len(l.runs), k))
			if err != nil {
				return nil, nil, err
			}
			l.runs = append(l.runs, run)
		}
	}
	return r, loads, nil
}

// loads draws the loads and plays them on the simulated engine.
func (c *Config) loads(ctx context.Context, r *Result) ([]*load, error) {
	rates, shares := c.Rates, make([]float64, len(c.Rates))
	if len(rates) == 0 {
		var err error
		c.Progress("finding the capacity")
		if r.Capacity, err = capacity(ctx, c.Library, r.Settings, c.Profile, c.Agent, c.Seed); err != nil {
			return nil, err
		}
		if r.Capacity == 0 {
			return nil, errors.New("validate: the simulated engine gets through no session")
		}
		shares = c.Shares
		for _, s := range shares {
			rates = append(rates, s*r.Capacity)
		}
	}
	var loads []*load
	for i, rate := range rates {
		l := &load{Load: Load{Rate: rate, Share: shares[i]}, library: Draw(c.Library, r.Sessions, rate, c.Seed)}
		var err error
		if l.simulated, err = Simulate(ctx, l.library, r.Settings, c.Profile, c.Agent, c.Seed); err != nil {
			return nil, err
		}
		loads = append(loads, l)
	}
	return loads, nil
}

// resimulate plays a load on a simulated engine whose step times are fitted to
// the load's real runs.
func (c *Config) resimulate(ctx context.Context, l *load, s Settings) error {
	var seen []calibrate.Iteration
	for _, run := range l.runs {
		seen = append(seen, run.Seen...)
	}
	model, _, err := calibrate.Fit(seen)
	if err != nil {
		return fmt.Errorf("validate: the iterations at %.3g sessions/s: %w", l.Rate, err)
	}
	p := *c.Profile
	p.SetLinear(model)
	l.own, err = Simulate(ctx, l.library, s, &p, c.Agent, c.Seed)
	return err
}

// content is the seed of a run's tokens, no two alike.
func (c *Config) content(run, load int) uint64 { return c.Seed<<16 + uint64(run)<<8 + uint64(load) + 1 }

// warm plays two sessions at once, without their gaps, so that what a first run
// pays, such as memory's first use and new connections, is paid.
func (c *Config) warm(ctx context.Context, server *Server) error {
	c.Progress("warming up")
	lib := c.Library.WithArrivals(workloads.Arrival{}, workloads.Arrival{Template: min(1, len(c.Library.Sessions)-1)})
	hasty := c.Agent
	hasty.ToolCap, hasty.ThinkCap = time.Millisecond, time.Millisecond
	_, err := Measure(ctx, lib, server, hasty, c.Seed<<16)
	return err
}

// compare sums a load up. Runs that are invalid are compared too, and said.
func (l *load) compare(maxLag time.Duration) Load {
	var real []Summary
	l.Prompt, l.Cached = l.simulated.Input, l.simulated.Cached()
	for _, run := range l.runs {
		real = append(real, run.Summary())
		report := Report{
			Seconds: run.Took.Seconds(), LagMs: ms(run.LagP99), Machine: run.Machine, Fit: run.Fit,
			Cached: run.Cached(), SameCache: l.simulated.sameCache(run.Samples),
		}
		if err := run.Invalid(l.library, maxLag); err != nil {
			report.Invalid = err.Error()
		}
		l.Runs = append(l.Runs, report)
	}
	l.Rows = Compare(l.simulated.Summary(), l.own.Summary(), real)
	return l.Load
}

// rank plays a load under each variant of the settings on both sides. Runs that
// are invalid are compared too, and said.
func (c *Config) rank(ctx context.Context, r *Result, lib *workloads.Library) error {
	simulated := make([]Summary, len(c.Variants))
	real := make([][]Summary, len(c.Variants))
	for round := range c.VariantRuns {
		for k := range c.Variants {
			v := k
			if round%2 == 1 {
				v = len(c.Variants) - 1 - k
			}
			c.Progress("run %d of %d with %s", round+1, c.VariantRuns, c.Variants[v])
			s, run, err := c.variant(ctx, lib, v, round)
			if err != nil {
				return fmt.Errorf("with %s: %w", c.Variants[v], err)
			}
			if err := run.Invalid(lib, c.MaxLag); err != nil {
				r.Doubts = append(r.Doubts, fmt.Sprintf("run %d with %s is invalid: %v", round+1, c.Variants[v], err))
			}
			simulated[v], real[v] = s.Summary(), append(real[v], run.Summary())
		}
	}
	for _, s := range []Statistic{Mean, P90} {
		t := Tau{Metric: E2E.String(), Statistic: s.String()}
		for v, name := range c.Variants {
			p := Point{Name: name, Simulated: simulated[v].Value[E2E][s]}
			for _, run := range real[v] {
				p.Runs = append(p.Runs, run.Value[E2E][s])
			}
			p.Real = mean(p.Runs)
			t.Points = append(t.Points, p)
		}
		t.rank()
		r.Ranking = append(r.Ranking, t)
	}
	return nil
}

// variant starts an engine for one run under one variant.
func (c *Config) variant(ctx context.Context, lib *workloads.Library, v, round int) (simulated *Samples, run *Measured, err error) {
	server, err := c.Start(v)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if simulated, err = Simulate(ctx, lib, server.Settings, c.Profile, c.Agent, c.Seed); err != nil {
		return nil, nil, err
	}
	if err := c.warm(ctx, server); err != nil {
		return nil, nil, err
	}
	run, err = Measure(ctx, lib, server, c.Agent, c.content(round, v))
	return simulated, run, err
}
