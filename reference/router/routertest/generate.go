package routertest

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

var regions = []string{"eu", "us", "ap"}

// anyWorld is a valid world of up to eight sites: with or without a device,
// sites without models, models without sites, free and dear ones.
func anyWorld(t *rapid.T) *topology.World {
	w := topology.World{Name: "any"}
	w.Platform.BytesPerToken = 4
	for range rapid.IntRange(1, 5).Draw(t, "models") {
		w.Models = append(w.Models, topology.Model{
			ParamsB:       rapid.SampledFrom([]float64{0.5, 1, 8, 70, 400}).Draw(t, "params"),
			Ability:       rapid.Float64Range(-3, 3).Draw(t, "ability"),
			ContextTokens: rapid.SampledFrom([]int{1, 512, 8192, 131_072}).Draw(t, "context"),
			Modalities:    rapid.SampledFrom([][]string{{"text"}, {"vision"}, {"text", "vision"}, {"audio"}}).Draw(t, "modalities"),
			Frontier:      rapid.Bool().Draw(t, "frontier"),
		})
	}
	device := false
	for range rapid.IntRange(1, 8).Draw(t, "sites") {
		s := anySite(t, len(w.Models))
		if s.Tier == topology.Device && device {
			s.Tier = topology.Metro
		}
		device = device || s.Tier == topology.Device
		w.Sites = append(w.Sites, s)
	}
	for range rapid.IntRange(1, 3).Draw(t, "origins") {
		w.Origins = append(w.Origins, topology.Origin{
			Lat: rapid.Float64Range(-90, 90).Draw(t, "lat"), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon"),
		})
	}
	world, err := assemble(w)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func anySite(t *rapid.T, models int) topology.Site {
	s := topology.Site{
		Tier:   topology.Tier(rapid.IntRange(0, topology.Tiers-1).Draw(t, "tier")),
		Region: rapid.SampledFrom(regions).Draw(t, "region"),
		Lat:    rapid.Float64Range(-90, 90).Draw(t, "lat"),
		Lon:    rapid.Float64Range(-180, 180).Draw(t, "lon"),
		Home:   rapid.Bool().Draw(t, "home"),
	}
	order := rapid.Permutation(ascending(models)).Draw(t, "order")
	for _, m := range order[:rapid.IntRange(0, models).Draw(t, "deployments")] {
		usd := rapid.SampledFrom([]float64{0, 0.1, 5}).Draw(t, "usd")
		s.Deployments = append(s.Deployments, topology.Deployment{
			Model:       topology.ModelID(m),
			Replicas:    rapid.IntRange(0, 3).Draw(t, "replicas"),
			Slots:       rapid.IntRange(1, 4).Draw(t, "slots"),
			PrefillTokS: rapid.SampledFrom([]float64{100, 8000}).Draw(t, "prefill"),
			StepBase:    time.Duration(rapid.IntRange(0, 50).Draw(t, "step")) * time.Millisecond,
			StepPerSeq:  time.Millisecond,
			Price:       topology.Price{In: usd, Cached: usd / 2, Out: 4 * usd},
		})
	}
	return s
}

func ascending(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// anyTarget may exist or not.
func anyTarget(t *rapid.T, w *topology.World) router.Target {
	if len(w.Replicas) == 0 || rapid.IntRange(0, 3).Draw(t, "odd") == 0 {
		return router.Target{
			Site:    topology.SiteID(rapid.IntRange(-1, len(w.Sites)).Draw(t, "site")),
			Model:   topology.ModelID(rapid.IntRange(-1, len(w.Models)).Draw(t, "model")),
			Replica: topology.ReplicaID(rapid.IntRange(-1, len(w.Replicas)).Draw(t, "replica")),
		}
	}
	r := rapid.IntRange(0, len(w.Replicas)-1).Draw(t, "replica")
	return router.Target{Site: w.Replicas[r].Site, Model: w.Replicas[r].Model, Replica: topology.ReplicaID(r)}
}

// anyRequest has values that no driver should send beside those that it will.
func anyRequest(t *rapid.T, w *topology.World) router.Request {
	numbers := []float64{-1, 0, 1e-6, 0.01, 3, math.NaN(), math.Inf(1), math.Inf(-1)}
	spans := []time.Duration{math.MinInt64, -1, 0, time.Millisecond, 3 * time.Second, math.MaxInt64}
	counts := []int{math.MinInt, -1, 0, 1, 6, 11, math.MaxInt}
	req := router.Request{
		Draw:          rng.Stream(rapid.Uint64().Draw(t, "draw")),
		Session:       rapid.Uint64().Draw(t, "session"),
		Origin:        topology.OriginID(rapid.IntRange(-1, len(w.Origins)).Draw(t, "origin")),
		Home:          topology.SiteID(rapid.IntRange(-1, len(w.Sites)).Draw(t, "home")),
		Kind:          rapid.SampledFrom([]string{"", "code", "classify"}).Draw(t, "kind"),
		Task:          rapid.SampledFrom([]string{"", "Classify it", "design and debug", "é\xff"}).Draw(t, "task"),
		Modality:      rapid.SampledFrom([]string{"", "", "text", "vision", "smell"}).Draw(t, "modality"),
		Pin:           topology.None,
		PII:           rapid.IntRange(0, 4).Draw(t, "pii") == 0,
		Input:         rapid.SampledFrom([]int{math.MinInt, -5, 0, 100, 5000, 200_000, math.MaxInt}).Draw(t, "input"),
		LatencyBudget: rapid.SampledFrom(spans).Draw(t, "budget"),
		Difficulty:    rapid.SampledFrom(numbers).Draw(t, "difficulty"),
		Attempt:       rapid.SampledFrom(counts).Draw(t, "attempt"),
		Escalation:    rapid.SampledFrom(counts).Draw(t, "escalation"),
		Last:          rapid.SampledFrom([]workloads.Status{"", workloads.StatusRejected, workloads.StatusInvalid}).Draw(t, "last"),
		History: router.History{
			Steps:    rapid.SampledFrom(counts).Draw(t, "steps"),
			Messages: rapid.SampledFrom(counts).Draw(t, "messages"),
			Cheap:    rapid.SampledFrom(counts).Draw(t, "cheap"),
			USDLeft:  rapid.SampledFrom(numbers).Draw(t, "usd left"),
			TimeLeft: rapid.SampledFrom(spans).Draw(t, "time left"),
		},
	}
	if rapid.IntRange(0, 4).Draw(t, "pinned") == 0 {
		req.Pin = topology.ModelID(rapid.IntRange(0, len(w.Models)).Draw(t, "pin"))
	}
	if rapid.IntRange(0, 3).Draw(t, "resident") == 0 {
		req.Residency = regions[:rapid.IntRange(0, len(regions)).Draw(t, "regions")]
	}
	for range rapid.IntRange(0, 3).Draw(t, "tried") {
		req.Tried = append(req.Tried, anyTarget(t, w))
	}
	for i := range req.History.Warm {
		req.History.Warm[i] = router.Warm{
			Target: anyTarget(t, w), Tokens: rapid.SampledFrom(counts).Draw(t, "warm"),
		}
	}
	return req
}

// disturb gives all routers the same loads, outages, kill switches and open
// breakers, and notes them.
func disturb(t *rapid.T, s *state, routers ...*router.Router) {
	for i := range s.world.Replicas {
		running := rapid.SampledFrom([]int{-1, 0, 1, 4, math.MaxInt32}).Draw(t, "running")
		queued := rapid.SampledFrom([]int{-1, 0, 0, 2, math.MaxInt32}).Draw(t, "queued")
		for _, r := range routers {
			r.Observe(0, topology.ReplicaID(i), running, queued)
		}
	}
	for i := range s.world.Sites {
		id := topology.SiteID(i)
		switch rapid.IntRange(0, 5).Draw(t, "site") {
		case 0:
			s.down[id] = true
		case 1:
			s.off[id] = true
		}
		for _, r := range routers {
			r.ObserveSite(id, s.down[id])
			r.Switch(id, s.off[id])
		}
	}
	if rapid.IntRange(0, 4).Draw(t, "without") == 0 {
		m := topology.ModelID(rapid.IntRange(0, len(s.world.Models)-1).Draw(t, "model"))
		s.without[m] = true
		for _, r := range routers {
			r.SwitchModel(m, true)
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "open") {
		target := anyTarget(t, s.world)
		s.open[router.Target{Site: target.Site, Model: target.Model, Replica: topology.None}] = true
		for _, r := range routers {
			for range s.config.Breaker.Failures {
				r.Feedback(now, target, workloads.StatusError, 0)
			}
		}
	}
}

// Future is a future that follows from a key.
func Future(key uint64) *router.Future {
	s := rng.New(key, 0)
	return &router.Future{
		Output:  s.Fold(0).IntN(2000),
		Correct: func(m topology.ModelID) bool { return s.Fold(1).Fold(uint64(m)).Bool(0.5) },
		Wait: func(r topology.ReplicaID) time.Duration {
			return time.Duration(s.Fold(2).Fold(uint64(r)).IntN(1e9))
		},
		Cached: func(r topology.ReplicaID) int { return s.Fold(3).Fold(uint64(r)).IntN(5000) },
	}
}
