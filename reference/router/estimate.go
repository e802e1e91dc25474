package router

import (
	"time"

	"tierlab/reference/topology"
)

// estimate is what an attempt at an option is expected to take, in
// nanoseconds.
type estimate struct {
	first float64 // to the first token
	total float64 // to the last
}

// estimate predicts an attempt from the view:
//
//	first = round trip + upload + wait + (input - warm) / prefill rate
//	total = first + expected output x step time at the reported occupancy
//
//	|-- rtt + upload --|-- wait --|-- prefill --|-- decode ... --|
//	                                            ^ first          ^ total
//
// upload is the whole prompt's bytes over the link's bandwidth.
func (s *search) estimate(hop Hop, d *topology.Deployment) estimate {
	v := s.v
	r := v.replica(s.req, hop.Site, d)
	l := v.load(hop.Site, r)
	input := float64(max(s.req.Input, 0))
	warm := 0
	if w, tokens := s.req.warm(hop.Site, d); w == r {
		warm = tokens
	}
	e := estimate{first: float64(hop.RTT) + s.upload(hop.Site, input) + v.wait(d, l)}
	e.first += (input - float64(warm)) / d.PrefillTokS * float64(time.Second)
	e.total = e.first + float64(v.ExpectedOutput)*stepTime(d, int(l.Running)+1)
	return e
}

// upload is the time that a prompt's bytes take on the way to a site.
func (s *search) upload(site topology.SiteID, tokens float64) float64 {
	w := s.v.World
	to := w.SitePlace(site)
	if site == w.DeviceSite {
		to = s.from
		if o := s.req.Origin; o >= 0 && int(o) < len(w.Origins) {
			to = w.OriginPlace(o)
		}
	}
	rate := float64(w.Link(s.from, to).GBPerS) // 10^9 bytes/s: bytes per ns
	if rate <= 0 {
		return 0
	}
	return tokens * w.Platform.BytesPerToken / rate
}

// stepTime is the time in nanoseconds of one decode iteration with n
// sequences, at most as many as there are slots.
func stepTime(d *topology.Deployment, n int) float64 {
	n = min(n, max(d.Slots, 1))
	return float64(d.StepBase) + float64(n)*float64(d.StepPerSeq)
}

// wait predicts the time in nanoseconds that a request queues at a replica.
// With a slot free there is none. With q queued, q+1 sequences have to end
// first; Slots of them run side by side for the expected output each, so one
// ends every service/Slots:
//
//	wait = (q + 1) x expected output x step time at Slots / Slots
func (v *View) wait(d *topology.Deployment, l Load) float64 {
	slots := max(d.Slots, 1)
	if int(l.Running) < slots && l.Queued <= 0 {
		return 0
	}
	service := float64(v.ExpectedOutput) * stepTime(d, slots)
	return (float64(max(l.Queued, 0)) + 1) * service / float64(slots)
}

// free says that some replica would start a request at once.
func (v *View) free(s topology.SiteID, d *topology.Deployment) bool {
	if s == v.World.DeviceSite {
		return true
	}
	for r := d.First; r < d.First+topology.ReplicaID(d.Replicas); r++ {
		if l := &v.Loads[r]; int(l.Running) < d.Slots && l.Queued <= 0 {
			return true
		}
	}
	return false
}
