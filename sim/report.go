package sim

import (
	"time"

	"tierlab/reference/topology"
)

// announce puts a replica's next report on the calendar, for when it reaches the
// router. What the load was when it was sent is kept once that changes.
func (p *point) announce(ri int32, at time.Duration) {
	r := &p.replicas[ri]
	r.reports, r.sampled, r.sampleAt = true, false, at
	p.kernel.Schedule(at+p.lag[p.world.Replicas[ri].Site], event{kind: report, session: ri})
}

// reportReplica brings a replica's load, as it was when the report was sent, to
// the router's view.
func (p *point) reportReplica(ri int32) {
	r := &p.replicas[ri]
	present := [2]int32{r.running, r.queued}
	if !r.sampled {
		r.said = present
	}
	p.router.Observe(r.sampleAt, topology.ReplicaID(ri), int(r.said[0]), int(r.said[1]))
	r.reports = false
	if r.said != present {
		p.announce(ri, max(p.now, r.sampleAt+p.world.Platform.ViewInterval))
	}
}

// placeReader says how long a site's report is on its way. The view is one for
// all homes, so it is half the undisturbed round trip to the home of a user,
// on average over the users.
func (p *point) placeReader() {
	p.lag = make([]time.Duration, len(p.world.Sites))
	for s := range p.lag {
		if topology.SiteID(s) == p.world.DeviceSite {
			continue
		}
		sum := 0.0
		for o := range p.world.Origins {
			home := p.world.PlaceOf(p.homes[o], topology.OriginID(o))
			sum += p.world.Origins[o].Weight * float64(p.world.Link(topology.Place(s), home).RTT)
		}
		p.lag[s] = time.Duration(sum / p.origins[len(p.origins)-1] / 2)
	}
}
