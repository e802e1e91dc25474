package cli

import (
	"tierlab/reference/router"
	"tierlab/reference/topology"
)

// localTopology is the built-in world of one site with one model, whose name
// and price are the session's model's.
const localTopology = "local"

// agentWorld is the world that a live session's steps are routed in.
func agentWorld(name, model string, price *topology.Price) (*topology.World, error) {
	w, err := readWorld(name)
	if err != nil || name != localTopology {
		return w, err
	}
	stand := w.Sites[0].Deployments[0].Model
	local := *w
	local.Models = []topology.Model{w.Models[stand]}
	local.Models[0].Name = model
	local.Sites = []topology.Site{w.Sites[0]}
	d := w.Sites[0].Deployments[0]
	d.Model = 0
	if price != nil {
		d.Price = *price
	}
	local.Sites[0].Deployments = []topology.Deployment{d}
	places := len(w.Sites) + len(w.Origins)
	links := make([]topology.Link, 0, places*places)
	for a := range places {
		for b := range places {
			links = append(links, *w.Link(topology.Place(a), topology.Place(b)))
		}
	}
	return topology.Assemble(local, links)
}

// agentRouter routes by a policy, as its user wrote it.
func agentRouter(w *topology.World, policy string, maxOutput int) (*router.Router, error) {
	spec, err := router.Parse(policy)
	if err != nil {
		return nil, badInputf("--policy: %w", err)
	}
	if spec.Name() == "oracle" {
		return nil, badInputf("--policy: oracle knows the future, which a live session has not met yet: choose another (tierlab policy list)")
	}
	c := router.DefaultConfig()
	c.MaxOutput = maxOutput
	return router.New(router.NewTable(w), spec.New(), c), nil
}
