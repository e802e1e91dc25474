package router

import "tierlab/reference/topology"

// nearest takes the nearest site with a free slot, whatever its tier, from the
// given one outward; of the site's models the first listed with a slot:
//
//	user   metro   metro   regional    central
//	  .    [full]  [free]  [free]      [free]
//	                 ^
//
// Where everything is full it takes the nearest.
type nearest struct {
	named
	from topology.Tier
}

func newNearest(s Spec) Policy { return &nearest{named{s.String()}, s.value("tier").tier} }

// Route implements Policy.
func (p *nearest) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	if p.from == topology.Device {
		s.nearestOf(topology.Device)
	}
	for t := max(p.from, topology.Metro); t < topology.Tiers && !s.pii; t++ {
		s.withCapacity(t)
	}
	reason := "nearest with capacity"
	if s.n > 0 && s.found[0].level() > 0 {
		reason = "nearest; all are full"
	}
	if !s.settled() {
		s.level = 2
		s.everywhere()
		if s.n > 0 && s.found[0].level() == 2 {
			reason = reasonSpill
		}
	}
	s.answer(d, reason)
}

// withCapacity offers a tier's servers by distance, those without a free slot
// one level later.
func (s *search) withCapacity(tier topology.Tier) {
	for _, h := range s.t.tier(s.from, tier) {
		if s.level = 0; s.beaten(float64(h.rtt)) {
			return
		}
		site := s.t.servers[h.server].site
		for ; h.server < s.t.of[site+1]; h.server++ {
			s.level = 0
			if !s.v.free(&s.t.servers[h.server]) {
				s.level = 1
			}
			s.offer(h, float64(h.rtt))
		}
	}
	s.level = 0
}
