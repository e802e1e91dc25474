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
// fault: 0 healthy and untried, 1 tried and failed, 2 down or breaker open.
// Health is soft: where everything is down, something is still tried. level:
// how far the option is from what the policy wants first.
type search struct {
	gate
	from  topology.Place
	avoid bool // the last attempt failed: prefer what it did not try
	level uint8
	keep  int // options worth keeping
	n     int
	found [4]option
}

type option struct {
	hop  Hop
	dep  *topology.Deployment
	rank uint16
	cost float64
	// replica is None where the Router is to choose.
	replica topology.ReplicaID
}

// newSearch starts a search from the request's home.
func newSearch(v *View, req *Request) search {
	return search{
		gate:  newGate(v, req),
		from:  place(v.World, req),
		avoid: len(req.Tried) > 0 && req.Last != workloads.StatusInvalid,
		keep:  3,
	}
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

// fault ranks a deployment by what speaks against it for now.
func (s *search) fault(site topology.SiteID, d *topology.Deployment) uint16 {
	if !s.v.healthy(site, d) {
		return 2
	}
	if s.avoid {
		for i := range s.req.Tried {
			if s.req.Tried[i].Site == site && s.req.Tried[i].Model == d.Model {
				return 1
			}
		}
	}
	return 0
}

// offer takes an option into the list where it belongs. It reports whether
// the rules admit it.
func (s *search) offer(hop Hop, d *topology.Deployment, cost float64) bool {
	if d.Replicas < 1 || s.check(hop.Site, d) != "" {
		return false
	}
	s.insert(option{
		hop: hop, dep: d, cost: cost, replica: topology.None,
		rank: s.fault(hop.Site, d)<<8 | uint16(s.level),
	})
	return true
}

// insert keeps the list sorted. A cost that is no number goes last.
func (s *search) insert(o option) {
	if math.IsNaN(o.cost) {
		o.cost = math.Inf(1)
	}
	i := s.n
	if i == s.keep {
		if !o.before(&s.found[i-1]) {
			return
		}
		i--
	} else {
		s.n++
	}
	for ; i > 0 && o.before(&s.found[i-1]); i-- {
		s.found[i] = s.found[i-1]
	}
	s.found[i] = o
}

func (o *option) before(p *option) bool {
	return o.rank < p.rank || o.rank == p.rank && o.cost < p.cost
}

// found enough: as many options as are worth keeping, without fault and none
// from a later level than the present one.
func (s *search) full() bool {
	return s.n == s.keep && s.found[s.n-1].rank <= uint16(s.level)
}

// beaten says that no option of the present level that costs at least bound
// can enter the list.
func (s *search) beaten(bound float64) bool {
	if !s.full() {
		return false
	}
	last := &s.found[s.n-1]
	return last.rank < uint16(s.level) || last.cost <= bound
}

// settled says that an option without fault has been found, so that no later
// level is needed.
func (s *search) settled() bool { return s.n > 0 && s.found[0].rank < 1<<8 }

// device is the user's own device as seen from the home. ok is false where
// the world has none.
func (s *search) device() (hop Hop, ok bool) {
	w := s.v.World
	if w.DeviceSite == topology.None {
		return Hop{}, false
	}
	hop.Site = w.DeviceSite
	if o := s.req.Origin; o >= 0 && int(o) < len(w.Origins) {
		hop.RTT = w.Link(s.from, w.OriginPlace(o)).RTT
	}
	return hop, true
}

// nearestOf offers a tier's sites by distance, and of each site the first
// deployment that the rules admit: the tier's default model.
func (s *search) nearestOf(tier topology.Tier) {
	if tier == topology.Device {
		if hop, ok := s.device(); ok {
			s.firstOf(hop)
		}
		return
	}
	for _, hop := range s.v.table.tier(s.from, tier) {
		if s.beaten(float64(hop.RTT)) {
			return
		}
		s.firstOf(hop)
	}
}

func (s *search) firstOf(hop Hop) bool {
	deps := s.v.World.Sites[hop.Site].Deployments
	for i := range deps {
		if s.offer(hop, &deps[i], float64(hop.RTT)) {
			return true
		}
	}
	return false
}

// outward offers a tier, and where nothing there will do the tiers further
// out, then those further in.
func (s *search) outward(tier topology.Tier) {
	for t := tier; t < topology.Tiers; t++ {
		s.nearestOf(t)
		if s.settled() {
			return
		}
		s.level++
	}
	for t := tier; t > topology.Device; t-- {
		s.nearestOf(t - 1)
		if s.settled() {
			return
		}
		s.level++
	}
}

// answer fills d with what was found, best first.
func (s *search) answer(d *Decision, reason string) {
	d.Target, d.Reason, d.FallbackCount = NoTarget, reason, 0
	if s.n == 0 {
		d.Reason = reasonNowhere
		return
	}
	d.Target = s.found[0].target()
	for i := 1; i < s.n; i++ {
		d.Fallbacks[i-1] = s.found[i].target()
	}
	d.FallbackCount = s.n - 1
}

func (o *option) target() Target {
	return Target{Site: o.hop.Site, Model: o.dep.Model, Replica: o.replica}
}

const reasonNowhere = "no site may serve this step"

// duration converts nanoseconds, kept within what a Duration holds.
func duration(ns float64) time.Duration {
	if !(ns > 0) {
		return 0
	}
	return time.Duration(min(ns, float64(math.MaxInt64/2)))
}
