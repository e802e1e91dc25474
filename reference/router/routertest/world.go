package routertest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"tierlab/reference/topology"
)

// Models of Continuum, by number.
const (
	Tiny topology.ModelID = iota
	Small
	Large
	Frontier
	Vision
)

// Continuum is a world with a device, the given number of metro sites on a
// circle around the centre, a regional site for every ten of them and two
// central sites. There is an origin beside every tenth metro site.
func Continuum(tb testing.TB, metros int) *topology.World {
	tb.Helper()
	w := topology.World{Name: "continuum", Models: models()}
	w.Platform.BytesPerToken = 4
	w.Platform.ToolsAt = "home"
	add := func(s topology.Site, deps ...topology.Deployment) {
		s.Deployments, s.Home = deps, s.Tier != topology.Device
		w.Sites = append(w.Sites, s)
	}
	add(topology.Site{Name: "device", Tier: topology.Device}, deployment(Tiny, 1, 1, 200, 40))
	for i := range metros {
		at := topology.Site{Name: fmt.Sprintf("metro-%d", i), Tier: topology.Metro, Region: region(i)}
		at.Lat, at.Lon = onCircle(i, metros, 60)
		add(at, deployment(Small, 2, 16, 8000, 8), deployment(Vision, 1, 8, 6000, 10))
		if i%10 != 0 {
			continue
		}
		at.Name, at.Tier = fmt.Sprintf("regional-%d", i/10), topology.Regional
		at.Lat, at.Lon = onCircle(i, metros, 45)
		add(at, deployment(Small, 2, 32, 9000, 7), deployment(Large, 4, 16, 4000, 20))
		w.Origins = append(w.Origins, topology.Origin{Name: fmt.Sprintf("origin-%d", i/10), Region: region(i), Weight: 1})
	}
	for i := range 2 {
		at := topology.Site{Name: fmt.Sprintf("central-%d", i), Tier: topology.Central, Region: region(i)}
		at.Lat = float64(10 * i)
		add(at, deployment(Frontier, 8, 32, 5000, 25), deployment(Large, 8, 32, 5000, 18), deployment(Small, 4, 64, 9000, 7))
	}
	for i := range w.Origins {
		w.Origins[i].Lat, w.Origins[i].Lon = onCircle(10*i, metros, 61)
		w.Origins[i].Weight /= float64(len(w.Origins))
	}
	w.StateSite = make([]topology.SiteID, len(w.Sites))
	w.ToolSite = make([]topology.SiteID, len(w.Sites))
	for i := range w.ToolSite {
		w.StateSite[i], w.ToolSite[i] = topology.None, topology.SiteID(len(w.Sites)-1)
	}
	world, err := assemble(w)
	if err != nil {
		tb.Fatal(err)
	}
	return world
}

func models() []topology.Model {
	words := []string{"text"}
	return []topology.Model{
		{Name: "tiny-1b", ParamsB: 1, Ability: -1.5, ContextTokens: 32_768, Modalities: words},
		{Name: "small-8b", ParamsB: 8, Ability: 0, ContextTokens: 131_072, Modalities: words},
		{Name: "large-70b", ParamsB: 70, Ability: 1, ContextTokens: 131_072, Modalities: words},
		{Name: "frontier", ParamsB: 1000, Ability: 2, ContextTokens: 200_000, Modalities: []string{"text", "vision"}, Frontier: true},
		{Name: "vision-11b", ParamsB: 11, Ability: -0.2, ContextTokens: 65_536, Modalities: []string{"vision"}},
	}
}

// deployment has a price that follows the model's number, one dollar per
// million tokens of output for the small one.
func deployment(m topology.ModelID, replicas, slots int, prefill float64, stepMS int) topology.Deployment {
	usd := math.Pow(4, float64(m)-1)
	return topology.Deployment{
		Model: m, Replicas: replicas, Slots: slots, QueueLimit: 2 * slots, PrefillTokS: prefill,
		StepBase: time.Duration(stepMS) * time.Millisecond, StepPerSeq: 50 * time.Microsecond,
		KVTokens: 500_000, Price: topology.Price{In: usd / 4, Cached: usd / 40, Out: usd},
	}
}

func region(i int) string { return [...]string{"eu", "us", "ap"}[i%3] }

func onCircle(i, n int, radius float64) (lat, lon float64) {
	sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(max(n, 1)))
	return radius * sin, radius * cos
}

// assemble links all places by 2 ms and 1 ms more per degree of distance.
func assemble(w topology.World) (*topology.World, error) {
	type point struct{ lat, lon float64 }
	var at []point
	for i := range w.Sites {
		at = append(at, point{w.Sites[i].Lat, w.Sites[i].Lon})
	}
	for i := range w.Origins {
		at = append(at, point{w.Origins[i].Lat, w.Origins[i].Lon})
	}
	links := make([]topology.Link, 0, len(at)*len(at))
	for i, a := range at {
		for j, b := range at {
			l := topology.Link{GBPerS: 0.125}
			if i != j {
				l.RTT = 2*time.Millisecond + time.Duration(math.Hypot(a.lat-b.lat, a.lon-b.lon)*float64(time.Millisecond))
			}
			links = append(links, l)
		}
	}
	return topology.Assemble(w, links)
}
