package router

import (
	"math"
	"time"

	"tierlab/reference/topology"
)

// minLatency takes the least of
//
//	round trip + upload + wait + uncached prompt / prefill rate
//	           + expected output x step time
//
// over all sites and models, so the KV cache counts by the prefill it saves
// (as in NVIDIA Dynamo's and llm-d's prefix-aware routers, here with the
// network beside it):
//
//	device  |==============================|   slow decode
//	metro   |-|====|~~~~~~~~|                  warm: little prefill  <-
//	central |-----|=========|~~~~~|            far, cold, quick
//
// A floor on ability keeps it from models that are merely quick.
type minLatency struct {
	named
	floor float64
}

func newMinLatency(s Spec) Policy {
	return &minLatency{named{s.String()}, s.limit("ability", math.Inf(-1))}
}

// Route implements Policy.
func (p *minLatency) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	s.quickestAbove(p.floor)
	s.answer(d, "least expected latency")
	d.Estimate = s.expected()
}

// quickestAbove offers the models of at least the given ability, quickest
// first, and where none of them is to be had the others.
func (s *search) quickestAbove(floor float64) {
	below := 0 // rungs below the floor
	for i, rung := range s.t.ladder {
		if s.t.models[rung[0]].ability < floor {
			below = i + 1
			continue
		}
		s.offerRung(rung)
	}
	if s.next(); s.settled() {
		return
	}
	for _, rung := range s.t.ladder[:below] {
		s.offerRung(rung)
	}
}

// offerRung offers the servers of equally able models, quickest first.
func (s *search) offerRung(rung []topology.ModelID) {
	for _, id := range rung {
		if s.able(id) {
			s.quickestOf(id)
		}
	}
}

// expected is the estimate for the best option; 0: there is none.
func (s *search) expected() time.Duration {
	if s.n == 0 {
		return 0
	}
	return duration(s.estimate(s.found[0].hop).total)
}

// hedged is minLatency, and starts a second attempt at another site when the
// first token is later than factor times the expected time to it:
//
//	first   |---------------------------- ... late
//	second  |   factor x estimate   |------------| first token wins
//
// The default factor is ln 20: where the time to the first token is
// exponential with the estimate as its mean, 5 % of attempts are hedged, the
// share that J. Dean and L. Barroso hedge in "The Tail at Scale", CACM 56(2),
// 2013.
type hedged struct {
	minLatency
	factor float64
}

func newHedged(s Spec) Policy {
	return &hedged{minLatency{named{s.String()}, s.limit("ability", math.Inf(-1))}, s.number("factor")}
}

// Route implements Policy.
func (p *hedged) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	s.keep = len(s.found)
	s.quickestAbove(p.floor)
	s.otherSiteSecond()
	s.answer(d, "least expected latency, hedged")
	d.Estimate = s.expected()
	if s.n > 1 && s.found[1].server.site != s.found[0].server.site && p.factor > 0 {
		first := s.estimate(s.found[0].hop).first
		d.HedgeAfter = max(duration(p.factor*first), time.Millisecond)
	}
}

// otherSiteSecond moves the best option at another site than the first one's
// to the second place.
func (s *search) otherSiteSecond() {
	for i := 1; i < s.n; i++ {
		if s.found[i].server.site != s.found[0].server.site {
			o := s.found[i]
			copy(s.found[2:i+1], s.found[1:i])
			s.found[1] = o
			return
		}
	}
}
