package serving

import (
	"context"
	"errors"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"tierlab/bench/shapes"
	"tierlab/bench/target"
	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/model"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/reference/gateway"
)

// serve is a bench whose servers run in this process: an engine whose iterations
// take a tenth of a millisecond and a microsecond a token. Processor time and
// energy grow evenly, by half a second and 100 J a second.
func serve(t *testing.T, queue int, starts *[]bool) *Bench {
	t.Helper()
	c, err := model.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	b := &Bench{Model: c, Elem: 2}
	b.Start = func(_ context.Context, cold bool) (*Server, error) {
		*starts = append(*starts, cold)
		launched := time.Now()
		device, err := null.Open(null.Config{
			Vocab: c.Vocab, Context: 2048, Slots: 4, Budget: 256, Blocks: 1024, BlockTokens: 16,
			StepTime: func(s sched.Shape) time.Duration {
				return 100*time.Microsecond + time.Duration(s.Tokens)*time.Microsecond
			},
		})
		if err != nil {
			return nil, err
		}
		metrics := gateway.NewMetrics("tiny", 2048)
		text, err := tokenizer.NewBytes(c.Vocab)
		if err != nil {
			return nil, err
		}
		e, err := engine.New(engine.Config{Backend: device, Tokenizer: text, Observer: metrics, Sched: sched.Config{Queue: queue}})
		if err != nil {
			return nil, err
		}
		g, err := gateway.New(gateway.Config{Engine: e, Metrics: metrics, Model: "tiny"})
		if err != nil {
			return nil, err
		}
		web := httptest.NewServer(g.Handler())
		to := target.New(web.URL, "tiny", "")
		return &Server{
			Target: to, Vocab: c.Vocab, Launched: launched, Phases: []shapes.Phase{{Name: "model", Ms: 1}},
			Counters: func() shapes.Counters {
				since := time.Since(launched)
				return shapes.Counters{CPU: since / 2, Joules: 100 * since.Seconds()}
			},
			Close: func() error {
				to.Close()
				web.Close()
				return e.Close()
			},
		}, nil
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func run(t *testing.T, b *Bench, name string) shapes.Line {
	t.Helper()
	s, err := shapes.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.Run(context.Background(), s[0], 2)
	if err != nil {
		t.Fatal(err)
	}
	if l.Shape != name || l.Served == nil || l.TTFTMs <= 0 {
		t.Errorf("%s: %+v", name, l)
	}
	return l
}

// TestLoads: what each load says follows from the lengths and the device's model.
func TestLoads(t *testing.T) {
	var starts []bool
	b := serve(t, 64, &starts)
	list, err := ShareGPT()
	if err != nil {
		t.Fatal(err)
	}
	const n = 30
	prompts, outputs := 0, 0
	for _, l := range list[:n] {
		l = l.scaled(0.1)
		prompts, outputs = prompts+l.Prompt, outputs+l.Output
	}
	l := run(t, b, "sharegpt:30x4@0.1")
	if s := l.Served; s.Requests != n || s.PromptTokens != prompts || s.OutputTokens != outputs || s.CachedTokens != 0 {
		t.Errorf("%+v", *l.Served)
	}
	// Every token takes an iteration of at least 0.1 ms, for at most 4 at once; the
	// counters are read around all of it.
	if l.Cores < 0.49 || l.GBPerS <= 0 || l.GFLOPPerS <= 0 || l.Served.E2E.Mean < 0.1*float64(outputs)/n || l.TokensPerS > 4e4 {
		t.Errorf("%+v", l)
	}
	if want := l.Watts / l.TokensPerS; math.Abs(l.JoulesPerToken/want-1) > 1e-6 {
		t.Errorf("%g J a token at %g W", l.JoulesPerToken, l.Watts)
	}
	l = run(t, b, "load:200x20@0.05")
	if s := l.Served; s.Requests+s.Refused != 20 || s.Offered != 200 || s.E2E.P99 < s.TTFT.P50 || s.LagP99Ms < 0 {
		t.Errorf("%+v", *l.Served)
	}
	l = run(t, b, "agentic:3x3x2@0.05")
	if s := l.Served; len(s.Turns) != 3 || s.Requests != 9 || s.Turns[0].CachedShare != 0 || s.Turns[2].CachedShare < 0.7 {
		t.Errorf("%+v", *l.Served)
	}
	if !slices.Equal(starts, []bool{false}) {
		t.Errorf("the loads share no server: %v", starts)
	}
}

// TestStartup: servers are started one at a time, and warm ones once more.
func TestStartup(t *testing.T) {
	var starts []bool
	b := serve(t, 64, &starts)
	run(t, b, "sharegpt:4x4@0.01")
	starts = nil
	l := run(t, b, "startup:warm")
	var names []string
	for _, p := range l.Served.Phases {
		names = append(names, p.Name)
	}
	if b.open != nil || strings.Join(names, ", ") != "model, ready, first token" || l.Repeats != 2 {
		t.Errorf("%v, %+v", names, l)
	}
	run(t, b, "startup:cold")
	if !slices.Equal(starts, []bool{false, false, false, true, true}) {
		t.Errorf("starts %v", starts)
	}
}

// TestRefused: a full queue is counted in an open load and ends a closed one.
func TestRefused(t *testing.T) {
	var starts []bool
	b := serve(t, 1, &starts)
	if l := run(t, b, "load:5000x40@0.1"); l.Served.Refused == 0 || l.Served.Requests == 0 {
		t.Errorf("%+v", *l.Served)
	}
	for _, c := range []struct{ shape, want string }{{"sharegpt:60x30@0.1", "queue is full"}, {"agentic:30x1x30@0.05", "queue is full"}, {"load:100x40", "HTTP 400"}} {
		s, err := shapes.Parse(c.shape)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Run(context.Background(), s[0], 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.shape, err, c.want)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := b.Run(ctx, shapes.Shape{Kind: "sharegpt", N: 4, Beside: 2, Scale: 1}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := b.Run(context.Background(), shapes.Shape{Kind: "pp", N: 4}, 1); err == nil {
		t.Error("a prompt alone is no load on a server")
	}
	b.Start = func(context.Context, bool) (*Server, error) { return nil, errors.New("no server") }
	if _, err := b.Run(context.Background(), shapes.Shape{Kind: "startup"}, 1); err == nil {
		t.Error("a server that does not start")
	}
}

// TestAtOnce: what ends when another begins does not run beside it.
func TestAtOnce(t *testing.T) {
	span := func(from, to time.Duration) answer { return answer{Answer: target.Answer{Sent: from, Done: to}} }
	if n := atOnce([]answer{span(0, 10), span(10, 20), span(5, 15), {refused: true}}); n != 2 {
		t.Errorf("%d at once", n)
	}
}
