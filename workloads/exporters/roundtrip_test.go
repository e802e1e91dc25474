package exporters

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tierlab/workloads"
	"tierlab/workloads/importers"
)

// drawSession draws a session whose agents make one call after the other: what
// all formats can hold. Sub-agents overlap with their parent, which may resume
// before they end, and nest.
type drawSession struct {
	t     *rapid.T
	steps []workloads.Step
}

func (d *drawSession) ms(name string) workloads.Millis {
	return workloads.Millis(rapid.Int64Range(0, 20_000_000).Draw(d.t, name)) * 1000
}

// agent draws the calls of an agent, the first of which waits as given, and
// returns their ids.
func (d *drawSession) agent(name string, first []workloads.After, depth int) []string {
	var own []string
	after := first
	for k := range rapid.IntRange(1, 4).Draw(d.t, "calls") {
		id := fmt.Sprintf("%s%d", name, k+1)
		recorded := d.ms("recorded") + 1_000_000
		s := workloads.Step{ID: id, After: after, LLM: workloads.LLM{Model: "m", Recorded: &recorded,
			OutputTokens: rapid.IntRange(0, 900).Draw(d.t, "out"), Context: d.context()}}
		for range rapid.IntRange(0, 2).Draw(d.t, "tools") {
			s.Tools = append(s.Tools, workloads.Tool{Name: "grep", Duration: d.ms("tool")})
		}
		at := len(d.steps)
		d.steps = append(d.steps, s)
		spawned := depth > 0 && rapid.Bool().Draw(d.t, "spawns")
		if spawned {
			ids := d.agent(id+"/", []workloads.After{{Step: id, On: workloads.OnLLMDone, Delay: d.ms("stagger"), Cause: workloads.CauseTool}}, depth-1)
			d.steps[at].Tools = append(d.steps[at].Tools, workloads.Tool{Name: "task", Spawn: ids})
		}
		on := workloads.OnToolsDone
		if spawned && rapid.Bool().Draw(d.t, "resumes early") {
			on = workloads.OnLLMDone
		}
		after = []workloads.After{{Step: id, On: on, Delay: d.ms("gap"), Cause: workloads.CauseUnknown}}
		own = append(own, id)
	}
	return own
}

// context draws a prompt that continues, branches off or ignores an earlier
// one.
func (d *drawSession) context() workloads.Context {
	c := workloads.Context{Add: rapid.IntRange(1, 3000).Draw(d.t, "add")}
	switch {
	case len(d.steps) == 0 && rapid.Bool().Draw(d.t, "prefix"):
		c.From, c.Keep = "@sys", rapid.IntRange(1, 1500).Draw(d.t, "keep")
	case len(d.steps) > 0 && rapid.Bool().Draw(d.t, "based"):
		base := rapid.SampledFrom(d.steps).Draw(d.t, "base")
		c.From, c.Keep = base.ID, rapid.IntRange(0, base.LLM.Context.Tokens()+base.LLM.OutputTokens).Draw(d.t, "keep")
	}
	return c
}

// drawWorkload draws a file.
func drawWorkload(t *rapid.T) []byte {
	var out bytes.Buffer
	w := workloads.NewWriter(&out, workloads.Header{Name: "drawn", Provenance: workloads.Provenance{Source: "rapid"}})
	w.Prefix(workloads.Prefix{Name: "sys", Add: 1500})
	for k := range rapid.IntRange(1, 2).Draw(t, "sessions") {
		d := &drawSession{t: t}
		d.agent("s", nil, 2)
		arrival := d.ms("arrival")
		if k == 0 {
			arrival = 0 // the earliest session's arrival is every format's origin
		}
		w.Trace(&workloads.Trace{Session: workloads.Session{ID: fmt.Sprint("session-", k), Arrival: &arrival}, Steps: d.steps})
	}
	if err := w.Close(); err != nil {
		t.Fatalf("the drawn workload is refused: %v", err)
	}
	return out.Bytes()
}

// again exports a workload and imports the result.
func again(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, e Exporter, importer, dir string, file []byte) *workloads.Library {
	var exported, imported bytes.Buffer
	if _, err := e.Export(workloads.NewReader(bytes.NewReader(file), "drawn"), &exported); err != nil {
		t.Fatalf("export: %v\n%s", err, file)
	}
	path := filepath.Join(dir, "exported.jsonl")
	if err := os.WriteFile(path, exported.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, im := range importers.All() {
		if im.Name != importer {
			continue
		}
		if _, err := im.Import([]string{path}, &imported, importers.Options{}); err != nil {
			t.Fatalf("import: %v\n%s", err, exported.Bytes())
		}
	}
	lib, err := workloads.ReadLibrary(&imported, "imported")
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return lib
}

// call is what a round trip must keep of a step.
type call struct {
	start         workloads.Millis
	input, output int
	spawned       bool
}

// calls lists a session's calls by their start at the recorded speed.
func calls(g *workloads.Graph) []call {
	at := schedule(g)
	all := make([]call, len(g.Steps))
	for i := range g.Steps {
		n := &g.Steps[i]
		all[i] = call{start: at[i].start, input: n.Input, output: n.Output, spawned: n.Owner >= 0}
	}
	slices.SortFunc(all, func(a, b call) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.input, b.input), cmp.Compare(a.output, b.output))
	})
	return all
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		exporter  Exporter
		importer  string
		arrivals  bool
		ownership bool
		recorded  bool
		block     int // tokens by which a kept context may differ; 0: not kept
	}{
		{weka, "weka", false, true, true, wekaBlock},
		{agenticMooncake, "agentic-mooncake", true, false, false, mooncakeBlock},
		{otlp, "otel", true, true, true, 0},
	} {
		t.Run(c.exporter.Name, func(t *testing.T) {
			dir := t.TempDir()
			rapid.Check(t, func(t *rapid.T) {
				file := drawWorkload(t)
				want, err := workloads.ReadLibrary(bytes.NewReader(file), "drawn")
				if err != nil {
					t.Fatal(err)
				}
				got := again(t, c.exporter, c.importer, dir, file)
				if len(got.Sessions) != len(want.Sessions) {
					t.Fatalf("got %d sessions, want %d", len(got.Sessions), len(want.Sessions))
				}
				for _, w := range want.Sessions {
					i := slices.IndexFunc(got.Sessions, func(g *workloads.Graph) bool { return g.Session.ID == w.Session.ID })
					if i < 0 {
						t.Fatalf("session %q is lost", w.Session.ID)
					}
					g := got.Sessions[i]
					if c.arrivals && *g.Session.Arrival != *w.Session.Arrival {
						t.Errorf("arrives at %v, want %v", *g.Session.Arrival, *w.Session.Arrival)
					}
					if !c.recorded {
						restoreDurations(g, w)
					}
					compareCalls(t, calls(g), calls(w), c.ownership)
					if c.block > 0 {
						compareKept(t, g, w, c.block)
					}
				}
			})
		})
	}
}

