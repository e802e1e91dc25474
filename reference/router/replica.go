package router

import (
	"time"

	"tierlab/reference/topology"
)

// replica chooses among a deployment's replicas by the view:
//
//	the least loaded (running + queued), ties by the session's hash;
//	a replica that holds the session's KV cache instead, when
//	    wait(warm) - wait(least) <= tokens held / prefill rate
//
// so affinity gives way as soon as the queue costs more than the prefill that
// it saves.
func (v *View) replica(req *Request, s topology.SiteID, d *topology.Deployment) topology.ReplicaID {
	if d.Replicas == 1 || s == v.World.DeviceSite {
		return d.First
	}
	n := topology.ReplicaID(d.Replicas)
	first := topology.ReplicaID(req.Session % uint64(n))
	best, least := topology.ReplicaID(topology.None), int64(0)
	for i := range n {
		r := first + i
		if r >= n {
			r -= n
		}
		l := &v.Loads[d.First+r]
		if sum := int64(l.Running) + int64(l.Queued); best == topology.None || sum < least {
			best, least = d.First+r, sum
		}
	}
	warm, tokens := req.warm(s, d)
	if warm == topology.None || warm == best {
		return best
	}
	saved := float64(tokens) / d.PrefillTokS * float64(time.Second)
	if v.wait(d, v.Loads[warm])-v.wait(d, v.Loads[best]) <= saved {
		return warm
	}
	return best
}

// warm is the replica of d that holds most of the request's context, and how
// many of its tokens; None: no replica holds any.
func (req *Request) warm(s topology.SiteID, d *topology.Deployment) (topology.ReplicaID, int) {
	best, tokens := topology.ReplicaID(topology.None), 0
	for i := range req.History.Warm {
		h := &req.History.Warm[i]
		if h.Tokens > tokens && h.Target.Site == s && h.Target.Model == d.Model &&
			h.Target.Replica >= d.First && int(h.Target.Replica-d.First) < d.Replicas {
			best, tokens = h.Target.Replica, h.Tokens
		}
	}
	return best, min(tokens, max(req.Input, 0))
}
