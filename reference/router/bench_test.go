package router_test

import (
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
)

// BenchmarkRoute is the time of one decision, for every policy, in a world of
// 300 metro, 30 regional and 2 central sites under uneven load. The oracle is
// shown a future.
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
			reqs := routertest.Requests(w, 1024)
			future := routertest.Future(1)
			var d router.Decision
			now := time.Duration(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now += time.Microsecond
				r.RouteKnowing(now, &reqs[i%len(reqs)], future, &d)
			}
		})
	}
}
