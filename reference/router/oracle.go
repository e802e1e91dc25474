package router

import (
	"math"

	"tierlab/reference/topology"
)

// oracle sees what no policy can see: how long the answer will be, which
// models would answer right at this attempt, how long every replica would
// keep the request waiting and how much of the prompt it holds. Of the models
// that answer right it takes the replica with the least
//
//	round trip + upload + true wait + uncached prompt / prefill rate
//	           + true output x step time
//
// and where none does the quickest of all, since every answer will be refused.
// It is greedy: it takes each step as well as it can and gives no thought to
// what that does to others or to later steps, so it is a reference and no
// bound, and regret against it can be negative.
type oracle struct{ minLatency }

func newOracle(s Spec) Policy { return &oracle{minLatency{named{s.String()}, math.Inf(-1)}} }

// RouteKnowing implements Clairvoyant. Without a future it is Route, which
// expects what minLatency does.
func (p *oracle) RouteKnowing(req *Request, v *View, f *Future, d *Decision) {
	if f == nil || f.Correct == nil || f.Wait == nil || f.Cached == nil {
		p.Route(req, v, d)
		return
	}
	s := v.begin(req)
	for id := range topology.ModelID(len(s.t.models)) {
		if s.able(id) && f.Correct(id) {
			s.knowing(id, f)
		}
	}
	reason := "oracle: quickest right answer"
	if !s.settled() {
		s.next()
		for id := range topology.ModelID(len(s.t.models)) {
			if s.able(id) {
				s.knowing(id, f)
			}
		}
		if s.n > 0 && s.found[0].level() > 0 {
			reason = "oracle: no model answers right, quickest"
		}
	}
	s.answer(d, reason)
	if s.n > 0 {
		d.Estimate = duration(s.found[0].cost)
	}
}

// knowing offers the replicas of a model by their true latency.
func (s *search) knowing(id topology.ModelID, f *Future) {
	if h, ok := s.onDevice(id); ok {
		s.offerKnown(h, f)
	}
	if s.pii {
		return
	}
	least := float64(max(f.Output, 0)) * s.t.models[id].step
	for _, h := range s.t.holding(s.from, id) {
		if s.beaten(float64(h.rtt) + least) {
			return
		}
		s.offerKnown(h, f)
	}
}

func (s *search) offerKnown(h hop, f *Future) {
	to := &s.t.servers[h.server]
	for i := range to.replicas {
		r := to.first + topology.ReplicaID(i)
		l := s.v.load(to, r)
		fresh := max(s.input-float64(max(f.Cached(r), 0)), 0)
		total := s.way(h) + float64(f.Wait(r)) + fresh*to.prefill + float64(max(f.Output, 0))*to.step(float64(l.Running)+1)
		s.offerReplica(h, r, total)
		if to.tier == topology.Device {
			return
		}
	}
}
