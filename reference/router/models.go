package router

import (
	"math"
	"slices"

	"tierlab/reference/topology"
)

// next goes on to the options that are wanted less.
func (s *search) next() {
	if s.level < math.MaxUint8 {
		s.level++
	}
}

// quickestOf offers the servers of a model, the quickest by estimate first.
// Servers further away than the best found could make up for are left out.
func (s *search) quickestOf(id topology.ModelID) {
	if h, ok := s.onDevice(id); ok {
		s.offer(h, s.estimate(h).total)
	}
	if s.pii {
		return
	}
	least, seen := s.quickest(id), 0
	for _, h := range s.t.holding(s.from, id) {
		if seen == horizon || s.beaten(float64(h.rtt)+least) {
			return
		}
		if s.offer(h, s.estimate(h).total) == fine {
			seen++
		}
	}
}

// horizon is how many servers of a model are weighed up, the nearest without
// fault that the rules admit: a decision's time then does not grow with the
// world.
const horizon = 32

// onDevice is the hop to the device's server of a model; ok is false where it
// has none.
func (s *search) onDevice(id topology.ModelID) (h hop, ok bool) {
	if s.device == topology.None {
		return hop{}, false
	}
	i := s.t.find(s.device, id)
	if i < 0 {
		return hop{}, false
	}
	return s.toDevice(i), true
}

// rung is the k-th rung of the ladder with a model that may serve the request,
// counted from 0, or the last such; -1: there is none.
func (s *search) rung(k int) int {
	last := -1
	for i := range s.t.ladder {
		if !slices.ContainsFunc(s.t.ladder[i], s.able) {
			continue
		}
		if last = i; k <= 0 {
			break
		}
		k--
	}
	return last
}

// top is the rung of the most able models that may serve the request; -1:
// there is none.
func (s *search) top() int { return s.rung(len(s.t.ladder)) }

// climb offers the models of a rung, and where they are nowhere to be had
// those of the rungs above, then of the rungs below.
func (s *search) climb(from int) {
	for i := max(from, 0); i < len(s.t.ladder); i++ {
		if s.step(i) {
			return
		}
	}
	for i := from - 1; i >= 0; i-- {
		if s.step(i) {
			return
		}
	}
}

// step offers the models of a rung. It reports whether an option without
// fault has been found.
func (s *search) step(rung int) bool {
	s.offerRung(s.t.ladder[rung])
	if s.settled() {
		return true
	}
	s.next()
	return false
}

// sized is the model closest in size, by ratio, to so many billions of
// weights, among those that may serve the request; None: there is none.
func (s *search) sized(paramsB float64) topology.ModelID {
	best, least := topology.ModelID(topology.None), math.Inf(1)
	for _, rung := range s.t.ladder {
		for _, id := range rung {
			size := s.t.models[id].paramsB
			if ratio := max(size/paramsB, paramsB/size); ratio < least && s.able(id) {
				best, least = id, ratio
			}
		}
	}
	return best
}

// frontier is the most able frontier model that may serve the request, or
// where there is none the most able model; None: no model may.
func (s *search) frontier() topology.ModelID {
	best := topology.ModelID(topology.None)
	for _, rung := range slices.Backward(s.t.ladder) {
		for _, id := range rung {
			switch {
			case !s.able(id):
			case s.t.models[id].frontier:
				return id
			case best == topology.None:
				best = id
			}
		}
	}
	return best
}

// modelAt offers a model at the nearest sites of a tier or further out, then
// of any tier, and where it is nowhere to be had whatever the tier offers.
func (s *search) modelAt(id topology.ModelID, tier topology.Tier) {
	wanted := s.level
	if id != topology.None && !s.pii {
		for _, h := range s.t.holding(s.from, id) {
			if s.level = wanted; s.beaten(float64(h.rtt)) {
				break
			}
			if s.t.servers[h.server].tier < tier {
				s.next()
			}
			s.offer(h, float64(h.rtt))
		}
	}
	if s.level = wanted + 2; !s.settled() {
		s.outward(tier)
	}
}
