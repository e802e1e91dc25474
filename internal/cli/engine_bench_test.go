package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tierlab/bench/shapes"
	"tierlab/reference/sandbox"
)

// asTierlab makes the test's binary the program: what starts itself as another
// process is tested with it.
const asTierlab = "CLI_TEST_AS_TIERLAB"

func TestMain(m *testing.M) {
	sandbox.Child()
	if os.Getenv(asTierlab) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(Main(ctx, os.Args[1:], Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// measured is a bench as one could come out.
func measured() *benchResult {
	return &benchResult{
		Model: "small", Backend: "cpu", Kernels: "amx", Numerics: "bf16", Threads: 2,
		Ceilings: shapes.Ceilings{GBPerS: 40, GFLOPPerS: 2000}, Unknown: map[string]string{"energy": "no device tells it"},
		Lines: []shapes.Line{
			{Shape: "decode:4x64", TokensPerS: 312.5, Low: 300, High: 320.25, GBPerS: 20, GFLOPPerS: 100, OfRoofline: 0.5,
				GapP50Ms: 3, GapP99Ms: 4.5, GapMaxMs: 12, Use: shapes.Use{Cores: 1.9}},
			{Shape: "stall512", TokensPerS: 1000, Low: 1000, High: 1000, TTFTMs: 512, CalmP99Ms: 3, GapP50Ms: 4, GapP99Ms: 6, GapMaxMs: 7, GapRatio: 2,
				Alone: 256, Ratio: 2, Use: shapes.Use{Cores: 2, Watts: 70, JoulesPerToken: 0.07}},
			{Shape: "sessions16", TokensPerS: 700, Low: 690, High: 710, Alone: 175, Ratio: 4, CachedShare: 0.85},
			{Shape: "load:8x400", TokensPerS: 1500, OfRoofline: 0.25, OfNoOverlap: 0.375, Use: shapes.Use{Cores: 0.125}, Served: &shapes.Served{
				Requests: 398, Refused: 2, RequestsPerS: 7.5, Offered: 8, LagP99Ms: 0.5,
				TTFT: shapes.Spread{P50: 40, P90: 60, P99: 100}, ITL: shapes.Spread{P50: 5, P99: 20}, E2E: shapes.Spread{P50: 1000, P99: 3000},
				Turns: []shapes.Turn{{Turn: 1, TTFT: shapes.Spread{Mean: 50, P50: 40, P99: 100}}, {Turn: 2, CachedShare: 0.75}},
			}},
			{Shape: "startup:warm", TTFTMs: 31, Served: &shapes.Served{Phases: []shapes.Phase{{Name: "backend", Ms: 12.25}, {Name: "first token", Ms: 31}}}},
		},
	}
}

// TestBenchTable compares with testdata/bench.txt; -rewrite writes it anew.
func TestBenchTable(t *testing.T) {
	var b bytes.Buffer
	if err := measured().write(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "bench.txt")
	if *rewrite {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || b.String() != string(want) {
		t.Errorf("%v; got\n%s", err, b.String())
	}
}

// TestBench measures shapes of both kinds on the smallest model: in this process
// and on servers in others.
func TestBench(t *testing.T) {
	t.Setenv(asTierlab, "1")
	t.Setenv("TIERLAB_ENGINE_SERVE_API_KEY", "sesame") // is for servers that people start
	t.Chdir(t.TempDir())
	const asked = "decode:2x32,sharegpt:6x3@0.05,agentic:2x2x2@0.02,stall:256x2,startup:cold"
	var out, messages bytes.Buffer
	code := Main(context.Background(), []string{"engine", "bench", "--model", "tiny", "--shapes", asked, "--repeat", "1", "--slots", "4", "--format", "json", "--quiet"},
		Stdio{In: strings.NewReader(""), Out: &out, Err: &messages})
	if code != ExitOK {
		t.Fatalf("exit %d: %s", code, messages.String())
	}
	var r benchResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range r.Lines {
		names = append(names, l.Shape)
		if startup := l.Shape == "startup:cold"; !startup && (l.TokensPerS <= 0 || l.OfRoofline <= 0 || l.OfNoOverlap < l.OfRoofline) {
			t.Errorf("%+v", l)
		}
	}
	if got := strings.Join(names, ","); got != asked {
		t.Errorf("the lines are %s", got)
	}
	if r.Backend != "cpu" || r.Model != "tiny" || r.Engine.Slots != 4 || r.Unknown["energy"] == "" || r.Ceilings.GBPerS <= 0 {
		t.Errorf("%+v", r)
	}
	if p := r.Lines[4].Served.Phases; !slices.ContainsFunc(p, func(p shapes.Phase) bool { return p.Name == "backend" }) || p[len(p)-1].Name != "first token" {
		t.Errorf("phases %+v", p)
	}
}

// TestBenchServed: what a server says when it cannot start is passed on, and
// servers alone are enough of a bench.
func TestBenchServed(t *testing.T) {
	t.Setenv(asTierlab, "1")
	t.Chdir(t.TempDir())
	try := func(arguments string) (int, string) {
		var out bytes.Buffer
		code := Main(context.Background(), splitArguments(t, "engine bench --quiet "+arguments), Stdio{In: strings.NewReader(""), Out: &out, Err: &out})
		return code, out.String()
	}
	if code, text := try("--model tiny --shapes sharegpt:3x2@0.05"); code != ExitOK || !strings.Contains(text, "sharegpt:3x2@0.05") || !strings.Contains(text, "this machine reads") {
		t.Errorf("exit %d: %s", code, text)
	}
	if code, text := try("--model tiny --context 99999 --kv-tokens 64 --shapes startup"); code == ExitOK || !strings.Contains(text, "ended before it was ready") {
		t.Errorf("exit %d: %s", code, text)
	}
	if code, text := try("--model tiny --shapes sharegpt:3x2 --slots 1 --queue 0"); code == ExitOK || !strings.Contains(text, "queue is full") {
		t.Errorf("exit %d: %s", code, text)
	}
}

func TestCPUSeconds(t *testing.T) {
	const text = "# HELP x\nprocess_cpu_seconds_total_of 3\nprocess_cpu_seconds_total 1.25\n"
	if got := cpuSeconds(strings.NewReader(text)); got != 1250*time.Millisecond {
		t.Error(got)
	}
	if got := cpuSeconds(strings.NewReader("nothing\n")); got != 0 {
		t.Error(got)
	}
}
