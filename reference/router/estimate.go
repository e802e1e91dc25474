package router

import "tierlab/reference/topology"

// estimate is what an attempt at a server is expected to take, in
// nanoseconds, and to cost, in dollars.
type estimate struct {
	first float64 // to the first token
	total float64 // to the last
	usd   float64
}

// estimate predicts an attempt from the view:
//
//	first = round trip + upload + wait + (input - warm) / prefill rate
//	total = first + expected output x step time at the reported occupancy
//
//	|-- rtt + upload --|-- wait --|-- prefill --|-- decode ... --|
//	                                            ^ first          ^ total
//
// upload is the whole prompt's bytes over the link's bandwidth; warm are the
// tokens that the replica which the Router would choose may hold.
func (s *search) estimate(h hop) estimate {
	to := &s.t.servers[h.server]
	r := s.v.replica(s.req, to)
	warm := 0.0
	if w, tokens := s.req.warm(to); w == r {
		warm = float64(tokens)
	}
	l := s.v.load(to, r)
	expected := float64(s.v.ExpectedOutput)
	first := s.way(h) + s.v.wait(to, l) + (s.input-warm)*to.prefill
	return estimate{
		first: first,
		total: first + expected*to.step(float64(l.Running)+1),
		usd:   ((s.input-warm)*to.price.In + warm*to.price.Cached + expected*to.price.Out) / 1e6,
	}
}

// quickest bounds from below what an attempt at a model takes beside the
// round trip, wherever it runs.
func (s *search) quickest(id topology.ModelID) float64 {
	m := &s.t.models[id]
	warm := 0
	for i := range s.req.History.Warm {
		if h := &s.req.History.Warm[i]; h.Target.Model == id {
			warm = max(warm, h.Tokens)
		}
	}
	return max(s.input-float64(warm), 0)*m.prefill + float64(s.v.ExpectedOutput)*m.step
}

// way is the round trip and the time that the prompt's bytes take.
func (s *search) way(h hop) float64 { return float64(h.rtt) + s.input*float64(h.perToken) }

// step is the time of one decode iteration with n sequences, at most as many
// as there are slots.
func (s *server) step(n float64) float64 { return s.base + max(min(n, s.slots), 1)*s.perSeq }

// wait predicts how long a request queues at a replica, in nanoseconds. With
// a slot free it is nothing. With q queued, q+1 sequences have to end first;
// the running ones end side by side, one every service/slots:
//
//	wait = (q + 1) x expected output x step time at all slots / slots
func (v *View) wait(s *server, l Load) float64 {
	if float64(l.Running) < s.slots && l.Queued == 0 {
		return 0
	}
	service := float64(v.ExpectedOutput) * s.step(s.slots)
	return (float64(l.Queued) + 1) * service / s.slots
}

// free says that some replica would start a request at once.
func (v *View) free(s *server) bool {
	if s.tier == topology.Device {
		return true
	}
	for i := range s.replicas {
		if l := &v.Loads[s.first+topology.ReplicaID(i)]; float64(l.Running) < s.slots && l.Queued == 0 {
			return true
		}
	}
	return false
}
