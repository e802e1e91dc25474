package faults

import (
	"time"

	"tierlab/reference/topology"
)

// world has one deployment, beside its users, which answers whatever it is asked.
func world() (*topology.World, error) {
	return topology.Assemble(topology.World{
		Name:   "one",
		Models: []topology.Model{{Name: "script", ParamsB: 1, ActiveB: 1, ContextTokens: 1 << 17, Modalities: []string{"text"}}},
		Sites: []topology.Site{{Name: "here", Tier: topology.Central, Region: "r", Home: true, Deployments: []topology.Deployment{{
			Model: 0, Replicas: 1, Slots: 1024, QueueLimit: 1024, PrefillTokS: 1e6, StepBase: time.Millisecond, KVTokens: 1 << 26,
			Price: topology.Price{In: 1, Cached: 0.1, Out: 4},
		}}}},
		Origins:  []topology.Origin{{Name: "o", Region: "r", Weight: 1}},
		Platform: topology.Platform{ToolsAt: "home"},
		Quality:  topology.Quality{Difficulty: map[string]topology.Normal{"": {SD: 1}}},
	}, make([]topology.Link, 4))
}
