package validate

import (
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Settings are how an engine schedules and caches, as it does in fact: what was
// left to it filled in.
type Settings struct {
	Sched sched.Config
	KV    kv.Config
	// Retain is for how long the engine is asked to keep a session's context
	// over its tool calls.
	Retain time.Duration
}

// world is one site with one engine beside its users. Its speeds are nominal:
// the simulated engine goes by a profile, and routers have no choice.
func world(s Settings) (*topology.World, error) {
	context := s.Sched.Context
	if context == 0 {
		context = s.KV.Blocks * s.KV.BlockTokens
	}
	return topology.Assemble(topology.World{
		Name:   "one engine",
		Models: []topology.Model{{Name: "model", ParamsB: 1, ActiveB: 1, ContextTokens: context, Modalities: []string{"text"}}},
		Sites: []topology.Site{{
			Name: "here", Tier: topology.Central, Region: "here", Home: true,
			Deployments: []topology.Deployment{{
				Model: 0, Replicas: 1, Slots: s.Sched.Slots, QueueLimit: s.Sched.Queue, PrefillTokS: 1e4, StepBase: time.Millisecond,
				KVTokens: int64(s.KV.Blocks) * int64(s.KV.BlockTokens),
			}},
		}},
		Origins:  []topology.Origin{{Name: "here", Region: "here", Weight: 1}},
		Platform: topology.Platform{KeepAlive: time.Hour, InitialWindow: 1 << 30, ToolsAt: "home", ViewInterval: time.Second},
		Quality:  topology.Quality{Difficulty: map[string]topology.Normal{"": {SD: 1}}},
	}, make([]topology.Link, 4))
}

// OneSite is the workload without what says where a step may run, or how much
// it may cost.
func OneSite(lib *workloads.Library) *workloads.Library {
	free := *lib
	free.Sessions = make([]*workloads.Graph, len(lib.Sessions))
	for i, g := range lib.Sessions {
		c := *g
		c.Session.Origin, c.Session.Data, c.Session.Budget = "", nil, nil
		c.Steps = make([]workloads.Node, len(g.Steps))
		for k := range g.Steps {
			c.Steps[k] = g.Steps[k]
			step := *g.Steps[k].Step
			step.PII, step.LLM.Pin, step.LLM.Modality = false, "", ""
			c.Steps[k].Step = &step
		}
		free.Sessions[i] = &c
	}
	return &free
}

// Longest is the workload's longest context, its answer included, in tokens.
func Longest(lib *workloads.Library) int {
	longest := 0
	for _, g := range lib.Sessions {
		for k := range g.Steps {
			longest = max(longest, g.Steps[k].Input+max(1, g.Steps[k].Output))
		}
	}
	return longest
}

// Fits is the largest of the factors 1, 0.99, 0.98, ... 0.01 of its tokens with
// which a workload's contexts are at most limit tokens long; 0 if none is.
func Fits(lib *workloads.Library, limit int) float64 {
	const steps = 100
	for i := steps; i > 0; i-- {
		f := float64(i) / steps
		if scaled, err := lib.Scale(f); err == nil && Longest(scaled) <= limit {
			return f
		}
	}
	return 0
}
