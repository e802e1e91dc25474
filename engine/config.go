package engine

import (
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/engine/trace"
)

// Config is what an engine is made of.
type Config struct {
	// Backend computes. The engine owns it from New on, even if New fails, and
	// closes it.
	Backend backend.Backend
	// Tokenizer turns output into text. Without one tokens have no text, and
	// stop strings are refused.
	Tokenizer tokenizer.Tokenizer
	// Sched says how to schedule. Slots, Budget and Context of 0 are the
	// backend's, which are also their upper bounds; Depth and Tables follow from
	// the backend whatever is set.
	Sched sched.Config
	// Cost is the step-time model of the stall bound; nil only without one.
	Cost sched.Coster
	// KeepBlocks bounds what Request.KeepFor may retain, in blocks.
	KeepBlocks int
	// End are the model's end-of-sequence tokens.
	End []int32
	// Observer, if not nil, is told of each iteration and each request.
	Observer Observer
	// Trace, if not nil, receives the run as package trace describes it.
	Trace io.Writer
}

// New starts an engine. It runs until Close.
func New(cfg Config) (*Engine, error) {
	e, err := build(cfg)
	if err != nil {
		if cfg.Backend != nil {
			cfg.Backend.Close()
		}
		return nil, err
	}
	go e.run()
	return e, nil
}

func build(cfg Config) (*Engine, error) {
	if cfg.Backend == nil {
		return nil, fmt.Errorf("engine: no backend")
	}
	caps := cfg.Backend.Caps()
	for _, id := range cfg.End {
		if id < 0 || int(id) >= caps.Vocab {
			return nil, fmt.Errorf("engine: end-of-sequence token %d is outside the vocabulary of %d", id, caps.Vocab)
		}
	}
	if t := cfg.Tokenizer; t != nil && t.Vocab() > caps.Vocab {
		return nil, fmt.Errorf("engine: the tokenizer has %d tokens, the model's vocabulary %d: they belong to different models", t.Vocab(), caps.Vocab)
	}
	if err := fit(&cfg.Sched, caps); err != nil {
		return nil, err
	}
	cache, err := kv.New(kv.Config{Blocks: caps.Blocks, BlockTokens: caps.BlockTokens, KeepBlocks: cfg.KeepBlocks})
	if err != nil {
		return nil, err
	}
	scheduler, err := sched.New(cfg.Sched, cache, cfg.Cost)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, caps: caps, start: time.Now(),
		mail:  mailbox{wake: make(chan struct{}, 1)},
		done:  make(chan struct{}),
		sched: scheduler,
		live:  map[uint64]*sequence{},
		ring:  make([]flight, caps.Depth+1),
	}
	rand.Read(e.secret[:]) // never fails: see crypto/rand
	if cfg.Trace != nil {
		about := trace.Engine{Backend: caps.Name, Model: caps.Model, Numerics: caps.Numerics, Kernels: caps.Kernels, Threads: caps.Threads}
		e.trace = trace.NewWriter(cfg.Trace, about.With(cache.Config, cfg.Sched))
	}
	return e, nil
}

// fit completes a scheduler's settings from what the backend can do.
func fit(s *sched.Config, caps backend.Caps) error {
	held := min(caps.Context, caps.Blocks*caps.BlockTokens)
	for _, f := range []struct {
		name  string
		value *int
		most  int
	}{{"slots", &s.Slots, caps.Slots}, {"budget", &s.Budget, caps.Budget}, {"context", &s.Context, held}} {
		if *f.value == 0 {
			*f.value = f.most
		}
		if *f.value > f.most {
			return fmt.Errorf("engine: %s is %d, the backend's bound is %d", f.name, *f.value, f.most)
		}
	}
	s.Depth, s.Tables = caps.Depth, true
	return nil
}
