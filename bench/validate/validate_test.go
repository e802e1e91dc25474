package validate

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tierlab/bench/target"
	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/kv"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/reference/agent"
	"tierlab/reference/gateway"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

const text = `{"kind":"header","schema":"tierlab/v1","name":"w","provenance":{"source":"test"}}
{"kind":"prefix","name":"system","add":100}
{"kind":"session","id":"a","origin":"o","data":{"pii":true},"budget":{"usd":1}}
{"kind":"step","id":"1","pii":true,"llm":{"output_tokens":20,"pin":"x","context":{"from":"@system","keep":100,"add":30}},"tools":[{"name":"t","duration_ms":3}]}
{"kind":"step","id":"2","after":[{"step":"1"}],"llm":{"output_tokens":10,"context":{"from":"1","keep":150,"add":40}}}
{"kind":"session","id":"b"}
{"kind":"step","id":"1","llm":{"output_tokens":5,"context":{"from":"@system","keep":100,"add":60}}}
{"kind":"step","id":"2","after":[{"step":"1","on":"llm_done","delay_ms":5}],"llm":{"output_tokens":7,"context":{"from":"1","keep":120,"add":1}}}
`

func library(t *testing.T) *workloads.Library {
	t.Helper()
	lib, err := workloads.ReadLibrary(strings.NewReader(text), "w")
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// profile is of an engine of which all is known.
func profile() *steptime.Profile {
	return &steptime.Profile{
		Step:     map[string]float64{"constant": 2e5, "tokens": 2e3, "context": 100},
		Overhead: steptime.Overhead{In: 3e5, InPerToken: 100, Out: 1e5, OutPerToken: 1e3},
	}
}

func settings(slots int) Settings {
	return Settings{
		Sched: sched.Config{Slots: slots, Budget: 128, Queue: 64, Context: 4096, Aging: time.Second, Share: 1000, Lead: time.Second},
		KV:    kv.Config{Blocks: 512, BlockTokens: 16, KeepBlocks: 256},
	}
}

// serve starts an engine that computes nothing in the time that the profile's
// model says.
func serve(t *testing.T, s Settings) *Server {
	t.Helper()
	const vocab = 1000
	model := profile().Linear()
	device, err := null.Open(null.Config{Vocab: vocab, Context: s.Sched.Context, Slots: s.Sched.Slots, Budget: s.Sched.Budget,
		Blocks: s.KV.Blocks, BlockTokens: s.KV.BlockTokens, StepTime: model.StepTime})
	if err != nil {
		t.Fatal(err)
	}
	words, err := tokenizer.NewBytes(vocab)
	if err != nil {
		t.Fatal(err)
	}
	metrics := gateway.NewMetrics("m", s.Sched.Context)
	seen := &Iterations{Model: model, Next: metrics}
	e, err := engine.New(engine.Config{Backend: device, Tokenizer: words, Sched: s.Sched, KeepBlocks: s.KV.KeepBlocks, Observer: seen})
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Engine: e, Metrics: metrics, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(g)
	return &Server{Settings: s, Target: target.New(h.URL, "m", ""), Vocab: vocab, Iterations: seen, Close: func() error {
		h.Close()
		return e.Close()
	}}
}

// TestRun plays everything once, with a few sessions. What takes how long is the
// machine's: the counts are not.
func TestRun(t *testing.T) {
	started := 0
	c := &Config{
		Library: OneSite(library(t)), Profile: profile(), Agent: agent.DefaultConfig(),
		Shares: []float64{0.2, 0.4}, Sessions: 6, Runs: 2, Seed: 3, MaxLag: time.Hour,
		Variants: []string{"8 slots", "1 slot"}, VariantRuns: 2,
		Start: func(v int) (*Server, error) {
			started++
			return serve(t, settings([]int{4, 8, 1}[v+1])), nil
		},
		Progress: t.Logf,
	}
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Capacity <= 0 || r.Sessions != 6 || r.Calls != 12 || len(r.Loads) != 2 || started != 5 {
		t.Fatalf("%+v after %d starts", r, started)
	}
	for i, l := range r.Loads {
		if l.Rate != c.Shares[i]*r.Capacity || len(l.Rows) != int(Metrics)*int(Statistics) || len(l.Runs) != 2 {
			t.Errorf("%+v", l)
		}
		for _, run := range l.Runs {
			if run.Invalid != "" || run.Seconds <= 0 || run.SameCache < 8 || run.Fit.Prefill.Iterations == 0 || run.Fit.Decode.Iterations == 0 {
				t.Errorf("%+v", run)
			}
		}
		if l.Prompt < 12*121 || l.Cached <= 0 || l.Cached >= l.Prompt {
			t.Errorf("%d of %d tokens cached", l.Cached, l.Prompt)
		}
	}
	if len(r.Ranking) != 2 || len(r.Ranking[0].Points) != 2 || r.Ranking[0].Pairs != 1 || len(r.Ranking[0].Points[0].Runs) != 2 {
		t.Errorf("%+v", r.Ranking)
	}
}

// TestInvalid: a run in which calls failed, that lost some, or that was late
// says so.
func TestInvalid(t *testing.T) {
	lib := library(t)
	good := func() *Measured { return &Measured{Samples: &Samples{Calls: 4}, LagP99: time.Millisecond} }
	if err := good().Invalid(lib, 2*time.Millisecond); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Measured){
		"HTTP 500":  func(m *Measured) { m.Errors = map[string]int{"HTTP 500": 1} },
		"3 of 4":    func(m *Measured) { m.Calls = 3 },
		"timeout":   func(m *Measured) { m.Failed = map[string]int{"timeout": 1} },
		"were more": func(m *Measured) { m.LagP99 = time.Second },
	} {
		m := good()
		change(m)
		if err := m.Invalid(lib, 2*time.Millisecond); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

func TestRunStops(t *testing.T) {
	closed := errors.New("no engine")
	c := &Config{Library: library(t), Profile: profile(), Shares: []float64{0.5}, Runs: 1, Start: func(int) (*Server, error) { return nil, closed }}
	if _, err := Run(context.Background(), c); !errors.Is(err, closed) {
		t.Errorf("error %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	c.Start = func(int) (*Server, error) { return serve(t, settings(4)), nil }
	c.Agent, c.Library, c.Progress = agent.DefaultConfig(), OneSite(c.Library), t.Logf
	if _, err := Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("a validation that was stopped: error %v", err)
	}
}
