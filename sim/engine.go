package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
	"tierlab/reference/topology"
	"tierlab/sim/batching"
	"tierlab/sim/site"
	"tierlab/sim/steptime"
)

// Fidelity is how closely sites are modelled.
type Fidelity uint8

// The fidelities.
const (
	Queue  Fidelity = iota // limited processor sharing, an estimate of cached prefixes
	Engine                 // the engine's own scheduler and cache over a step-time model
)

func (f Fidelity) String() string { return [...]string{"queue", "engine"}[f] }

// ParseFidelity reads a fidelity's name.
func ParseFidelity(name string) (Fidelity, error) {
	for f := Queue; f <= Engine; f++ {
		if name == f.String() {
			return f, nil
		}
	}
	return 0, fmt.Errorf("no fidelity %q; known are queue and engine", name)
}

// AutoRetain asks sites to retain contexts for as long as nine in ten of the
// workload's tool calls take at most: what an agent's runtime may expect.
const AutoRetain time.Duration = -1

// engine is a replica's server at the engine fidelity. The zero engine is none.
type engine struct {
	server   *batching.Server
	size     int // number of its block size
	overhead *steptime.Overhead
}

// enter is how long a request that has just come takes to the engine.
func (e *engine) enter(c *call) time.Duration {
	if e.overhead == nil || c.entered {
		return 0
	}
	c.entered = true
	return e.overhead.Enter(c.input)
}

// leave is how long an answer of that many tokens takes to leave a site.
func (e *engine) leave(output int) time.Duration {
	if e.overhead == nil {
		return 0
	}
	return e.overhead.Leave(output)
}

// answered takes over what the server says of a job that is done.
func (e *engine) answered(c *call, t *site.Transition) {
	c.cached = int(t.Cached)
	c.first += e.leave(1)
	c.done = max(c.first, c.done+e.leave(c.output))
}

// batching is how a deployment's engine is configured: by its own figures, or
// by those of a measured engine that serves its model.
func (c *Config) batching(d *topology.Deployment) (batching.Config, *steptime.Overhead) {
	b := cmp.Or(d.Batching, topology.DefaultBatching())
	blocks := int(min(max(d.KVTokens/int64(b.BlockTokens), 1), int64(math.MaxInt32/b.BlockTokens)))
	cfg := batching.Config{
		Sched: sched.Config{
			Slots: d.Slots, Budget: d.Slots + max(b.BudgetTokens, b.BlockTokens), Queue: d.QueueLimit,
			Context: c.Scenario.World.Models[d.Model].ContextTokens, Depth: b.Ahead, Stall: b.Stall,
		}.Fair(),
		KV: kv.Config{Blocks: blocks, BlockTokens: b.BlockTokens, KeepBlocks: int(b.KeepShare * float64(blocks))},
	}
	model := steptime.Of(d)
	var overhead *steptime.Overhead
	if profile := c.StepTime[d.Model]; profile != nil {
		model, overhead = profile.Linear(), &profile.Overhead
	}
	cfg.Cost = &model
	if c.Tune != nil {
		c.Tune(d, &cfg)
	}
	return cfg, overhead
}

// checkEngines says which deployment cannot be served at the engine fidelity.
func (c *Config) checkEngines() error {
	if c.Fidelity != Engine {
		return nil
	}
	for i := range c.Scenario.World.Sites {
		s := &c.Scenario.World.Sites[i]
		for k := range s.Deployments {
			cfg, _ := c.batching(&s.Deployments[k])
			if err := cfg.Check(); err != nil {
				return fmt.Errorf("sim: site %s, model %s: %w", s.Name, c.Scenario.World.Models[s.Deployments[k].Model].Name, err)
			}
		}
	}
	return nil
}

// buildEngine makes a replica's server of the engine fidelity.
func (p *point) buildEngine(r *replica) {
	cfg, overhead := p.cfg.batching(r.d)
	server, err := batching.New(cfg)
	if err != nil {
		panic(err) // prepare has checked the configuration
	}
	size := slices.Index(p.sizes, cfg.KV.BlockTokens)
	if size < 0 {
		size = len(p.sizes)
		p.sizes = append(p.sizes, cfg.KV.BlockTokens)
	}
	r.server, r.engine = server, engine{server: server, size: size, overhead: overhead}
}

// openContexts readies a session's contents for the engines' block sizes.
func (p *point) openContexts(s *session) {
	for len(s.contexts) < len(p.sizes) {
		s.contexts = append(s.contexts, contexts{size: p.sizes[len(s.contexts)]})
	}
	for i := range s.contexts {
		s.contexts[i].reset(s, p.prefixes)
	}
}

// offerEngine puts a request before a replica's engine.
func (p *point) offerEngine(i int32, r *replica, s *session) (site.Handle, site.Outcome, []site.Transition) {
	c := &p.calls[i]
	prompt, salt := s.contexts[r.engine.size].call(c.step)
	if prompt.Len() != c.input {
		p.keepError(fmt.Errorf("INV-5: session %s, step %d: a prompt of %d tokens has a content of %d", s.graph.Session.ID, c.step, c.input, prompt.Len()))
	}
	if c.input == 0 { // an engine has something to compute
		prompt = prompt.AppendMade(salt, -1, 1)
	}
	job := batching.Job{
		Tag:     uint64(i),
		Request: sched.Request{Session: uint64(s.number), Prompt: prompt, MaxTokens: max(1, c.output), Forced: true, Salt: salt},
	}
	if p.retain > 0 && len(s.graph.Steps[c.step].Step.Tools) > 0 {
		job.KeepFor = p.retain
	}
	if p.router.Clairvoyant() { // the one who asks for it
		c.cached = min(r.engine.server.Resident(prompt), prompt.Len()-1)
		prefill, decode := work(r.d, c)
		job.Work = prefill + decode
	}
	return r.engine.server.Arrive(p.now, job, p.moved[:0])
}

// withdrawn prices an attempt that was called off at its engine, which knows
// what it had produced.
func (p *point) withdrawn(i int32) {
	c := &p.calls[i]
	if c.handle == 0 { // it was done at this very moment
		return
	}
	c.handle = 0
	if c.started == p.now { // it never ran
		c.output, c.cached = 0, 0
		return
	}
	p.price(c)
	p.priceBytes(c, p.sessions[c.session])
}

// expectedGap is how long nine in ten of the workload's tool calls take at most,
// under the run's cap.
func (c *Config) expectedGap() time.Duration {
	var gaps []time.Duration
	for _, g := range c.Scenario.Library.Sessions {
		for k := range g.Steps {
			for t := range g.Steps[k].Step.Tools {
				gaps = append(gaps, c.Agent.CapTool(g.Steps[k].Step.Tools[t].Duration.D()))
			}
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)*9/10]
}
