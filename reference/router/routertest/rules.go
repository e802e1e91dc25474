package routertest

import (
	"math"
	"slices"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// state is what a case has done to its router, kept apart from it: the rules
// are read off it anew, slowly and without the router's tables.
type state struct {
	world   *topology.World
	config  router.Config
	off     map[topology.SiteID]bool
	without map[topology.ModelID]bool
	down    map[topology.SiteID]bool
	open    map[router.Target]bool // breakers, by site and model
}

// broken is the hard rule that a target would break; "": none.
func (s *state) broken(req *router.Request, t router.Target) string {
	if t.Site < 0 || int(t.Site) >= len(s.world.Sites) {
		return "no such site"
	}
	site := &s.world.Sites[t.Site]
	d := s.world.Deployment(t.Site, t.Model)
	if d == nil || d.Replicas < 1 {
		return "the model is not at the site"
	}
	if t.Replica != topology.None && (t.Replica < d.First || t.Replica >= d.First+topology.ReplicaID(d.Replicas)) {
		return "the replica is not the deployment's"
	}
	m := &s.world.Models[t.Model]
	modality := req.Modality
	if modality == "" {
		modality = "text"
	}
	allowance := min(s.config.MaxOutput, m.ContextTokens/4)
	left := req.History.USDLeft
	switch {
	case req.PII && site.Tier != topology.Device:
		return "private data off the device"
	case req.Residency != nil && site.Tier != topology.Device && !slices.Contains(req.Residency, site.Region):
		return "residency"
	case !slices.Contains(m.Modalities, modality):
		return "modality"
	case req.Input > m.ContextTokens-allowance:
		return "context length"
	case req.Pin != topology.None && req.Pin != t.Model:
		return "pin"
	case s.off[t.Site] || s.without[t.Model]:
		return "kill switch"
	case math.IsNaN(left) || left >= 0 && s.price(req, d) > left:
		return "budget"
	}
	return ""
}

// price bounds what an attempt at a deployment can cost.
func (s *state) price(req *router.Request, d *topology.Deployment) float64 {
	in := float64(max(req.Input, 0)) * max(d.Price.In, d.Price.Cached)
	return (in + float64(s.config.MaxOutput)*d.Price.Out) / 1e6
}

// best says what the world has to offer: whether the rules admit any target,
// and whether they admit one that is in service and that this step's failed
// attempts have not been at.
func (s *state) best(req *router.Request) (admissible, fine bool) {
	for i := range s.world.Sites {
		for j := range s.world.Sites[i].Deployments {
			t := router.Target{Site: topology.SiteID(i), Model: s.world.Sites[i].Deployments[j].Model, Replica: topology.None}
			if s.broken(req, t) == "" {
				admissible = true
				fine = fine || s.fine(req, t)
			}
		}
	}
	return admissible, fine
}

func (s *state) fine(req *router.Request, t router.Target) bool {
	if s.down[t.Site] || s.open[router.Target{Site: t.Site, Model: t.Model, Replica: topology.None}] {
		return false
	}
	return req.Last == workloads.StatusInvalid || !slices.ContainsFunc(req.Tried, func(u router.Target) bool {
		return u.Site == t.Site && u.Model == t.Model
	})
}

// now is the time of every decision of a case, so that no breaker's cool-down
// passes.
const now = time.Second
