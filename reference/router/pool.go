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
	hop     Hop
	dep     *topology.Deployment
	replica topology.ReplicaID
}

func newPool(s Spec) pool {
	v := s.value("tier")
	return pool{near: max(s.count("near"), 1), tier: v.tier, anyTier: v.anyTier}
}

// around is the pool of a place.
func (p *pool) around(t *Table, from topology.Place) []member {
	if p.lists == nil {
		p.lists = make([][]member, len(t.World.Sites)+len(t.World.Origins))
	}
	if int(from) >= len(p.lists) {
		return nil
	}
	if p.lists[from] == nil {
		p.lists[from] = p.fill(t, from)
	}
	return p.lists[from]
}

func (p *pool) fill(t *Table, from topology.Place) []member {
	list := []member{}
	for tier := topology.Metro; tier < topology.Tiers; tier++ {
		if !p.anyTier && tier != p.tier {
			continue
		}
		hops := t.tier(from, tier)
		for _, hop := range hops[:min(p.near, len(hops))] {
			deps := t.World.Sites[hop.Site].Deployments
			for i := range deps {
				for r := range topology.ReplicaID(deps[i].Replicas) {
					list = append(list, member{hop, &deps[i], deps[i].First + r})
				}
			}
		}
	}
	return list
}

// offerMember is offer with a replica that the policy has chosen.
func (s *search) offerMember(m *member, cost float64) bool {
	if s.check(m.hop.Site, m.dep) != "" {
		return false
	}
	s.insert(option{
		hop: m.hop, dep: m.dep, cost: cost, replica: m.replica,
		rank: s.fault(m.hop.Site, m.dep)<<8 | uint16(s.level),
	})
	return true
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

// or answers, and where the pool holds nothing that may serve the step looks
// everywhere.
func (s *search) orAnywhere(d *Decision, reason string) {
	if !s.settled() {
		s.level++
		s.everywhere()
		if s.n > 0 && s.found[0].rank&0xff != 0 {
			reason = reasonPool
		}
	}
	s.answer(d, reason)
}

const reasonPool = "no site of the pool may serve this step"

// loadPerSlot is the reported load of a replica, the new request included.
func (v *View) loadPerSlot(m *member) float64 {
	l := &v.Loads[m.replica]
	return float64(int64(l.Running)+int64(l.Queued)+1) / float64(max(m.dep.Slots, 1))
}
