package router

import "tierlab/internal/rng"

// random draws a replica of the pool, each equally likely. Where the rules
// forbid three draws in a row it takes the next in the pool's order.
type random struct {
	named
	pool
}

func newRandom(s Spec) Policy { return &random{named{s.String()}, newPool(s)} }

// Route implements Policy.
func (p *random) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	if list := p.around(s); len(list) > 0 {
		draw := req.Draw.For(rng.Policy)
		for i := range 3 {
			s.offerMember(&list[draw.Fold(uint64(i)).IntN(len(list))], float64(i))
		}
		if !s.settled() {
			s.inTurn(list, draw.IntN(len(list)))
		}
	}
	s.answerOr(d, "drawn at random")
}

// roundRobin takes the replicas of the pool in turn. One counter serves all
// pools.
type roundRobin struct {
	named
	pool
	next uint64
}

func newRoundRobin(s Spec) Policy { return &roundRobin{named: named{s.String()}, pool: newPool(s)} }

// Route implements Policy.
func (p *roundRobin) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	if list := p.around(s); len(list) > 0 {
		s.inTurn(list, int(p.next%uint64(len(list))))
		p.next++
	}
	s.answerOr(d, "in turn")
}

// leastLoaded takes the replica of the pool with the least
//
//	(running + queued + 1) / slots
//
// as last reported, ties to the nearest tier and site.
type leastLoaded struct {
	named
	pool
}

func newLeastLoaded(s Spec) Policy { return &leastLoaded{named{s.String()}, newPool(s)} }

// Route implements Policy.
func (p *leastLoaded) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	list := p.around(s)
	for i := range list {
		if cost := v.loadPerSlot(&list[i]); !s.beaten(cost) {
			s.offerMember(&list[i], cost)
		}
	}
	s.answerOr(d, "least loaded")
}

// twoChoices draws two replicas of the pool and takes the less loaded one; the
// other is the fallback. Two choices bring the longest queue from
// log n / log log n down to log log n, and stale loads do it less harm than
// they do to least-loaded, which sends everybody to the same place
// (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
// IEEE TPDS 12(10), 2001; "How Useful Is Old Information?", IEEE TPDS 11(1),
// 2000).
//
//	o o O o o o O o o
//	    |       |
//	    3   <   5   -> the left one
type twoChoices struct {
	named
	pool
}

func newTwoChoices(s Spec) Policy { return &twoChoices{named{s.String()}, newPool(s)} }

// Route implements Policy.
func (p *twoChoices) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	if list := p.around(s); len(list) > 0 {
		draw := req.Draw.For(rng.Policy)
		for i, drawn := uint64(0), 0; i < 8 && drawn < 2; i++ {
			m := &list[draw.Fold(i).IntN(len(list))]
			if s.offerMember(m, v.loadPerSlot(m)) == fine {
				drawn++
			}
		}
		if !s.settled() {
			s.inTurn(list, draw.IntN(len(list)))
		}
	}
	s.answerOr(d, "less loaded of two")
}
