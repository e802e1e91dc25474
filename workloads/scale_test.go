package workloads_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tierlab/workloads"
)

const forScale = `{"kind":"header","schema":"tierlab/v1","name":"w","provenance":{"source":"test"}}
{"kind":"prefix","name":"system","add":1000}
{"kind":"prefix","name":"tools","from":"system","keep":905,"add":33}
{"kind":"session","id":"a"}
{"kind":"step","id":"1","llm":{"output_tokens":204,"context":{"from":"@tools","keep":938,"add":3}}}
{"kind":"step","id":"2","after":[{"step":"1"}],"llm":{"output_tokens":0,"context":{"from":"1","keep":1145,"add":46}}}
{"kind":"step","id":"3","after":[{"step":"2"}],"llm":{"output_tokens":7,"context":{"from":"1","keep":700,"add":0}}}
`

func TestScale(t *testing.T) {
	lib, err := workloads.ReadLibrary(strings.NewReader(forScale), "w")
	if err != nil {
		t.Fatal(err)
	}
	s, err := lib.Scale(0.1)
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Prefixes; p[0].Add != 100 || p[1].Keep != 91 || p[1].Add != 3 {
		t.Errorf("prefixes %+v", p)
	}
	want := [][3]int{{95, 94, 20}, {120, 115, 0}, {70, 70, 1}} // input, of it kept, output
	for i, n := range s.Sessions[0].Steps {
		if got := [3]int{n.Input, n.Keep, n.Output}; got != want[i] {
			t.Errorf("step %s: %v, want %v", n.Step.ID, got, want[i])
		}
	}
	if lib.Sessions[0].Steps[0].Input != 941 {
		t.Error("the original has changed")
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := lib.Scale(bad); err == nil {
			t.Errorf("scale %g: no error", bad)
		}
	}
}

// TestScaleKeepsTheShape: whatever the graph, scaling compiles, leaves edges and
// bases alone, and a step goes on with the whole of its base if it did.
func TestScaleKeepsTheShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, err := workloads.Compile(workloads.Session{ID: "s"}, drawChain(t, rapid.IntRange(1, 8).Draw(t, "steps")), nil)
		if err != nil {
			t.Skip(err)
		}
		lib := &workloads.Library{Sessions: []*workloads.Graph{g}}
		f := rapid.Float64Range(0.001, 3).Draw(t, "factor")
		scaled, err := lib.Scale(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range g.Steps {
			a, b := &g.Steps[i], &scaled.Sessions[0].Steps[i]
			if a.Base != b.Base || a.Line != b.Line || len(a.Wait) != len(b.Wait) || (a.Output > 0) != (b.Output > 0) || (a.Input > a.Keep) != (b.Input > b.Keep) {
				t.Fatalf("step %d: %+v became %+v", i, a, b)
			}
			if a.Base < 0 {
				continue
			}
			x, y := &g.Steps[a.Base], &scaled.Sessions[0].Steps[b.Base]
			if a.Keep == x.Input+x.Output && b.Keep != y.Input+y.Output {
				t.Fatalf("step %d went on with its whole base and now keeps %d of %d tokens", i, b.Keep, y.Input+y.Output)
			}
		}
	})
}

func TestWithArrivals(t *testing.T) {
	lib, err := workloads.ReadLibrary(strings.NewReader(forScale), "w")
	if err != nil {
		t.Fatal(err)
	}
	got := lib.WithArrivals(workloads.Arrival{Template: 0, At: 5}, workloads.Arrival{Template: 0, At: 9})
	if !got.Recorded || len(got.Sessions) != 2 || lib.Recorded {
		t.Fatalf("%+v", got)
	}
	for i, want := range []struct {
		id string
		at workloads.Millis
	}{{"a~0", 5}, {"a~1", 9}} {
		s := got.Sessions[i].Session
		if s.ID != want.id || *s.Arrival != want.at || len(got.Sessions[i].Steps) != 3 {
			t.Errorf("session %d: %+v", i, s)
		}
	}
	if lib.Sessions[0].Session.ID != "a" {
		t.Error("the original has changed")
	}
}
