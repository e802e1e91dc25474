package topology_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tierlab/configs"
	"tierlab/reference/topology"
)

// small is a topology that the tests of this file change.
const small = `schema: tierlab-topology/v1
name: small
extends: tiny
sites:
  - {name: device, tier: device, provider: user, home: true, rack: device}
  - {name: edge, tier: metro, home: true, rack: tiny-metro, city: Jakarta}
  - {name: hub, tier: central, home: true, rack: tiny-central, city: Ashburn}
links:
  - {from: edge, to: hub, rtt_ms: 240, hops: 17, loss_share: 0.01, gb_per_s: 0.1, jitter_median_ms: 7, jitter_sigma: 0.3}
  - {from: jakarta, to: edge, rtt_ms: 12.5}
faults:
  - {site: hub, start_s: 10, length_s: 5, every_s: 60, probability_share: 0.5, down: true}
  - {from: jakarta, to: edge, start_s: 1, length_s: 2, probability_share: 1, slow_factor: 3}
`

func parse(t testing.TB, text string) *topology.World {
	t.Helper()
	w, err := topology.Parse(configs.FS, "small.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestOverridesAndFaults(t *testing.T) {
	w := parse(t, small)
	edge, hub, jakarta := w.SiteByName("edge"), w.SiteByName("hub"), w.OriginByName("jakarta")
	want := topology.Link{RTT: 240 * ms, JitterMedian: 7 * ms, JitterSigma: 0.3, Loss: 0.01, Hops: 17, GBPerS: 0.1}
	if got := *w.Link(w.SitePlace(hub), w.SitePlace(edge)); got != want {
		t.Errorf("overridden link %+v, want %+v", got, want)
	}
	user := w.Link(w.OriginPlace(jakarta), w.SitePlace(edge))
	if user.RTT != 12500*time.Microsecond || user.Hops != 3 {
		t.Errorf("a link keeps what an override leaves out: %+v", user)
	}
	faults := []topology.Fault{
		{Site: hub, Start: 10 * time.Second, Length: 5 * time.Second, Every: time.Minute, Probability: 0.5, Down: true, Slow: 1},
		{Site: topology.None, From: w.OriginPlace(jakarta), To: w.SitePlace(edge), Start: time.Second, Length: 2 * time.Second, Probability: 1, Slow: 3},
	}
	if !slices.Equal(w.Faults, faults) {
		t.Errorf("faults %+v, want %+v", w.Faults, faults)
	}
	if w.SiteByName("nowhere") != topology.None || w.ModelByName("gpt") != topology.None || w.OriginByName("mars") != topology.None {
		t.Error("an unknown name has a number")
	}
}

// The speeds of an 8B model on one H100, worked out by hand from the figures
// of the two catalogues.
func TestRooflineByHand(t *testing.T) {
	w := parse(t, small)
	d := w.Deployment(w.SiteByName("hub"), w.ModelByName("llama-3.1-8b"))
	const params, flops, bandwidth, memory, kv = 8.03e9, 989e12, 3350e9, 80e9, 2 * 32 * 8 * 128 * 2
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	near("prefill tok/s", d.PrefillTokS, flops*0.5/(2*params))
	near("step base", d.StepBase.Seconds(), params*2/(bandwidth*0.7)+0.001)
	near("step per sequence", d.StepPerSeq.Seconds(), 2*params/(flops*0.5)+kv*8192/(bandwidth*0.7))
	near("cache tokens", float64(d.KVTokens), math.Floor((memory*0.9-params*2)/kv))
	near("energy", d.JoulesPerTok, 700*(d.StepBase+32*d.StepPerSeq).Seconds()/32)
}

// A replica over several accelerators pays for its split, and a share of one
// accelerator is that share of its speed.
func TestRooflineScales(t *testing.T) {
	deployment := func(text string) *topology.Deployment {
		w := parse(t, strings.Replace(small, "rack: tiny-central", "rack: x", 1)+
			"racks:\n  x:\n    - {model: llama-3.1-8b, accelerator: h100-sxm, replicas: 1, slots: 4"+text+"}\n")
		return w.Deployment(w.SiteByName("hub"), w.ModelByName("llama-3.1-8b"))
	}
	one, four := deployment(""), deployment(", accelerators_per_replica: 4")
	half, measured := deployment(", accelerators_per_replica: 0.5"), deployment(", prefill_tok_per_s: 1234, step_base_ms: 5, step_per_seq_ms: 0.25, kv_tok: 1000, usd_per_mtok_in: 1, usd_per_mtok_cached: 2, usd_per_mtok_out: 3")
	if r := four.PrefillTokS / one.PrefillTokS; math.Abs(r-4*0.85) > 1e-9 {
		t.Errorf("four accelerators prefill %g times as fast, want 3.4", r)
	}
	if r := half.PrefillTokS / one.PrefillTokS; math.Abs(r-0.5) > 1e-9 {
		t.Errorf("half an accelerator prefills %g times as fast, want 0.5", r)
	}
	if measured.PrefillTokS != 1234 || measured.StepBase != 5*ms || measured.StepPerSeq != 250*time.Microsecond || measured.KVTokens != 1000 {
		t.Errorf("measured speeds are not taken: %+v", measured)
	}
	if measured.Price != (topology.Price{In: 1, Cached: 2, Out: 3}) {
		t.Errorf("the deployment's own price is not taken: %+v", measured.Price)
	}
}

func TestStateAndTools(t *testing.T) {
	w := embedded(t, "hyperscaler-local-zones")
	at := func(home, origin string) string {
		return w.Sites[w.StateFor(w.SiteByName(home), w.OriginByName(origin))].Name
	}
	for _, c := range []struct{ home, origin, want string }{
		{"zone-los-angeles", "tokyo", "regional-portland"}, // beside its home
		{"regional-tokyo", "paris", "regional-tokyo"},
		{"central-us-east", "paris", "central-us-east"},
		{"device", "paris", "regional-london"}, // beside its user
		{"device", "tokyo", "regional-tokyo"},
	} {
		if got := at(c.home, c.origin); got != c.want {
			t.Errorf("home %s, user in %s: state at %s, want %s", c.home, c.origin, got, c.want)
		}
	}
	cloud := embedded(t, "agent-cloud")
	for _, s := range cloud.Sites {
		if cloud.StateFor(s.ID, 0) != topology.None || cloud.ToolsFor(s.ID, 0) != topology.None {
			t.Errorf("%s: state and tools of the agent cloud are with the session", s.Name)
		}
	}
	central := parse(t, small+"platform:\n"+platformWith("central"))
	if s := central.ToolsFor(central.DeviceSite, 0); s != central.SiteByName("hub") {
		t.Errorf("tools of a device's session at %d", s)
	}
	if s := central.ToolSite[central.SiteByName("edge")]; s != central.SiteByName("hub") {
		t.Errorf("tools of an edge session at %d", s)
	}
}

func platformWith(toolsAt string) string {
	return `  state: {commit_p50_ms: 1, commit_p99_ms: 2}
  orchestration: {service: false}
  sandbox: {kind: isolate, start_p50_ms: 1, start_p99_ms: 2, warm_share: 1, warm_start_ms: 0, memory_gb: 1}
  tools_at: ` + toolsAt + `
  keep_alive_s: 1
  view_interval_ms: 1
  initial_window_bytes: 1
  tls_round_trips: 2
  bytes_per_tok: 1
  sse_bytes_per_tok: 1
`
}

func TestServingSitesAndReplicas(t *testing.T) {
	w := embedded(t, "agent-cloud")
	for m := range w.Models {
		id := topology.ModelID(m)
		var want []topology.SiteID
		for _, s := range w.Sites {
			if w.Deployment(s.ID, id) != nil {
				want = append(want, s.ID)
			}
		}
		if !slices.Equal(w.ServingSites(id), want) || len(want) == 0 {
			t.Errorf("%s is served at %v, want %v", w.Models[m].Name, w.ServingSites(id), want)
		}
	}
	next := topology.ReplicaID(0)
	for _, s := range w.Sites {
		for i, d := range s.Deployments {
			if d.First != next {
				t.Fatalf("%s: replicas of deployment %d begin at %d, want %d", s.Name, i, d.First, next)
			}
			for range d.Replicas {
				if w.Replicas[next] != (topology.Replica{Site: s.ID, Index: int32(i), Model: d.Model}) {
					t.Fatalf("replica %d is %+v", next, w.Replicas[next])
				}
				next++
			}
		}
	}
}

func TestDigestCoversAllInputs(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"models.yaml", "accelerators.yaml", "prices.yaml", "cities.csv", "topologies/tiny.yaml", "topologies/agent-cloud.yaml"} {
		data, err := configs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	load := func() string {
		w, err := topology.Load(files, "tiny")
		if err != nil {
			t.Fatal(err)
		}
		return w.Digest
	}
	seen := map[string]string{load(): "nothing"}
	if again := load(); seen[again] == "" {
		t.Error("the digest changes between two readings")
	}
	for name, file := range files {
		whole := file.Data
		file.Data = append(slices.Clone(whole), "# changed\n"...)
		if was, ok := seen[load()]; ok {
			t.Errorf("a change of %s gives the same digest as a change of %s", name, was)
		}
		seen[load()] = name
		file.Data = whole
	}
}

func TestOriginWeightsSumToOne(t *testing.T) {
	for _, name := range embeddedNames(t) {
		sum := 0.0
		for _, o := range embedded(t, name).Origins {
			sum += o.Weight
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("%s: weights sum to %g", name, sum)
		}
	}
}

func BenchmarkLoadAgentCloud(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		embedded(b, "agent-cloud")
	}
}

