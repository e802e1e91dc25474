package generate

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tierlab/internal/rng"
	"tierlab/workloads"
	"tierlab/workloads/importers"
)

func fitted(t failer, text []byte, name string) (*Profile, []GoodnessOfFit) {
	p, fits, err := Fit(workloads.NewReader(bytes.NewReader(text), name), name)
	if err != nil {
		t.Fatal(err)
	}
	return p, fits
}

// TestFitRecovers fits a generated workload and finds its parameters again.
func TestFitRecovers(t *testing.T) {
	p := builtin(t, "coding-agent")
	got, fits := fitted(t, file(t, p, 800, 3), "again")
	for _, c := range []struct {
		what           string
		got, want, tol float64
	}{
		{"arrivals per second", got.Arrivals.PerSecond, p.Arrivals.PerSecond, 0.15},
		{"arrivals cv", got.Arrivals.CV, p.Arrivals.CV, 0.15},
		{"simple share", got.SimpleShare, p.SimpleShare, 0.03},
		{"think p50", got.Turns.ThinkS.P50, p.Turns.ThinkS.P50, 0.1},
		{"think p90", got.Turns.ThinkS.P90, p.Turns.ThinkS.P90, 0.15},
		{"step tokens p50", got.Context.StepTokens.P50, p.Context.StepTokens.P50, 0.1},
		{"tool time p50", got.Tools.TimeS.P50, p.Tools.TimeS.P50, 0.1},
		{"tool time p90", got.Tools.TimeS.P90, p.Tools.TimeS.P90, 0.15},
		{"tool error share", got.Tools.ErrorShare, p.Tools.ErrorShare, 0.1},
		{"bytes per token", got.Tools.ResultPerTok, p.Tools.ResultPerTok, 0.15},
		{"delegation", got.Agents.Probability, p.Agents.Probability, 0.25},
		{"private asides", got.Private.Asides, p.Private.Asides, 0.15},
		{"tenants", float64(got.Tenants.Count), float64(p.Tenants.Count), 0},
	} {
		if !(math.Abs(c.got/c.want-1) <= c.tol) {
			t.Errorf("%s: fitted %v, generated with %v", c.what, c.got, c.want)
		}
	}
	checkFit(t, got, fits, 0.1)
	// What the fitted profile generates has the statistics of the original.
	a, b := measured(t, p, 400, 5), measured(t, got, 400, 5)
	for figure, tol := range map[string]float64{"tools.top4_share": 0.06, "turns.steps_per_turn": 0.15, "tools.per_step": 0.05,
		"tokens.prompt.p50": 0.15, "tokens.reuse_share": 0.03, "sessions.steps.p90": 0.1} {
		x, err := a.Figure(figure)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Figure(figure)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(y/x-1) <= tol) {
			t.Errorf("%s: %v from the profile, %v from its fit", figure, x, y)
		}
	}
}

