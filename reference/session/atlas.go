package session

import (
	"tierlab/reference/router"
	"tierlab/reference/topology"
)

// atlas is the world as one session has met it: its home, and the sites and
// models that decisions named, numbered in the order in which they came up. The
// machine lives in it, so that a journal says all of its session whatever
// topology the reader has.
type atlas struct {
	world topology.World
	// sites and models are the runtime's numbers for ours, None where its
	// topology has no such name. A replay without a runtime has none.
	sites  []topology.SiteID
	models []topology.ModelID
	origin topology.OriginID
}

func (a *atlas) begin(r *created) {
	a.world = topology.World{
		Name: "session", DeviceSite: topology.None,
		Origins: []topology.Origin{{Name: r.Origin, Weight: 1}},
	}
	a.addSite(r.Home)
	for _, m := range r.Pinned {
		a.addModel(m)
	}
}

func (a *atlas) add(r *routed) {
	for _, p := range r.Sites {
		a.addSite(p)
	}
	for _, m := range r.Models {
		a.addModel(m)
	}
}

func (a *atlas) addSite(p place) {
	tier := topology.Tier(min(p.Tier, topology.Tiers-1))
	a.world.Sites = append(a.world.Sites, topology.Site{ID: topology.SiteID(len(a.world.Sites)), Name: p.Name, Tier: tier, Home: true})
}

func (a *atlas) addModel(m kindred) {
	a.world.Models = append(a.world.Models, topology.Model{ID: topology.ModelID(len(a.world.Models)), Name: m.Name, Frontier: m.Frontier})
}

// bind finds the numbers that w has for what the session has met.
func (a *atlas) bind(w *topology.World) {
	for i := len(a.sites); i < len(a.world.Sites); i++ {
		a.sites = append(a.sites, w.SiteByName(a.world.Sites[i].Name))
	}
	for i := len(a.models); i < len(a.world.Models); i++ {
		a.models = append(a.models, w.ModelByName(a.world.Models[i].Name))
	}
	a.origin = max(w.OriginByName(a.world.Origins[0].Name), 0)
}

// out is the runtime's target for one of the session's.
func (a *atlas) out(t router.Target) router.Target {
	if t.Site < 0 || t.Model < 0 || int(t.Site) >= len(a.sites) || int(t.Model) >= len(a.models) {
		return router.NoTarget
	}
	site, model := a.sites[t.Site], a.models[t.Model]
	if site == topology.None || model == topology.None {
		return router.NoTarget
	}
	return router.Target{Site: site, Model: model, Replica: t.Replica}
}

// in is the session's spot for one of the runtime's targets. What is new to the
// session goes into r.
func (a *atlas) in(w *topology.World, t router.Target, r *routed) spot {
	site, model := -1, -1
	for i, s := range a.sites {
		if s == t.Site {
			site = i
		}
	}
	for i := range r.Sites {
		if r.Sites[i].Name == w.Sites[t.Site].Name {
			site = len(a.world.Sites) + i
		}
	}
	if site < 0 {
		site = len(a.world.Sites) + len(r.Sites)
		r.Sites = append(r.Sites, place{w.Sites[t.Site].Name, uint8(w.Sites[t.Site].Tier)})
	}
	for i, m := range a.models {
		if m == t.Model {
			model = i
		}
	}
	for i := range r.Models {
		if r.Models[i].Name == w.Models[t.Model].Name {
			model = len(a.world.Models) + i
		}
	}
	if model < 0 {
		model = len(a.world.Models) + len(r.Models)
		r.Models = append(r.Models, kindred{w.Models[t.Model].Name, w.Models[t.Model].Frontier})
	}
	return spot{int32(site), int32(model), int32(t.Replica)}
}

func (s spot) target() router.Target {
	return router.Target{Site: topology.SiteID(s[0]), Model: topology.ModelID(s[1]), Replica: topology.ReplicaID(s[2])}
}
