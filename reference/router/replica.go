package router

import "tierlab/reference/topology"

// replica chooses among a server's replicas by the view:
//
//	the least loaded (running + queued), ties by the session's hash;
//	a replica that holds the session's KV cache instead, when
//	    wait(warm) - wait(least) <= tokens held / prefill rate
//
// so affinity gives way as soon as the queue costs more than the prefill that
// it saves.
func (v *View) replica(req *Request, s *server) topology.ReplicaID {
	if s.replicas == 1 || s.tier == topology.Device {
		return s.first
	}
	n := uint32(s.replicas)
	loads := v.Loads[s.first : s.first+topology.ReplicaID(n)]
	least := v.least[v.table.serverOf[s.first]]
	// The hash picks where the scan starts, so that ties fall evenly.
	best := uint32(mix(req.Session, uint64(s.first)) >> 32 * uint64(n) >> 32)
	for range n {
		if loads[best].sum() == least {
			break
		}
		if best++; best == n {
			best = 0
		}
	}
	warm, tokens := req.warm(s)
	if warm != topology.None && warm != s.first+topology.ReplicaID(best) {
		saved := float64(tokens) * s.prefill
		if v.wait(s, v.Loads[warm])-v.wait(s, loads[best]) <= saved {
			return warm
		}
	}
	return s.first + topology.ReplicaID(best)
}

// warm is the replica of s that holds most of the request's context, and how
// many of its tokens; None: no replica holds any.
func (req *Request) warm(s *server) (topology.ReplicaID, int) {
	best, tokens := topology.ReplicaID(topology.None), 0
	for i := range req.History.Warm {
		h := &req.History.Warm[i]
		if h.Tokens > tokens && h.Target.Site == s.site && h.Target.Model == s.model &&
			h.Target.Replica >= s.first && h.Target.Replica-s.first < topology.ReplicaID(s.replicas) {
			best, tokens = h.Target.Replica, h.Tokens
		}
	}
	return best, min(tokens, max(req.Input, 0))
}