// restoreDurations gives a session whose format holds none the recorded
// durations back, by the steps' ids.
func restoreDurations(g, from *workloads.Graph) {
	for i := range g.Steps {
		for k := range from.Steps {
			if g.Steps[i].Step.ID == from.Session.ID+":"+from.Steps[k].Step.ID {
				g.Steps[i].Step.LLM.Recorded = from.Steps[k].Step.LLM.Recorded
			}
		}
	}
}

func compareCalls(t *rapid.T, got, want []call, ownership bool) {
	if len(got) != len(want) {
		t.Fatalf("got %d calls, want %d", len(got), len(want))
	}
	for i := range want {
		if !ownership {
			got[i].spawned = want[i].spawned
		}
		// Seconds as floats may round the last nanoseconds.
		if d := got[i].start - want[i].start; d > 100 || d < -100 {
			t.Fatalf("call %d starts at %v, want %v\n got %v\nwant %v", i, got[i].start.D(), want[i].start.D(), got, want)
		}
		got[i].start = want[i].start
		if got[i] != want[i] {
			t.Fatalf("call %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

// compareKept checks that no more is kept than was, but for a block, and that
// what was kept of a prompt is kept, but for a block.
func compareKept(t *rapid.T, g, w *workloads.Graph, block int) {
	kept := func(g *workloads.Graph) (sum, least int) {
		for i := range g.Steps {
			n := &g.Steps[i]
			sum += n.Keep
			if n.Base >= 0 {
				least += max(0, min(n.Keep, g.Steps[n.Base].Input)-block)
			}
		}
		return sum, least
	}
	got, _ := kept(g)
	want, least := kept(w)
	if got > want+block*len(w.Steps) || got < least {
		t.Fatalf("%d tokens are kept, want %d to %d and a block for each step", got, least, want)
	}
}

// TestDropped checks that what a format cannot hold is counted.
func TestDropped(t *testing.T) {
	const file = `{"kind":"header","schema":"tierlab/v1","name":"t","provenance":{"source":"test"}}
{"kind":"prefix","name":"sys","add":1000}
{"kind":"session","id":"a","origin":"lagos","tenant":"x","budget":{"steps":9},"data":{"pii":true},"labels":{"k":"v"}}
{"kind":"step","id":"1","llm":{"kind":"plan","model":"m","output_tokens":10,"context":{"from":"@sys","keep":1000,"add":10},"recorded_ms":100},"tools":[{"name":"ls","duration_ms":5,"bytes_in":3,"bytes_out":7}]}
{"kind":"step","id":"2","after":[{"step":"1","delay_ms":10,"cause":"human"}],"pii":true,"llm":{"output_tokens":10,"context":{"from":"1","keep":1010,"add":10},"recorded_ms":100},"messages":[]}
{"kind":"step","id":"3","after":[{"step":"1","on":"start","delay_ms":1}],"llm":{"output_tokens":10,"context":{"add":10}},"tools":[{"name":"rm"}]}
`
	common := []string{"1 sessions' origins", "1 sessions' tenants", "1 sessions' budgets", "1 sessions' data rules", "1 labels",
		"1 steps' privacy marks", "1 tool calls' argument sizes"}
	for name, want := range map[string][]string{
		"weka":             {"1 contexts' shared prefixes", "2 tool calls; their time", "1 steps' kinds", "1 steps run beside others"},
		"agentic-mooncake": {"1 steps' models", "2 steps' recorded durations", "1 causes of gaps", "1 edges from a step's start", "1 tool calls that no step", "1 sessions' lack of an arrival"},
		"otlp":             {"1 steps' kinds", "1 contexts' shared prefixes", "1 tool calls' result sizes"},
	} {
		for _, e := range All() {
			if e.Name != name {
				continue
			}
			var out bytes.Buffer
			dropped, err := e.Export(workloads.NewReader(strings.NewReader(file), "t"), &out)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range append(want, common...) {
				if !slices.ContainsFunc(dropped, func(d string) bool { return strings.HasPrefix(d, w) }) {
					t.Errorf("%s: the list lacks %q:\n%s", name, w, strings.Join(dropped, "\n"))
				}
			}
		}
	}
}