// checkFit demands KS distances up to bound plus what chance explains (1.95 /
// sqrt(n): the 0.1 % level), and a profile that survives its YAML form.
func checkFit(t *testing.T, p *Profile, fits []GoodnessOfFit, bound float64) {
	t.Helper()
	t.Logf("fits of %s\n%s", p.Name, Table(fits))
	for _, g := range fits {
		limit := bound + 1.95/math.Sqrt(float64(g.N))
		if g.Quantity == "context.compact_at_tokens" {
			limit = 0.3 // the last prompt below the limit is seen, not the limit
		}
		if g.KS > limit {
			t.Errorf("%s: KS %.3f over %d values is above %.2f", g.Quantity, g.KS, g.N, limit)
		}
	}
	text, err := p.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(p.Name, text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !bytes.Equal(file(t, p, 20, 9), file(t, again, 20, 9)) {
		t.Error("the profile generates something else after it went through YAML")
	}
}

// TestChoose draws from a law and finds its family and parameters again.
func TestChoose(t *testing.T) {
	for _, want := range []Dist{
		{Family: LogNormal, P50: 3, P90: 40},
		{Family: LogNormal, P50: 3, P90: 40, Zero: 0.25},
		{Family: Gamma, Mean: 50, CV: 0.5},
		{Family: Exponential, Mean: 9},
		{Family: Spliced, P50: 1, P90: 3, TailShare: 0.04, TailAlpha: 0.7, Max: 5000},
		{Family: Poisson, Mean: 6, Shift: 1},
		{Family: NegativeBinomial, Mean: 20, CV: 0.9},
		{Family: Discrete, Values: []float64{1, 2, 5}, Weights: []float64{70, 20, 10}},
		{Family: Constant, Value: 4},
	} {
		law, err := want.Law()
		if err != nil {
			t.Fatal(err)
		}
		whole := want.Shift > 0 || want.Family == NegativeBinomial || want.Family == Discrete || want.Family == Constant
		x := make([]float64, 6000)
		for i := range x {
			x[i] = law.Draw(rng.New(5, 0).FoldString(want.Family).Fold(uint64(i)))
			if !whole {
				x[i] = math.Round(x[i]*1000) / 1000
			}
		}
		g, err := choose("x", x, whole)
		if err != nil {
			t.Errorf("%+v: %v", want, err)
			continue
		}
		got := g.Dist
		ok := got.Family == want.Family && g.KS < 0.02
		for _, c := range [][2]float64{{got.P50, want.P50}, {got.P90, want.P90}, {got.Mean, want.Mean}, {got.CV, want.CV},
			{got.TailAlpha, want.TailAlpha}, {got.TailShare, want.TailShare}, {got.Zero, want.Zero}, {got.Shift, want.Shift}} {
			ok = ok && math.Abs(c[0]-c[1]) <= max(0.08*c[1], 1e-3)
		}
		if !ok {
			t.Errorf("drawn from %+v, fitted %+v", want, g)
		}
	}
}

// TestFitOfFreshStarts fits sessions whose contexts are cut down without a step
// that sums them up: nothing is written that the recording did not write, and
// prompts stay within the longest one recorded.
func TestFitOfFreshStarts(t *testing.T) {
	var b bytes.Buffer
	w := workloads.NewWriter(&b, workloads.Header{Name: "n", Provenance: workloads.Provenance{Source: "s"}})
	for i := range 40 {
		steps := []workloads.Step{{ID: "s0", LLM: workloads.LLM{OutputTokens: 20, Context: workloads.Context{Add: 1000 + i}}}}
		for k := 1; k < 10; k++ {
			before := &steps[k-1]
			c := workloads.Context{From: before.ID, Keep: before.LLM.Context.Tokens(), Add: 500 + i}
			if k == 5 && i%4 == 0 {
				c = workloads.Context{From: "s0", Keep: 900, Add: 800 + i}
			}
			steps = append(steps, workloads.Step{ID: fmt.Sprint("s", k), LLM: workloads.LLM{OutputTokens: 20, Context: c},
				After: []workloads.After{{Step: before.ID, On: workloads.OnToolsDone, Cause: workloads.CauseTool}}})
		}
		w.Trace(&workloads.Trace{Session: workloads.Session{ID: fmt.Sprint(i)}, Steps: steps})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p, _ := fitted(t, b.Bytes(), "cut")
	if c := p.Context; !c.Truncate || c.CompactAt.Zero != 0.8 {
		t.Errorf("truncate %t with a zero of %v, want 40 of 50 stretches that nothing ends", c.Truncate, c.CompactAt.Zero)
	}
	lib, err := workloads.ReadLibrary(bytes.NewReader(file(t, p, 200, 1)), "cut")
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for _, g := range lib.Sessions {
		for i := range g.Steps {
			n := &g.Steps[i]
			if n.Output > 20 || n.Input > p.Context.MaxTokens {
				t.Fatalf("a prompt of %d tokens with an answer of %d", n.Input, n.Output)
			}
			if i > 0 && n.Base < 0 {
				cuts++
			}
		}
	}
	if cuts < 20 || cuts > 150 {
		t.Errorf("%d fresh starts in 200 sessions, where a quarter of those recorded has one", cuts)
	}
}

// TestFitRecordings fits real recordings. The bounds are what one law a
// quantity reaches: resets and second sources leave bumps.
func TestFitRecordings(t *testing.T) {
	for _, c := range []struct {
		importer, path string
		bound          float64
	}{
		{"weka", "kv-cache-tester/sessions_compact.jsonl.gz", 0.2},
		{"openhands", "openhands-multi-swe/output.jsonl", 0.2},
	} {
		t.Run(c.importer, func(t *testing.T) {
			all := importers.All()
			i := slices.IndexFunc(all, func(im importers.Importer) bool { return im.Name == c.importer })
			if i < 0 {
				t.Fatalf("no importer %q", c.importer)
			}
			var b bytes.Buffer
			if _, err := all[i].Import([]string{recorded(t, c.path)}, &b, importers.Options{Sessions: 150}); err != nil {
				t.Fatal(err)
			}
			p, fits := fitted(t, b.Bytes(), c.importer)
			checkFit(t, p, fits, c.bound)
			if _, err := workloads.ReadLibrary(bytes.NewReader(file(t, p, 50, 1)), p.Name); err != nil {
				t.Error(err)
			}
		})
	}
}

// recorded is the path of a recording outside the repository; without it the
// test is skipped.
func recorded(t *testing.T, path string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		found := filepath.Join(dir, "shared", "data", path)
		if _, err := os.Stat(found); err == nil {
			return found
		}
		if dir == filepath.Dir(dir) {
			t.Skipf("no folder above this one has shared/data/%s", path)
		}
	}
}
