package routertest

import (
	"time"

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

// Requests are like an agent's: long prompts, a home near the user, a warm
// replica now and then.
func Requests(w *topology.World, n int) []router.Request {
	reqs := make([]router.Request, n)
	for i := range reqs {
		s := rng.New(1, 0).Fold(uint64(i))
		origin := topology.OriginID(s.Fold(1).IntN(len(w.Origins)))
		near := w.Nearest(w.OriginPlace(origin))
		reqs[i] = router.Request{
			Draw: s.Fold(2), Session: s.Fold(3).Uint64(), Origin: origin, Home: near[1+s.Fold(4).IntN(3)],
			Kind: "code", Task: "Summarize the failing test, then debug the parser.", Pin: topology.None,
			Input: 1000 + s.Fold(5).IntN(20_000), Difficulty: s.Fold(6).Normal(), Attempt: 1,
			LatencyBudget: time.Duration(s.Fold(7).IntN(4)) * time.Second,
			History:       router.History{Steps: i % 30, Messages: i % 40, Cheap: i % 12, USDLeft: -1, TimeLeft: -1},
		}
		if i%2 == 0 {
			site := &w.Sites[near[1]]
			d := &site.Deployments[0]
			reqs[i].History.Warm[0] = router.Warm{
				Target: router.Target{Site: site.ID, Model: d.Model, Replica: d.First}, Tokens: reqs[i].Input / 2,
			}
		}
	}
	return reqs
}
