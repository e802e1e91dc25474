package claims

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"tierlab/configs"
	"tierlab/reference/agent"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/sim"
	"tierlab/workloads"
	"tierlab/workloads/generate"
)

// Options size the experiments.
type Options struct {
	// Sessions are measured in a replication, Replications are made of every
	// point, each with draws of its own.
	Sessions, Replications int
	// WarmUp is how long sessions arrive before those that are measured.
	WarmUp time.Duration
	Seed   uint64
	// Workers is how many points run at once; 0 is one.
	Workers int
	// Data is a folder of recordings; "" is none.
	Data string
	// Edge, EdgeByDistance and Clouds are the topologies that the claims are
	// about: the edge platform, the same with round trips from distance alone,
	// and the traditional clouds, of which the first is the plain one.
	Edge, EdgeByDistance string
	Clouds               []string
	// Progress, when set, is told how many points are done. It may be called
	// from any goroutine, one call at a time.
	Progress func(points int)
}

// DefaultOptions are those of the command.
func DefaultOptions() Options {
	return Options{
		Sessions: 100, Replications: 6, WarmUp: 5 * time.Minute, Seed: 1, Workers: 1,
		Edge: "agent-cloud", EdgeByDistance: "agent-cloud-geographic",
		Clouds: []string{"flat-central", "hyperscaler-aws", "hyperscaler-azure", "hyperscaler-gcp", "hyperscaler-local-zones"},
	}
}

// The load of every experiment that states no other.
const (
	arrivalsPerSecond = 0.2
	// A person's time to think is no part of an active makespan, and a tool
	// takes as long under every policy. The caps keep a point from running on
	// for hours until its last session has ended.
	thinkCap = time.Minute
	toolCap  = 10 * time.Minute
)

// Lab runs experiments and keeps what several claims share. It is for use by
// one goroutine; the points of an experiment run on Workers goroutines.
type Lab struct {
	Options
	worlds    map[string]*topology.World
	libraries map[string]*workloads.Library
	points    int
	faulty    []*result // every policy in a world with faults
	lived     *living   // sessions that lived through the actors
	stale     *staleness
}

// NewLab makes a Lab.
func NewLab(o Options) *Lab {
	return &Lab{Options: o, worlds: map[string]*topology.World{}, libraries: map[string]*workloads.Library{}}
}

// world is a built-in topology.
func (l *Lab) world(name string) (*topology.World, error) {
	if w, ok := l.worlds[name]; ok {
		return w, nil
	}
	w, err := topology.Load(configs.FS, name)
	if err != nil {
		return nil, err
	}
	l.worlds[name] = w
	return w, nil
}

// byDistance is a built-in topology with round trips from distance alone.
func (l *Lab) byDistance(name string) (*topology.World, error) {
	key := name + " by distance"
	if w, ok := l.worlds[key]; ok {
		return w, nil
	}
	text := fmt.Sprintf("schema: %s\nname: %s-by-distance\nabout: %q\nextends: %s\nrtt_model: geographic\n",
		topology.Schema, name, name+" with round trips from distance alone", name)
	w, err := topology.Parse(configs.FS, key, []byte(text))
	if err != nil {
		return nil, err
	}
	l.worlds[key] = w
	return w, nil
}

// changed is a copy of a world; change may replace what is not behind a
// pointer, a slice or a map.
func changed(w *topology.World, change func(*topology.World)) *topology.World {
	c := *w
	change(&c)
	return &c
}

// embedded is the built-in mix of agents.
func (l *Lab) embedded() (*workloads.Library, error) {
	return l.library("embedded", generate.Embedded)
}

// templates is how many sessions a generated population has for the
// replications to resample.
const templates = 200

// profile is a population of generated sessions, with a share of easy steps of
// its own where simple is not negative.
func (l *Lab) profile(name string, simple float64) (*workloads.Library, error) {
	return l.library(fmt.Sprintf("%s %g", name, simple), func() (*workloads.Library, error) {
		p, err := generate.Builtin(name)
		if err != nil {
			return nil, err
		}
		if simple >= 0 {
			p.SimpleShare = simple
		}
		h, err := p.Header(templates, l.Seed)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		w := workloads.NewWriter(&b, h)
		if err := generate.Generate(p, templates, l.Seed, w); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return workloads.ReadLibrary(&b, name)
	})
}

