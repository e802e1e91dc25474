package router

import "tierlab/reference/topology"

// pool is what a balancing policy balances over: the replicas of the sites
// nearest to the home, so many of each tier.
//
//	metro     o o . . . .     near=2: the first two of each row,
//	regional  o o . .         with all their replicas of all models
//	central   o o .
//
// The device is left out: it serves its own user only, so it would always
// look idle. It serves what nothing else may.
type pool struct {
	near    int
	tier    topology.Tier
	anyTier bool
	// lists are the members by place, filled when a place is first seen.
	lists [][]member
}

type member struct {
	server  *server
	hop     hop
	replica topology.ReplicaID
}

func newPool(s Spec) pool {
	v := s.value("tier")
	return pool{near: max(s.count("near"), 1), tier: v.tier, anyTier: v.anyTier}
}

// around is the pool of the place that a search starts from; empty when the
// request may not leave the device.
func (p *pool) around(s *search) []member {
	if s.pii {
		return nil
	}
	w := s.v.World
	if p.lists == nil {
		p.lists = make([][]member, len(w.Sites)+len(w.Origins))
	}
	if p.lists[s.from] == nil {
		p.lists[s.from] = p.fill(s.t, s.from)
	}
	return p.lists[s.from]
}

func (p *pool) fill(t *Table, from topology.Place) []member {
	list := []member{}
	for tier := topology.Metro; tier < topology.Tiers; tier++ {
		if !p.anyTier && tier != p.tier {
			continue
		}
		hops := t.tier(from, tier)
		for _, h := range hops[:min(p.near, len(hops))] {
			site := t.servers[h.server].site
			for ; h.server < t.of[site+1]; h.server++ {
				s := &t.servers[h.server]
				for r := range s.replicas {
					list = append(list, member{s, h, s.first + topology.ReplicaID(r)})
				}
			}
		}
	}
	return list
}

// offerMember offers a replica of the pool.
func (s *search) offerMember(m *member, cost float64) verdict {
	return s.offerReplica(m.hop, m.replica, cost)
}

// inTurn offers the members from a starting point on, round and round, until
// enough are found.
func (s *search) inTurn(list []member, start int) {
	for k := range list {
		if s.beaten(float64(k)) {
			return
		}
		i := start + k
		if i >= len(list) {
			i -= len(list)
		}
		s.offerMember(&list[i], float64(k))
	}
}

// answerOr answers from the pool, and where the pool holds nothing that may
// serve the step from everywhere.
func (s *search) answerOr(d *Decision, reason string) {
	if !s.settled() {
		s.next()
		s.everywhere()
		if s.n > 0 && s.found[0].level() > 0 {
			reason = reasonPool
		}
	}
	s.answer(d, reason)
}

// level is how far the option is from what the policy wants first.
func (o *option) level() uint16 { return o.rank & (1<<faultShift - 1) }

// loadPerSlot is the reported load of a replica, the new request included.
func (v *View) loadPerSlot(m *member) float64 {
	return float64(v.Loads[m.replica].sum()+1) / m.server.slots
}
