package router

import "tierlab/reference/topology"

// static keeps to one tier, whatever the load:
//
//	user --- device | metro | regional | central
//	                    ^ nearest site of the tier, its first listed model
//
// The fallbacks are the next nearest of the tier. Where no site of the tier
// may serve the step, the tiers further out take it, then those further in.
type static struct {
	named
	tier   topology.Tier
	reason string
}

func newStatic(tier topology.Tier) func(Spec) Policy {
	reason := [topology.Tiers]string{"tier: device", "tier: metro", "tier: regional", "tier: central"}[tier]
	return func(s Spec) Policy { return &static{named{s.String()}, tier, reason} }
}

// Route implements Policy.
func (p *static) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	s.outward(p.tier)
	reason := p.reason
	if s.n > 0 && s.found[0].server.tier != p.tier {
		reason = reasonSpill
	}
	s.answer(d, reason)
}
