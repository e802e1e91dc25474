package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/gonum/stat"

	"tierlab/bench/target"
	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/session/content"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Config is one replay.
type Config struct {
	World   *topology.World
	Library *workloads.Library // sessions with arrivals
	Policy  router.Spec
	Home    router.HomePolicy
	Agent   agent.Config
	Router  router.Config
	// Endpoint is the server of a deployment, or nil.
	Endpoint func(router.Target) *target.Target
	// Extended says that the servers are tierlab's: answers are forced.
	Extended bool
	Vocab    int    // token ids are below it, and the servers' models know them
	Seed     uint64 // of token ids and of the sessions' draws
	// Retain is for how long a server is asked to keep a session's context over
	// its tool calls, as sim.Config.Retain has it; 0: not at all.
	Retain time.Duration
	Sink   workloads.Sink
}

// Report is what a replay says of itself.
type Report struct {
	Sessions, Steps, Attempts int
	Failed                    map[string]int // attempts, by message
	Lag                       []time.Duration
	// Gaps are the times between the tokens of an answer, over all answers, as
	// far as chunks held one token each.
	Gaps []time.Duration
	Took time.Duration
}

// Run replays the library's sessions. It returns when all are over, or when ctx
// ends, with what there was by then.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	r := &run{
		cfg: &cfg, ctx: ctx, start: time.Now(),
		router:   router.New(router.NewTable(cfg.World), cfg.Policy.New(), cfg.Router),
		contents: content.New(cfg.Library.Prefixes, cfg.Vocab, cfg.Seed),
		report:   Report{Failed: map[string]int{}},
	}
	drivers, err := r.prepare()
	if err != nil {
		return nil, err
	}
	var group sync.WaitGroup
	for _, d := range drivers {
		group.Go(d.live)
	}
	group.Wait()
	r.report.Took = r.now()
	return &r.report, errors.Join(r.err, ctx.Err())
}

func (c *Config) check() error {
	switch {
	case !c.Library.Recorded:
		return fmt.Errorf("live: workload %q has sessions without arrival_ms", c.Library.Header.Name)
	case c.Agent.Validate:
		return errors.New("live: there is no validator: switch it off")
	case c.Agent.CompactAbove > 0:
		return errors.New("live: contexts are as recorded and are not compacted: set no bound for them")
	case c.Vocab < 2:
		return fmt.Errorf("live: a vocabulary of %d tokens, want at least 2", c.Vocab)
	}
	return c.Agent.Check()
}

// run is a replay under way.
type run struct {
	cfg      *Config
	ctx      context.Context
	start    time.Time
	contents *content.Source

	mu     sync.Mutex // guards what follows
	router *router.Router
	report Report
	err    error
}

func (r *run) now() time.Duration { return time.Since(r.start) }

// prepare makes a driver for each session.
func (r *run) prepare() ([]*driver, error) {
	w := r.cfg.World
	drivers := make([]*driver, len(r.cfg.Library.Sessions))
	for i, g := range r.cfg.Library.Sessions {
		program, err := agent.Prepare(g, w)
		if err != nil {
			return nil, fmt.Errorf("live: workload %q: %w", r.cfg.Library.Header.Name, err)
		}
		origin := topology.OriginID(0)
		if g.Session.Origin != "" {
			if origin = w.OriginByName(g.Session.Origin); origin < 0 {
				return nil, fmt.Errorf("live: session %q: origin %q is not in topology %q", g.Session.ID, g.Session.Origin, w.Name)
			}
		}
		d := &driver{
			run: r, number: i, graph: g, content: r.contents.Of(g, g.Session.ID), calls: map[callID]attempt{},
			inbox: make(chan message), over: make(chan struct{}),
		}
		key := rng.New(r.cfg.Seed, 0).For(rng.Service).Fold(uint64(i))
		d.machine.Reset(&r.cfg.Agent, program, key, uint64(i), origin, r.cfg.Home.Place(w, origin))
		drivers[i] = d
	}
	return drivers, nil
}

// late books by how much something happened after its time.
func (r *run) late(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Lag = append(r.report.Lag, max(0, by))
}

// done books an attempt.
func (r *run) done(a *target.Answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Attempts++
	if err != nil {
		r.report.Failed[err.Error()]++
		return
	}
	if len(a.Chunks) != a.Output {
		return
	}
	for i := 1; i < len(a.Chunks); i++ {
		r.report.Gaps = append(r.report.Gaps, a.Chunks[i]-a.Chunks[i-1])
	}
}

// LagQuantile is the least lag that a share q of the events does not exceed; 0
// without events.
func (r *Report) LagQuantile(q float64) time.Duration {
	if len(r.Lag) == 0 {
		return 0
	}
	lags := make([]float64, len(r.Lag))
	for i, d := range r.Lag {
		lags[i] = float64(d)
	}
	slices.Sort(lags)
	return time.Duration(stat.Quantile(q, stat.Empirical, lags, nil))
}