func (l *Lab) library(key string, make func() (*workloads.Library, error)) (*workloads.Library, error) {
	if lib, ok := l.libraries[key]; ok {
		return lib, nil
	}
	lib, err := make()
	if err == nil {
		l.libraries[key] = lib
	}
	return lib, err
}

// agents are the built-in profiles of more than one step.
func agents() []string {
	return []string{"coding-agent", "customer-support", "deep-research", "multi-agent", "shopping-assistant"}
}

// setting is what the points of one experiment share.
type setting struct {
	world    *topology.World
	library  *workloads.Library
	arrivals sim.Arrivals     // zero: Poisson at arrivalsPerSecond
	once     bool             // one replication is enough
	limits   workloads.Budget // of every session, beside its own
	// Sessions are billed by these books, if there are any.
	catalogue *ledger.Catalogue
	books     []ledger.Book
}

// result is one policy's replications.
type result struct {
	policy string
	reps   []*meter
	totals []sim.Totals
}

// of is a measure of every replication.
func (r *result) of(measure func(*meter) float64) []float64 {
	xs := make([]float64, len(r.reps))
	for i, m := range r.reps {
		xs[i] = measure(m)
	}
	return xs
}

func (r *result) estimate(measure func(*meter) float64) Estimate { return estimate(r.of(measure)) }

// over is the paired difference r - base of a measure.
func (r *result) over(base *result, measure func(*meter) float64) Estimate {
	return paired(r.of(measure), base.of(measure))
}

// play runs policies in a setting and gives their results in order.
func (l *Lab) play(ctx context.Context, s setting, policies ...string) ([]*result, error) {
	specs, err := router.ParseList(strings.Join(policies, ","))
	if err != nil {
		return nil, err
	}
	scenario, err := sim.NewScenario(s.world, s.library)
	if err != nil {
		return nil, err
	}
	base := sim.Config{
		Scenario: scenario, Agent: agentConfig(), Router: router.DefaultConfig(),
		Arrivals: s.arrivals, Sessions: l.Sessions, WarmUp: l.WarmUp, Seed: l.Seed,
	}
	base.Agent.Limits = s.limits
	if base.Arrivals.Process == 0 {
		base.Arrivals = sim.Arrivals{Process: sim.Poisson, Rate: arrivalsPerSecond, CV: 1}
	}
	replications := l.Replications
	if s.once {
		replications = 1
	}
	results := make([]*result, len(specs))
	for i := range specs {
		results[i] = &result{policy: policies[i], reps: make([]*meter, replications)}
	}
	var lock sync.Mutex
	sink := func(pt sim.Point) workloads.Sink {
		m := newMeter(&s)
		lock.Lock()
		defer lock.Unlock()
		results[pt.Policy].reps[pt.Replication] = m
		return m
	}
	totals, err := sim.Sweep(ctx, base, specs, replications, max(1, l.Workers), sink, l.count)
	if err == nil {
		err = ctx.Err()
	}
	for i := range results {
		results[i].totals = totals[i]
	}
	return results, err
}

// count reports a finished point.
func (l *Lab) count(sim.Point, sim.Totals) {
	l.points++
	if l.Progress != nil {
		l.Progress(l.points)
	}
}

// Points is how many points have been simulated.
func (l *Lab) Points() int { return l.points }

// agentConfig has sessions that are durable before their effects show, and
// answers that are validated.
func agentConfig() agent.Config {
	c := agent.DefaultConfig()
	c.CommitEach, c.Validate = true, true
	c.ThinkCap, c.ToolCap = thinkCap, toolCap
	return c
}

// how says what was simulated; Load says under which load.
func (l *Lab) how(workload, world string) string {
	return fmt.Sprintf("simulated: %s on %s", workload, world)
}

// Load describes what all simulations share.
func (l *Lab) Load() string {
	return fmt.Sprintf("Simulated at the queue fidelity, by default with %g sessions a second (Poisson), %d measured after %s, think and tool time capped at %s and %s, "+
		"answers validated, every step committed; %d replications, %g %% intervals, seed %d.",
		arrivalsPerSecond, l.Sessions, minutes(l.WarmUp), minutes(thinkCap), minutes(toolCap), l.Replications, 100*level, l.Seed)
}

func minutes(d time.Duration) string { return fmt.Sprintf("%g min", d.Minutes()) }
