package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/model"
	"tierlab/engine/sched"
	"tierlab/reference/topology"
	"tierlab/sim/steptime"
)

// engineOptions say how to run a model.
type engineOptions struct {
	model    modelOptions
	backend  string
	numerics string
	kernels  string
	threads  int

	gpus      string
	devices   []int // of gpus
	several   bool  // the command takes several GPUs
	invariant bool
	tune      bool

	usualSlots                              int // on cpu, where slots is 0
	slots, budget, block, context, kvTokens int
	kvGB                                    float64

	queue   int
	stall   time.Duration
	profile string
	trace   string

	template string

	fallback // what auto settled on
}

// flags binds the options to a command's flags.
func (o *engineOptions) flags(f *pflag.FlagSet, slots int) {
	o.model.flags(f)
	f.StringVar(&o.template, "chat-template", "", "the `name` of the chat template, llama3 or chatml (default: the model's own)")
	o.usualSlots = slots
	f.StringVar(&o.backend, "backend", "cpu", "the `device`: cpu, cuda, auto for cuda where it is usable and else cpu, or null, which computes nothing")
	f.StringVar(&o.gpus, "gpus", "0", "with cuda, the `numbers` of the GPUs as the driver counts them; several serve as replicas of one site")
	f.BoolVar(&o.invariant, "batch-invariant", false, "with cuda, the same bits for a request whatever runs beside it, which cpu has always")
	f.BoolVar(&o.tune, "tune", false, "with cuda, time what products may be computed by and take the quickest, at the start; without it the choice is fixed by the machine")
	f.StringVar(&o.numerics, "numerics", "bf16", "the `format` of weights, keys and values: bf16 or f32")
	f.StringVar(&o.kernels, "kernels", "", "the `instructions` to use: portable, avx512, avx512-bf16 or amx (default: the fastest here)")
	f.IntVar(&o.threads, "threads", 0, "the `number` of threads that compute; 0 is one for each processor")
	f.IntVar(&o.slots, "slots", 0, "how many `requests` run at once; 0 is "+usually(slots, func(s sizes) int { return s.slots }))
	f.IntVar(&o.budget, "budget", 0, "the most `tokens` computed in an iteration; 0 is "+usually(slots, func(s sizes) int { return s.budget }))
	f.IntVar(&o.context, "context", 0, "the longest context in `tokens`; 0 is the model's, as far as the memory holds it")
	f.IntVar(&o.block, "block", 0, "`tokens` in a block of keys and values; 0 is "+usually(slots, func(s sizes) int { return s.block }))
	f.IntVar(&o.kvTokens, "kv-tokens", 0, "memory for the keys and values of this many `tokens`; 0 is what is reasonable here")
	f.Float64Var(&o.kvGB, "kv-gb", 0, "memory for keys and values in `gigabytes` (10^9 bytes), in place of --kv-tokens")
	f.IntVar(&o.queue, "queue", 256, "how many `requests` may wait; more are refused")
	f.DurationVar(&o.stall, "stall", 0, "the longest `time` by which a prompt may hold up running requests in an iteration; needs --profile")
	f.StringVar(&o.profile, "profile", "", "the engine's step-time model, a `file` of tierlab calibrate")
	f.StringVar(&o.trace, "trace", "", "write what was scheduled, and when, to this `file`")
}

// validate looks at the options alone.
func (o *engineOptions) validate() error {
	if err := o.validateBackend(); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value int
		least int
	}{{"threads", o.threads, 0}, {"slots", o.slots, 1}, {"budget", o.budget, 1}, {"block", o.block, 1}, {"context", o.context, 0},
		{"kv-tokens", o.kvTokens, 0}, {"queue", o.queue, 0}} {
		if f.value < f.least || f.value > 1<<30 {
			return fmt.Errorf("--%s is %d: it is at least %d", f.name, f.value, f.least)
		}
	}
	switch {
	case !(o.kvGB >= 0) || o.kvGB > 1e6:
		return fmt.Errorf("--kv-gb is %g: it is at least 0", o.kvGB)
	case o.kvGB > 0 && o.kvTokens > 0:
		return errors.New("--kv-gb and --kv-tokens both say how much memory: give one")
	case o.budget < o.slots+o.block:
		return fmt.Errorf("--budget is %d: it is at least --slots + --block, %d here", o.budget, o.slots+o.block)
	case o.stall < 0:
		return fmt.Errorf("--stall is %v: it is at least 0", o.stall)
	case o.stall > 0 && o.profile == "":
		return errors.New("--stall needs --profile: a bound in time follows from how long iterations take (tierlab calibrate measures it)")
	}
	return nil
}