func BenchmarkLink(b *testing.B) {
	w := embedded(b, "agent-cloud")
	n, sum := len(w.Sites)+len(w.Origins), time.Duration(0)
	for i := 0; b.Loop(); i++ {
		sum += w.Link(topology.Place(i*7%n), topology.Place(i*13%n)).RTT
	}
	if sum < 0 {
		b.Fatal("round trips are negative")
	}
}

// TestBatching: what a deployment says of its engine's scheduling replaces the
// defaults one by one, a bound of 0 too.
func TestBatching(t *testing.T) {
	w := parse(t, strings.Replace(small, "city: Jakarta}", `city: Jakarta, deployments: [
      {model: bge-m3, replicas: 1, slots: 4, prefill_tok_per_s: 100, step_base_ms: 1, step_per_seq_ms: 1, kv_tok: 1000,
       batching: {block_tok: 32, stall_ms: 0, ahead_iterations: 1}}]}`, 1))
	d := w.Sites[w.SiteByName("edge")].Deployments
	want := topology.DefaultBatching()
	if d[0].Batching != want {
		t.Errorf("a deployment that says nothing schedules by %+v, want %+v", d[0].Batching, want)
	}
	want.BlockTokens, want.Stall, want.Ahead = 32, 0, 1
	if got := w.Deployment(w.SiteByName("edge"), w.ModelByName("bge-m3")).Batching; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
