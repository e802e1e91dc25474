package router

import (
	"math"
	"time"

	"tierlab/reference/topology"
)

// within takes the most able model whose attempt is expected to keep two
// limits, at its quickest site:
//
//	ability ^        frontier  x  too slow, or too dear
//	        |   70B  o  <-
//	        | 8B  o
//	        +----------------|--> latency (latency-budget) or price (cost-cap)
//	                       limit
//
// Where nothing keeps them it takes what exceeds the limit least.
type within struct {
	named
	latency time.Duration // for steps that state no budget
	usd     float64
	reason  string
	missed  string
	byPrice bool
}

func newLatencyBudget(s Spec) Policy {
	return &within{
		named: named{s.String()}, latency: s.value("default").duration, usd: math.Inf(1),
		reason: "most able within the latency budget", missed: "nothing keeps the latency budget: quickest",
	}
}

func newCostCap(s Spec) Policy {
	return &within{
		named: named{s.String()}, usd: s.limit("usd", math.Inf(1)), byPrice: true,
		reason: "most able within the price cap", missed: "nothing keeps the price cap: cheapest",
	}
}

// unfit is the level of options beyond the limit.
const unfit = math.MaxUint8

// Route implements Policy.
func (p *within) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	latency := math.Inf(1)
	if !p.byPrice {
		latency = float64(p.budget(req))
	}
	for i := len(s.t.ladder) - 1; i >= 0; i-- {
		level := uint8(min(len(s.t.ladder)-1-i, unfit-1))
		for _, id := range s.t.ladder[i] {
			if s.able(id) {
				s.fitting(id, level, latency, p.usd)
			}
		}
		if s.n == s.keep && s.settled() && s.found[0].level() < unfit {
			break
		}
	}
	reason := p.reason
	if s.n > 0 && s.found[0].level() == unfit {
		reason = p.missed
	}
	s.answer(d, reason)
	d.Estimate = s.expected()
}

// budget is the step's own limit or the default, and no more than the session
// has left.
func (p *within) budget(req *Request) time.Duration {
	b := req.LatencyBudget
	if b <= 0 {
		b = p.latency
	}
	if left := req.History.TimeLeft; left >= 0 {
		b = min(b, left)
	}
	return b
}

// fitting offers the servers of a model: at the given level those within the
// limits, quickest first, and at the level unfit those beyond.
func (s *search) fitting(id topology.ModelID, level uint8, latency, usd float64) {
	if h, ok := s.onDevice(id); ok {
		s.offerFit(h, level, latency, usd)
	}
	if s.pii {
		return
	}
	least, seen := s.quickest(id), 0
	for _, h := range s.t.holding(s.from, id) {
		bound := float64(h.rtt) + least
		if s.level = level; bound > latency {
			s.level = unfit
		}
		if seen == horizon || s.beaten(bound) {
			return
		}
		if s.offerFit(h, level, latency, usd) == fine {
			seen++
		}
	}
}

func (s *search) offerFit(h hop, level uint8, latency, usd float64) verdict {
	e := s.estimate(h)
	cost := e.total
	if s.level = level; !(e.total <= latency && e.usd <= usd) {
		s.level = unfit
		if !math.IsInf(usd, 1) {
			cost = e.usd
		}
	}
	return s.offer(h, cost)
}
