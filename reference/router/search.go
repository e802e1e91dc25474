package router

import (
	"math"
	"time"

	"tierlab/reference/topology"
	"tierlab/workloads"
)

// search collects the best options for one request: what a policy offers is
// dropped where a hard rule forbids it and otherwise kept in order of
//
//	(fault, level, cost, order of offering)
//
// fault: 0 none, 1 the server failed this step before, 2 its site is down or
// its breaker open. Health is soft: where everything is down, something is
// still tried. level: how far the option is from what the policy wants first.
type search struct {
	gate
	from  topology.Place
	avoid bool // the last attempt failed: prefer what was not tried
	level uint8
	keep  int // options worth keeping
	n     int
	found [4]option
}

type option struct {
	server  *server
	hop     hop
	cost    float64
	rank    uint16             // fault, then level
	replica topology.ReplicaID // None where the Router is to choose
}

// A rank's bits below faultShift are the level.
const faultShift = 8

// begin starts the search for a request: at its home, and for a target and
// two fallbacks.
func (v *View) begin(req *Request) *search {
	s := &v.search
	s.gate.begin(v, req)
	s.from = place(v.World, req)
	s.avoid = len(req.Tried) > 0 && req.Last != workloads.StatusInvalid
	s.level, s.keep, s.n = 0, 3, 0
	return s
}

// place is where a request starts: at its home, or at its origin where the
// home is the device or unknown. A world without origins starts at its first
// site.
func place(w *topology.World, req *Request) topology.Place {
	if req.Home != w.DeviceSite && req.Home >= 0 && int(req.Home) < len(w.Sites) {
		return w.SitePlace(req.Home)
	}
	if req.Origin >= 0 && int(req.Origin) < len(w.Origins) {
		return w.OriginPlace(req.Origin)
	}
	return 0
}

// verdict is what came of an offer.
type verdict uint8

const (
	forbidden verdict = iota // by a hard rule
	faulty
	fine
)

// offer takes a server into the list where it belongs.
func (s *search) offer(h hop, cost float64) verdict {
	return s.offerReplica(h, topology.None, cost)
}

// offerReplica is offer where the policy has chosen the replica. A cost that
// is no number goes last.
func (s *search) offerReplica(h hop, r topology.ReplicaID, cost float64) verdict {
	to := &s.t.servers[h.server]
	if s.check(to) != "" {
		return forbidden
	}
	rank, v := uint16(s.level), fine
	if !s.v.healthy(to) {
		rank, v = rank|2<<faultShift, faulty
	} else if s.avoid && s.tried(to) {
		rank, v = rank|1<<faultShift, faulty
	}
	if math.IsNaN(cost) {
		cost = math.Inf(1)
	}
	if o := s.slot(rank, cost); o != nil {
		o.server, o.hop, o.cost, o.rank, o.replica = to, h, cost, rank, r
	}
	return v
}

// tried says that an earlier attempt at this step went to the server.
func (s *search) tried(to *server) bool {
	for i := range s.req.Tried {
		if t := &s.req.Tried[i]; t.Site == to.site && t.Model == to.model {
			return true
		}
	}
	return false
}

// slot makes room in the list for an option and returns it, or nil where the
// option is no better than those kept.
func (s *search) slot(rank uint16, cost float64) *option {
	i := s.n
	if i == s.keep {
		if i--; !s.found[i].after(rank, cost) {
			return nil
		}
	} else {
		s.n++
	}
	for ; i > 0 && s.found[i-1].after(rank, cost); i-- {
		s.found[i] = s.found[i-1]
	}
	return &s.found[i]
}

func (o *option) after(rank uint16, cost float64) bool {
	return o.rank > rank || o.rank == rank && o.cost > cost
}

// beaten says that no option of the present level that costs at least bound
// can enter the list any more.
func (s *search) beaten(bound float64) bool {
	if s.n < s.keep {
		return false
	}
	last := &s.found[s.n-1]
	return last.rank < uint16(s.level) || last.rank == uint16(s.level) && last.cost <= bound
}

// settled says that an option without fault has been found, so that no later
// level is needed.
func (s *search) settled() bool { return s.n > 0 && s.found[0].rank < 1<<faultShift }

// toDevice is the hop from the home to a server of the user's own device.
func (s *search) toDevice(server int32) hop {
	w := s.v.World
	to := s.from
	if o := s.req.Origin; o >= 0 && int(o) < len(w.Origins) {
		to = w.OriginPlace(o)
	}
	return s.t.hop(s.from, to, server)
}

// hopTo leads to a target that exists.
func (s *search) hopTo(t Target) hop {
	i := s.t.find(t.Site, t.Model)
	if t.Site == s.device {
		return s.toDevice(i)
	}
	return s.t.hop(s.from, s.v.World.SitePlace(t.Site), i)
}

// nearestOf offers a tier's sites by distance, and of each site its default
// model: the first listed deployment that the rules admit.
func (s *search) nearestOf(tier topology.Tier) {
	if tier == topology.Device {
		if s.device != topology.None {
			if first := s.t.of[s.device]; first < s.t.of[s.device+1] {
				s.firstOf(s.toDevice(first))
			}
		}
		return
	}
	if s.pii || !s.ableIn(tier) {
		return
	}
	for _, h := range s.t.tier(s.from, tier) {
		if s.beaten(float64(h.rtt)) {
			return
		}
		s.firstOf(h)
	}
}

// ableIn says whether a tier holds a model that the rules let serve the
// request: without one, none of its sites need be looked at.
func (s *search) ableIn(tier topology.Tier) bool {
	for _, m := range s.t.held[tier] {
		if s.able(m) {
			return true
		}
	}
	return false
}

// firstOf offers the servers of a site up to the first that the rules admit
// and that has no fault; h leads to the first one listed.
func (s *search) firstOf(h hop) {
	site := s.t.servers[h.server].site
	for ; h.server < s.t.of[site+1]; h.server++ {
		if s.offer(h, float64(h.rtt)) == fine {
			return
		}
	}
}

// outward offers a tier, and where nothing there will do the tiers further
// out, then those further in.
func (s *search) outward(tier topology.Tier) {
	for t := tier; t < topology.Tiers; t++ {
		s.nearestOf(t)
		if s.settled() {
			return
		}
		s.next()
	}
	for t := tier; t > topology.Device; t-- {
		s.nearestOf(t - 1)
		if s.settled() {
			return
		}
		s.next()
	}
}

// everywhere offers the default models of all sites by distance.
func (s *search) everywhere() {
	for t := topology.Device; t < topology.Tiers; t++ {
		s.nearestOf(t)
	}
}

// answer fills d with what was found, best first.
func (s *search) answer(d *Decision, reason string) {
	if s.n == 0 {
		d.Target, d.Reason, d.FallbackCount = NoTarget, reasonNowhere, 0
		return
	}
	d.Target, d.Reason = s.found[0].target(), reason
	for i := 1; i < s.n; i++ {
		d.Fallbacks[i-1] = s.found[i].target()
	}
	d.FallbackCount = s.n - 1
}

func (o *option) target() Target {
	return Target{Site: o.server.site, Model: o.server.model, Replica: o.replica}
}

// duration converts nanoseconds, kept within what a Duration holds.
func duration(ns float64) time.Duration {
	if !(ns > 0) {
		return 0
	}
	return time.Duration(min(ns, float64(math.MaxInt64/2)))
}

const (
	reasonNowhere = "no site may serve this step"
	reasonSpill   = "the wanted tier may not serve this step"
	reasonPool    = "no site of the pool may serve this step"
)
