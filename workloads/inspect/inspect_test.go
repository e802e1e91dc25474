package inspect

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tierlab/internal/rng"
	"tierlab/workloads"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/*.golden")

// small is a workload whose figures can be counted by hand: a chain of three
// steps with a gap of each cause, two tools at once, and two sub-agents of one
// and two steps that the last step joins.
const small = `{"kind":"header","schema":"tierlab/v1","name":"small","provenance":{"source":"by hand"}}
{"kind":"prefix","name":"p","add":100}
{"kind":"session","id":"a","arrival_ms":1000}
{"kind":"step","id":"s1","llm":{"kind":"plan","output_tokens":10,"context":{"from":"@p","keep":100,"add":50},"recorded_ms":1500,"recorded_ttft_ms":300},"tools":[{"name":"sh","duration_ms":1000},{"name":"sh","duration_ms":3000,"status":"error"},{"name":"read"}]}
{"kind":"step","id":"s2","after":[{"step":"s1","delay_ms":2000,"cause":"tool+client"}],"llm":{"kind":"plan","output_tokens":20,"context":{"from":"s1","keep":160,"add":40}},"tools":[{"name":"agent","spawn":["x"]},{"name":"agent","spawn":["y","z"]}]}
{"kind":"step","id":"x","after":[{"step":"s2","on":"llm_done"}],"llm":{"kind":"code","output_tokens":30,"context":{"add":5}},"pii":true}
{"kind":"step","id":"y","after":[{"step":"s2","on":"llm_done"}],"llm":{"kind":"code","output_tokens":30,"context":{"add":5}}}
{"kind":"step","id":"z","after":[{"step":"y","delay_ms":500}],"llm":{"kind":"code","output_tokens":30,"context":{"from":"y","keep":35,"add":5}}}
{"kind":"step","id":"s3","after":[{"step":"s2","delay_ms":60000,"cause":"human"}],"llm":{"output_tokens":40,"context":{"from":"s2","keep":220,"add":80}}}
{"kind":"session","id":"b","arrival_ms":3000,"data":{"pii":true},"budget":{"steps":4}}
{"kind":"step","id":"s1","llm":{"output_tokens":7,"context":{"add":12}}}
{"kind":"step","id":"s2","after":[{"step":"s1","delay_ms":4000,"cause":"unknown"}],"llm":{"output_tokens":7,"context":{"from":"s1","keep":19,"add":1}}}
{"kind":"session","id":"c","arrival_ms":11000}
{"kind":"step","id":"s1","llm":{"output_tokens":7,"context":{"add":12}}}
`

func measured(t *testing.T, file string) *Result {
	t.Helper()
	r, err := Inspect(workloads.NewReader(strings.NewReader(file), "small"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFiguresByHand(t *testing.T) {
	r := measured(t, small)
	for figure, want := range map[string]float64{
		"requests":                 9,
		"private_steps":            1,
		"sessions.count":           3,
		"sessions.private":         1,
		"sessions.budgeted":        1,
		"sessions.steps.max":       6,
		"sessions.parallelism.max": 6. / 5, // s1 s2 y z s3
		"turns.count":              4,
		"turns.steps_per_turn":     9. / 4,
		"tokens.prompt.max":        300,
		"tokens.add.mean":          (50 + 40 + 5 + 5 + 5 + 80 + 12 + 1 + 12) / 9.,
		"tokens.reuse_share":       (160 + 35 + 220 + 19) / (150 + 200 + 5 + 5 + 40 + 300 + 12 + 20 + 12.),
		"tools.calls":              5,
		"tools.untimed":            3,
		"tools.per_step":           5. / 9,
		"tools.error_share":        1. / 5,
		"tools.total_s":            4,
		"tools.duration_s.max":     3,
		"tools.parallel.mean":      2.5,
		"gaps.tool_client_s.mean":  2,
		"gaps.human_s.mean":        60,
		"gaps.unknown_s.mean":      4,
		"gaps.other_s.mean":        0.5,
		"agents.spawning_steps":    1,
		"agents.width.mean":        2,
		"agents.steps.mean":        1.5,
		"recorded_s.mean":          1.5,
		"ttft_s.mean":              0.3,
		"arrivals.recorded":        3,
		"arrivals.per_s":           0.2,
		"arrivals.gap_s.mean":      5,
		"arrivals.gap_s.cv":        0.6,
		"arrivals.burstiness":      -0.25,
	} {
		got, err := r.Figure(figure)
		if err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s = %v (%v), want %v", figure, got, err, want)
		}
	}
	if _, err := r.Figure("tokens.prompt.p51"); err == nil {
		t.Error("a figure that does not exist is found")
	}
}

func TestArrivalsOutOfOrder(t *testing.T) {
	r := measured(t, strings.Replace(small, `"arrival_ms":3000`, `"arrival_ms":30000`, 1))
	if !r.Arrivals.OutOfOrder || r.Arrivals.PerSecond != 0 {
		t.Errorf("%+v, want out of order and no rate", r.Arrivals)
	}
	if r = measured(t, strings.Replace(small, `"arrival_ms":3000,`, ``, 1)); r.Arrivals.Recorded != 2 {
		t.Errorf("%d arrivals, want 2", r.Arrivals.Recorded)
	}
}

// TestQuantiles compares a sample's quantiles and concentration with those of
// the sorted values.
func TestQuantiles(t *testing.T) {
	const n = 20_000
	s, x := spans(), make([]float64, n)
	for i := range x {
		x[i] = 0.3 * math.Exp(3*rng.New(1, 0).Fold(uint64(i)).Normal())
		s.add(x[i])
	}
	slices.Sort(x)
	v := s.summary()
	for _, c := range []struct{ p, got float64 }{{0.1, v.P10}, {0.5, v.P50}, {0.9, v.P90}, {0.99, v.P99}} {
		if want := x[int(c.p*n)-1]; math.Abs(c.got/want-1) > 2e-3 {
			t.Errorf("p%g = %v, sorted %v", 100*c.p, c.got, want)
		}
	}
	var top, total float64
	for i, y := range x {
		total += y
		if i >= n-n/25 {
			top += y
		}
	}
	if got := s.topShare(0.04); math.Abs(got-top/total) > 2e-3 {
		t.Errorf("top 4 %% hold %v, sorted %v", got, top/total)
	}
	var drawn int64
	for _, c := range v.Bars {
		drawn += c
	}
	if drawn != n {
		t.Errorf("the bars hold %d values, want %d", drawn, n)
	}
}

// TestManyNames: more tools than are measured one by one are pooled.
func TestManyNames(t *testing.T) {
	m := newMeasure()
	for i := range 3 * maxNames {
		m.tool(&workloads.Tool{Name: fmt.Sprint("tool-", i), Duration: 1e6})
	}
	r := m.result()
	if len(r.Tools.ByName) != maxNames+1 || r.Tools.ByName[0].Name != otherName || r.Tools.ByName[0].Calls != 2*maxNames {
		t.Errorf("%d names, the first %+v", len(r.Tools.ByName), r.Tools.ByName[0])
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := measured(t, small).Text(&b); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(b.String(), "\n") {
		if n := utf8.RuneCountInString(line); n > 100 || strings.TrimRight(line, " ") != line {
			t.Errorf("line %d has %d columns or ends with a space: %q", i+1, n, line)
		}
	}
	const golden = "testdata/small.golden"
	if *rewrite {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s\n(-rewrite accepts it)", &b, want)
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 7: "7", 0.25: "0.25", 12.34: "12.3", 4120: "4120", 12345: "12.3k", 999_999: "1.00M", 1.3e6: "1.30M", 0.00123: "0.0012"} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
	for s, want := range map[float64]string{0: "0s", 2e-5: "20.0us", 0.058: "58.0ms", 13.6: "13.6s", 240: "4.00min", 7300: "2.03h", 4e5: "4.63d"} {
		if got := duration(s); got != want {
			t.Errorf("duration(%v) = %q, want %q", s, got, want)
		}
	}
}

// A shared prefix is new to the first prompt that holds it, and to that one
// only: b goes on from 80 of a's 100 tokens.
func TestFirstUseOfAPrefixIsNew(t *testing.T) {
	var s shared
	s.define([]workloads.Prefix{{Name: "a", Add: 100}})
	s.define([]workloads.Prefix{{Name: "a", Add: 100}, {Name: "b", From: "a", Keep: 80, Add: 50}})
	for i, use := range []struct {
		name          string
		tokens, fresh int
	}{
		{"a", 30, 30}, {"b", 130, 100}, {"b", 130, 0}, {"a", 80, 0}, {"a", 100, 20}, {"a", 100, 0}, {"b", 40, 0},
	} {
		if got := s.use(use.name, use.tokens); got != use.fresh {
			t.Errorf("use %d, %d tokens of %s: %d are new, want %d", i, use.tokens, use.name, got, use.fresh)
		}
	}
}
