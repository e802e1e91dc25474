package router_test

import (
	"testing"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
	"tierlab/reference/topology"
)

// BenchmarkRoute is the time of one decision, for every policy, in a world of
// 300 metro, 30 regional and 2 central sites under uneven load.
func BenchmarkRoute(b *testing.B) {
	w := routertest.Continuum(b, 300)
	t := router.NewTable(w)
	for _, e := range router.Catalogue() {
		b.Run(e.Name, func(b *testing.B) {
			spec, err := router.Parse(e.Name)
			if err != nil {
				b.Fatal(err)
			}
			r := router.New(t, spec.New(), router.DefaultConfig())
			routertest.Load(r, 1)
			reqs := requests(w, 1024)
			var d router.Decision
			now := time.Duration(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now += time.Microsecond
				r.Route(now, &reqs[i%len(reqs)], &d)
			}
		})
	}
}

// requests are like an agent's: long prompts, a home near the user, a warm
// replica now and then.
func requests(w *topology.World, n int) []router.Request {
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
