package routertest

import (
	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/reference/topology"
)

// Load reports an uneven load of about two thirds of the slots for every
// replica, and a queue where the slots are full.
func Load(r *router.Router, seed uint64) {
	w := r.View().World
	for i := range w.Replicas {
		at := &w.Replicas[i]
		d := &w.Sites[at.Site].Deployments[at.Index]
		s := rng.New(seed, 0).Fold(uint64(i))
		running := int(s.Fold(1).Uniform() * 1.33 * float64(d.Slots))
		queued := max(running-d.Slots, 0)
		r.Observe(0, topology.ReplicaID(i), running-queued, queued)
	}
}
