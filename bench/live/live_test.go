package live

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/bench/target"
	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/reference/agent"
	"tierlab/reference/gateway"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

const vocab = 1000

// oneSite is a world with a single deployment beside its users.
func oneSite(t *testing.T) *topology.World {
	t.Helper()
	w, err := topology.Assemble(topology.World{
		Name:   "one",
		Models: []topology.Model{{Name: "m", ParamsB: 1, ActiveB: 1, ContextTokens: 4096, Modalities: []string{"text"}}},
		Sites: []topology.Site{{Name: "here", Tier: topology.Central, Region: "r", Home: true, Deployments: []topology.Deployment{{
			Model: 0, Replicas: 1, Slots: 8, QueueLimit: 64, PrefillTokS: 1e4, StepBase: time.Millisecond, KVTokens: 1 << 16,
		}}}},
		Origins:  []topology.Origin{{Name: "o", Region: "r", Weight: 1}},
		Platform: topology.Platform{ToolsAt: "home"},
		Quality:  topology.Quality{Difficulty: map[string]topology.Normal{"": {SD: 1}}},
	}, make([]topology.Link, 4))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// served is an engine that computes nothing, behind the gateway. seen are the
// prompts that reach it, each joined with its forced answer.
func served(t *testing.T, seen func(body string)) *target.Target {
	t.Helper()
	device, err := null.Open(null.Config{Vocab: vocab, Context: 4096, Slots: 8, Budget: 512, Blocks: 4096, BlockTokens: 16})
	if err != nil {
		t.Fatal(err)
	}
	text, err := tokenizer.NewBytes(vocab)
	if err != nil {
		t.Fatal(err)
	}
	metrics := gateway.NewMetrics("m", 4096)
	e, err := engine.New(engine.Config{Backend: device, Tokenizer: text, Sched: sched.Config{Queue: 64}, Observer: metrics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	g, err := gateway.New(gateway.Config{Engine: e, Metrics: metrics, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen != nil {
			seen(r.URL.Path)
		}
		g.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return target.New(s.URL, "m", "")
}

const workload = `{"kind":"header","schema":"tierlab/v1","name":"w","provenance":{"source":"test"}}
{"kind":"prefix","name":"system","add":100}
{"kind":"session","id":"a","arrival_ms":0}
{"kind":"step","id":"1","llm":{"output_tokens":20,"context":{"from":"@system","keep":100,"add":30}},"tools":[{"name":"t","duration_ms":30}]}
{"kind":"step","id":"2","after":[{"step":"1"}],"llm":{"output_tokens":10,"context":{"from":"1","keep":150,"add":40}}}
{"kind":"session","id":"b","arrival_ms":20}
{"kind":"step","id":"1","llm":{"output_tokens":5,"context":{"from":"@system","keep":100,"add":60}}}
{"kind":"step","id":"2","after":[{"step":"1","on":"llm_done","delay_ms":15}],"llm":{"output_tokens":7,"context":{"from":"1","keep":120,"add":1}}}
`

func library(t *testing.T) *workloads.Library {
	t.Helper()
	lib, err := workloads.ReadLibrary(strings.NewReader(workload), "w")
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// outcomes keeps copies of what a sink is told.
type outcomes struct {
	mu              sync.Mutex
	steps, sessions []workloads.Outcome
}

func (o *outcomes) Step(x *workloads.Outcome) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := *x
	c.Attempts = slices.Clone(x.Attempts)
	o.steps = append(o.steps, c)
	return nil
}

func (o *outcomes) Session(x *workloads.Outcome) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := *x
	r := *x.Result
	c.Result = &r
	o.sessions = append(o.sessions, c)
	return nil
}

func config(t *testing.T, server *target.Target, sink workloads.Sink) Config {
	t.Helper()
	policy, err := router.Parse("static-central")
	if err != nil {
		t.Fatal(err)
	}
	a := agent.DefaultConfig()
	a.BackoffBase = time.Millisecond
	return Config{
		World: oneSite(t), Library: library(t), Policy: policy, Agent: a, Router: router.DefaultConfig(),
		Endpoint: func(router.Target) *target.Target { return server }, Extended: true, Vocab: vocab, Seed: 1, Sink: sink,
	}
}

// TestReplay: lengths are the recorded ones, what steps and sessions share is
// found in the cache, tools and gaps take their time, and the parts of each
// attempt sum to the whole.
func TestReplay(t *testing.T) {
	var got outcomes
	r, err := Run(context.Background(), config(t, served(t, nil), &got))
	if err != nil {
		t.Fatal(err)
	}
	if r.Sessions != 2 || r.Steps != 4 || r.Attempts != 4 || len(r.Failed) > 0 || len(got.sessions) != 2 {
		t.Fatalf("%+v", r)
	}
	if want := 19 + 9 + 4 + 6; len(r.Gaps) != want {
		t.Errorf("%d gaps between tokens, want %d", len(r.Gaps), want)
	}
	want := map[string]string{ // input, least cached, output: the last full block of what is shared
		"a1": "130 0 20", "a2": "190 144 10", "b1": "160 96 5", "b2": "121 112 7",
	}
	end := map[string]time.Duration{}
	for _, o := range got.steps {
		a := o.Attempts[0]
		key := o.Session + o.Step
		end[key] = o.LLMDone.D()
		if got := fmt.Sprint(a.Input, " ", a.Cached, " ", a.Output); got != want[key] || o.Status != workloads.StatusOK {
			t.Errorf("%s: %s (input, cached, output), status %s; want %s", key, got, o.Status, want[key])
		}
		if sum := a.Queue + a.Prefill + a.Decode + a.Network; sum != a.Done-a.Sent {
			t.Errorf("%s: the parts sum to %v, the attempt took %v", key, sum.D(), (a.Done - a.Sent).D())
		}
		if o.Step == "2" {
			gap := map[string]time.Duration{"a": 30 * time.Millisecond, "b": 15 * time.Millisecond}[o.Session]
			if o.Start.D()-end[o.Session+"1"] < gap {
				t.Errorf("%s began %v after the answer, want at least %v", key, o.Start.D()-end[o.Session+"1"], gap)
			}
		}
	}
}

// TestRefusals: an answer that does not come is tried again, and the run says
// what happened.
func TestRefusals(t *testing.T) {
	calls := 0
	var mu sync.Mutex
	g := served(t, nil)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		calls++
		first := calls <= 2
		mu.Unlock()
		if first {
			w.WriteHeader(429)
			fmt.Fprint(w, `{"error":{"message":"the queue is full"}}`)
			return
		}
		w.WriteHeader(500)
	}))
	defer busy.Close()
	full := target.New(busy.URL, "m", "")
	cfg := config(t, g, nil)
	n := 0
	cfg.Endpoint = func(router.Target) *target.Target {
		if n++; n <= 2 {
			return full
		}
		return g
	}
	cfg.Library.Sessions = cfg.Library.Sessions[:1]
	r, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if r.Attempts != 4 || r.Failed["HTTP 429: the queue is full"] != 2 || r.Steps != 2 {
		t.Errorf("%+v", r)
	}
}

func TestStops(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	cfg := config(t, served(t, func(string) { stop() }), nil)
	if _, err := Run(ctx, cfg); err == nil {
		t.Error("a run that was stopped says nothing of it")
	}
}

func TestConfigs(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Agent.Validate = true }, "no validator"},
		{func(c *Config) { c.Agent.CompactAbove, c.Agent.CompactTo = 100, 10 }, "not compacted"},
		{func(c *Config) { c.Library.Recorded = false }, "without arrival_ms"},
		{func(c *Config) { c.Vocab = 0 }, "vocabulary"},
	} {
		cfg := config(t, nil, nil)
		c.change(&cfg)
		if _, err := Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one that says %q", err, c.want)
		}
	}
}

// TestLagQuantile: of 1 to 100 ms, 99 do not exceed the 99th percentile.
func TestLagQuantile(t *testing.T) {
	r := &Report{}
	if got := r.LagQuantile(0.99); got != 0 {
		t.Errorf("without events %v", got)
	}
	for i := range 100 {
		r.Lag = append(r.Lag, time.Duration(100-i)*time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100} {
		if got := r.LagQuantile(q); got != want*time.Millisecond {
			t.Errorf("quantile %g is %v, want %d ms", q, got, want)
		}
	}
}