// loadedModel is a model that is open, and not yet read.
type loadedModel struct {
	modelText
	config  model.Config
	source  model.Source
	profile *steptime.Profile // nil: none was given
}

// load opens the model and what belongs to it. It reads no weights.
func (o *engineOptions) load() (*loadedModel, error) {
	m, err := o.loadWithoutText()
	if err != nil {
		return nil, err
	}
	if m.modelText, err = o.text(m.config); err != nil {
		m.source.Close()
		return nil, err
	}
	return m, nil
}

// loadWithoutText opens a model whose tokens need no text: a folder need not
// have a tokenizer.
func (o *engineOptions) loadWithoutText() (*loadedModel, error) {
	profile, err := o.readProfile()
	if err != nil {
		return nil, err
	}
	source, err := o.model.open()
	if err != nil {
		return nil, err
	}
	return &loadedModel{config: source.Config(), source: source, profile: profile}, nil
}

// localEngine is an engine in this process.
type localEngine struct {
	*engine.Engine
	trace  *os.File
	phases []backend.Phase // of its start
}

// start reads the weights and starts the engine. It closes the model's source,
// for the backend has read it. Observe, if not nil, makes the engine's observer,
// which may depend on what the backend can do.
func (o *engineOptions) start(m *loadedModel, observe func(backend.Caps) engine.Observer) (*localEngine, error) {
	defer m.source.Close()
	return o.startOn(m, o.devices[0], o.trace, observe)
}

// startOn is start for one of several devices; the source stays open.
func (o *engineOptions) startOn(m *loadedModel, device int, trace string, observe func(backend.Caps) engine.Observer) (*localEngine, error) {
	l := &localEngine{}
	began := time.Now()
	b, err := o.openBackend(m.source, device)
	if err != nil {
		return nil, badInput(err)
	}
	l.phases = opened(b, time.Since(began))
	cfg := engine.Config{
		Backend: b, Tokenizer: m.tokenizer, End: m.config.EOS, KeepBlocks: keepBlocks(b.Caps()), Sched: o.scheduling(),
	}
	if m.profile != nil {
		cost := m.profile.Linear()
		cfg.Cost = &cost
	}
	if observe != nil {
		cfg.Observer = observe(b.Caps())
	}
	if trace != "" {
		if l.trace, err = os.Create(trace); err != nil {
			b.Close()
			return nil, badInputf("--trace: %w", err)
		}
		cfg.Trace = l.trace
	}
	if l.Engine, err = engine.New(cfg); err != nil {
		if l.trace != nil {
			l.trace.Close()
		}
		return nil, badInput(err)
	}
	return l, nil
}

// opened are the phases of a backend's opening, which took that long in all.
func opened(b backend.Backend, took time.Duration) []backend.Phase {
	phases := []backend.Phase{{Name: "backend", Took: took}}
	if p, ok := b.(backend.Phased); ok {
		for _, part := range p.Phases() {
			phases = append(phases, backend.Phase{Name: "backend: " + part.Name, Took: part.Took})
		}
	}
	return phases
}

// scheduling is how the engine schedules, but for what follows from its backend.
func (o *engineOptions) scheduling() sched.Config {
	return sched.Config{Queue: o.queue, Stall: o.stall}.Fair()
}

// keepBlocks bounds what hints may retain, in blocks, as in a simulated site.
func keepBlocks(caps backend.Caps) int {
	return int(topology.DefaultBatching().KeepShare * float64(caps.Blocks))
}

func (o *engineOptions) readProfile() (*steptime.Profile, error) {
	if o.profile == "" {
		return nil, nil
	}
	f, err := os.Open(o.profile)
	if err != nil {
		return nil, badInputf("--profile: %w", err)
	}
	defer f.Close()
	p, err := steptime.Read(f, o.profile)
	return p, badInput(err)
}

// Close stops the engine and completes the trace.
func (l *localEngine) Close() error {
	err := l.Engine.Close()
	if l.trace != nil {
		err = errors.Join(err, l.trace.Close())
	}
	return err
}
