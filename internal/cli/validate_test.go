package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tierlab/bench/validate"
	"tierlab/sim/steptime"
)

// found is a validation as one could come out.
func found() *validation {
	rows := validate.Compare(seen(700, 104), seen(700, 101), []validate.Summary{seen(700, 90), seen(700, 110)})
	return &validation{
		Workload: "w", Source: "test", TokenScale: 0.1, ToolCapMs: 1000, ThinkCapMs: 500, MaxLagMs: 20, Machine: "two cores",
		Engine: engineNote{Backend: "cpu:bf16", Model: "small", Kernels: "amx", Threads: 2, Slots: 16, Budget: 512, Queue: 256,
			StallMs: 50, Context: 4096, BlockTokens: 32, CacheTokens: 65536},
		Profile: &steptime.Profile{Date: "2025-11-30", Machine: "two cores", Residual: steptime.Residual{HeldOut: 0.021}},
		Result: &validate.Result{
			Capacity: 2.5, Sessions: 20, Calls: 700,
			Loads: []validate.Load{{Share: 0.5, Rate: 1.25, Rows: rows[:4], Runs: []validate.Report{
				{Seconds: 61.25, LagMs: 1.5, Machine: validate.Machine{Known: true, Steal: 0.01, Others: 0.02, Idle: 0.3}, SameCache: 699,
					Fit: validate.Fit{Decode: validate.Took{Iterations: 9, Real: 100, Model: 103}, Prefill: validate.Took{Iterations: 3, Real: 50, Model: 49}}},
				{Seconds: 61.5, LagMs: 30, SameCache: 700, Invalid: "it was late"},
			}}},
			Doubts: []string{"run 1 with slots 8 is invalid: it was late"},
			Ranking: []validate.Tau{{Metric: "E2E", Statistic: "mean", Pairs: 1, Separated: 1, Discordant: 1, Tau: -1, Points: []validate.Point{
				{Name: "slots 16", Simulated: 2, Real: 1.5, Runs: []float64{1, 2}},
				{Name: "slots 8", Simulated: 1, Real: 12345, Runs: []float64{12340, 12350}},
			}}},
		},
	}
}

// seen has the value for every statistic of every metric, of n values each.
func seen(n int, value float64) validate.Summary {
	var s validate.Summary
	for m := range s.Value {
		s.N[m] = n
		for k := range s.Value[m] {
			s.Value[m][k] = value
		}
	}
	return s
}

