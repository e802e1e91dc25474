package actors

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"tierlab/configs"
	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/router"
	"tierlab/reference/sandbox"
	"tierlab/reference/session"
	"tierlab/reference/tools"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Vocab is that of the token ids of recorded sessions on Null.
const Vocab = 32_000

// stage is a runtime over a store of its own, with the engine that computes
// nothing behind it.
type stage struct {
	folder string
	remove func()
	world  *topology.World
	caller hub.Caller
	close  func() error
	play   func(*workloads.Tool) session.Play
}

func newStage(o *Options, name string) (*stage, error) {
	s := &stage{play: session.PlayNothing}
	var err error
	if s.world, err = topology.Load(configs.FS, "local"); err != nil {
		return nil, err
	}
	if s.folder, s.remove, err = scratch(o.Folder, name); err != nil {
		return nil, err
	}
	if s.caller, s.close, err = Null(1 << 17); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *stage) end() error {
	defer s.remove()
	return s.close()
}

// Null is an engine that computes nothing, for contexts of so many tokens at
// most: what is left of a call is the engine's scheduler, its cache and its loop.
func Null(context int) (hub.Caller, func() error, error) {
	device, err := null.Open(null.Config{Vocab: Vocab, Context: max(context, 1<<12), Slots: 256, Budget: 8192, Blocks: 1 << 18, BlockTokens: 64})
	if err != nil {
		return nil, nil, err
	}
	e, err := engine.New(engine.Config{Backend: device, Sched: sched.Config{Queue: 4096}})
	if err != nil {
		return nil, nil, err
	}
	caller, err := hub.NewEngine(hub.EngineConfig{Engine: e, Model: "null"})
	if err != nil {
		return nil, nil, err
	}
	return caller, caller.Close, nil
}

// open is a runtime over the stage's store.
func (s *stage) open(owner string) (*session.Runtime, journal.Store, error) {
	store, err := pebblestore.Open(s.folder, pebblestore.Options{})
	if err != nil {
		return nil, nil, err
	}
	policy, err := router.Parse("nearest")
	if err != nil {
		return nil, nil, err
	}
	rt, err := session.New(session.Config{
		Store: store, World: s.world, Router: router.New(router.NewTable(s.world), policy.New(), router.DefaultConfig()),
		Agent: agent.DefaultConfig(), Caller: s.caller, Owner: owner, Play: s.play, Vocab: Vocab,
	})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return rt, store, nil
}

// with runs f on a runtime that is closed afterwards.
func (s *stage) with(ctx context.Context, f func(rt *session.Runtime, store journal.Store) error) error {
	rt, store, err := s.open("bench")
	if err != nil {
		return err
	}
	err = f(rt, store)
	return errors.Join(err, rt.Close(ctx), store.Close())
}

// chain is a library with one session: steps that follow each other, each with
// one tool call whose code runs in the sandbox where one is used. A step reads
// some and answers output tokens.
func chain(steps, output int) (*workloads.Library, error) {
	g := workloads.Session{ID: "chain"}
	list := make([]workloads.Step, steps)
	for i := range list {
		s := &list[i]
		s.ID = fmt.Sprintf("s%d", i+1)
		s.LLM = workloads.LLM{Kind: "plan", OutputTokens: output, Context: workloads.Context{Add: 200}}
		s.Tools = []workloads.Tool{{Name: "run_code", Code: &workloads.Code{Language: "javascript", Source: "input.reduce((a, b) => a + b, 0)"}}}
		if i > 0 {
			s.After = []workloads.After{{Step: list[i-1].ID}}
			s.LLM.Context = workloads.Context{From: list[i-1].ID, Keep: list[i-1].LLM.Context.Tokens() + output, Add: 50}
		}
	}
	graph, err := workloads.Compile(g, list, nil)
	if err != nil {
		return nil, err
	}
	return &workloads.Library{Header: workloads.Header{Name: "chain"}, Sessions: []*workloads.Graph{graph}}, nil
}

// Code makes recorded tool calls that have code by a sandbox.
func Code(p Runner) func(*workloads.Tool) session.Play {
	return session.PlayCode(func(ctx context.Context, code *workloads.Code, c *tools.Call) (tools.Result, error) {
		source := []byte(code.Source)
		if sandbox.Language(code.Language) == sandbox.Wasm {
			var err error
			if source, err = base64.StdEncoding.DecodeString(code.Source); err != nil {
				return tools.Result{}, err
			}
		}
		r, err := p.Run(ctx, &sandbox.Run{Language: sandbox.Language(code.Language), Source: source, Input: []byte("[1,2,3]")})
		switch {
		case err != nil:
			return tools.Result{}, err
		case r.Fault != nil:
			return tools.Result{Failed: true, Content: []byte(fmt.Sprintf("%q", r.Fault.Error()))}, nil
		}
		return tools.Result{Content: r.Value}, nil
	}, session.PlayNothing)
}

// seconds is a span as a table has it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