// TestValidationTable compares both layouts with testdata/validation.*; -rewrite
// writes them anew.
func TestValidationTable(t *testing.T) {
	for name, look := range map[string]layout{"validation.txt": textTable, "validation.md": markdownTable} {
		var b bytes.Buffer
		if err := found().write(&b, look); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *rewrite {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || b.String() != string(want) {
			t.Errorf("%s: %v; got\n%s", file, err, b.String())
		}
	}
}

// TestUnmet: what is outside, invalid or out of order is said, with exit code 99.
func TestUnmet(t *testing.T) {
	v := found()
	err := v.unmet()
	if exitCode(err) != ExitThreshold {
		t.Fatalf("exit code of %v", err)
	}
	for _, want := range []string{"run 2 at 1.25 sessions/s is invalid", "tau over E2E mean is -1.00", "run 1 with slots 8 is invalid"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
	v.Result.Loads[0].Runs, v.Result.Ranking, v.Result.Doubts = nil, nil, nil
	if err := v.unmet(); err != nil { // all are within the spread
		t.Error(err)
	}
	v.Result.Loads[0].Rows[0].Verdict = validate.Outside
	if err := v.unmet(); err == nil || !strings.Contains(err.Error(), "E2E mean at 1.25 sessions/s") {
		t.Errorf("outside: %v", err)
	}
}

// TestVariants: twelve settings, each of which an engine takes.
func TestVariants(t *testing.T) {
	for _, o := range []engineOptions{
		{slots: 16, budget: 512, block: 32}, {slots: 4, budget: 40, block: 32}, {slots: 1, budget: 17, block: 16},
	} {
		o.backend, o.numerics, o.profile = "null", "f32", "p.json"
		all := variants(&o)
		if len(all) != 12 {
			t.Errorf("%d variants", len(all))
		}
		for _, v := range all {
			if err := v.validate(); err != nil {
				t.Errorf("%s of slots %d: %v", v.name, o.slots, err)
			}
		}
		if own := all[0]; own.slots != o.slots || own.budget != o.budget || own.retain != 0 || all[11].retain != rankedRetain {
			t.Errorf("%+v", all)
		}
	}
}

// TestReadSetting: what is named changes, the rest stays the engine's.
func TestReadSetting(t *testing.T) {
	o := &validateOptions{retain: time.Second}
	o.engine.engineOptions = engineOptions{backend: "null", numerics: "f32", slots: 4, budget: 64, block: 16, profile: "p.json"}
	v, err := readSetting(o, "slots=2,kv-tokens=512,stall=20ms")
	if err != nil || v.slots != 2 || v.kvTokens != 512 || v.stall != 20*time.Millisecond || v.budget != 64 || v.retain != time.Second {
		t.Errorf("%+v, %v", v, err)
	}
	for _, c := range [][2]string{
		{"", "no setting"}, {"slot=2", "did you mean \"slots\""}, {"slots", "is \"\""}, {"slots=2x", "2x"}, {"retain=-1s", "at least 0"},
		{"slots=60", "--budget"}, {"retain=1", "neither a number nor a time"},
	} {
		if _, err := readSetting(o, c[0]); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%q: %v, want %q", c[0], err, c[1])
		}
	}
	o.setting = []string{"slots=2"}
	if all, err := o.ranked(); err == nil {
		t.Errorf("one alone is ranked: %v", all)
	}
	o.settings = true
	if all, err := o.ranked(); err != nil || len(all) != 13 {
		t.Errorf("%d settings, %v", len(all), err)
	}
}

// TestReadRecording: a recording is read by the importer that can, and a
// workload as it is.
func TestReadRecording(t *testing.T) {
	var said bytes.Buffer
	stdio := Stdio{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: &said}
	show := newProgress(stdio, false)
	read := func(path, from string) (int, error) {
		lib, err := readRecording(context.Background(), path, from, stdio, show)
		if err != nil {
			return 0, err
		}
		return len(lib.Sessions), nil
	}
	if n, err := read("testdata/examples/w.jsonl", ""); err != nil || n == 0 || said.Len() > 0 {
		t.Errorf("a workload: %d sessions, %v, said %q", n, err, said.String())
	}
	if n, err := read(embedded, ""); err != nil || n == 0 {
		t.Errorf("the embedded workload: %d sessions, %v", n, err)
	}
	if n, err := read("testdata/examples/requests.csv", ""); err != nil || n == 0 || !strings.Contains(said.String(), "--from azure") {
		t.Errorf("a recording: %d sessions, %v, said %q", n, err, said.String())
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := readRecording(ctx, "testdata/examples/requests.csv", "", stdio, show); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// TestValidateWrites: the folder has the table and its figures.
func TestValidateWrites(t *testing.T) {
	out := filepath.Join(t.TempDir(), "v")
	dir, err := newOutDir(out, false, []string{"tierlab", "validate"})
	if err != nil {
		t.Fatal(err)
	}
	v := found()
	if v.Profile, err = (&engineOptions{profile: "testdata/examples/profile.json"}).readProfile(); err != nil {
		t.Fatal(err)
	}
	if err := writeValidation(v, dir); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, out, "profile.json", runFile, "validation.json", "validation.md")
	o := validateOptions{toolCap: time.Second, thinkCap: time.Minute}
	if a := o.agent(); a.ToolCap != time.Second || a.ThinkCap != time.Minute || a.Validate || a.CommitEach || a.Check() != nil {
		t.Errorf("%+v", a)
	}
}
