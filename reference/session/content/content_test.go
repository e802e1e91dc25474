package content

import (
	"slices"
	"testing"

	"tierlab/workloads"
)

// TestCall: prompts have their lengths, and share exactly what the record says.
func TestCall(t *testing.T) {
	list := []workloads.Prefix{{Name: "root", Add: 60}, {Name: "system", From: "root", Keep: 60, Add: 40}}
	var prefixes workloads.Prefixes
	for _, p := range list {
		if err := prefixes.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	step := func(id, from string, keep, add int) workloads.Step {
		s := workloads.Step{ID: id, LLM: workloads.LLM{OutputTokens: 20, Context: workloads.Context{From: from, Keep: keep, Add: add}}}
		if from[0] != '@' {
			s.After = []workloads.After{{Step: from}}
		}
		return s
	}
	compiled := func(steps ...workloads.Step) *workloads.Graph {
		g, err := workloads.Compile(workloads.Session{ID: "s"}, steps, &prefixes)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	c := New(list, 1000, 1)
	a := c.Of(compiled(step("1", "@system", 100, 30), step("2", "1", 150, 40)), "a")
	b := c.Of(compiled(step("1", "@system", 100, 30), step("2", "1", 120, 40)), "b")
	common := func(x, y []int32) (n int) {
		for n < min(len(x), len(y)) && x[n] == y[n] {
			n++
		}
		return n
	}
	a1, said := a.Call(0)
	a2, _ := a.Call(1)
	b1, _ := b.Call(0)
	b2, _ := b.Call(1)
	if len(a1) != 130 || len(said) != 20 || len(a2) != 190 {
		t.Fatal(len(a1), len(said), len(a2))
	}
	for _, s := range []struct {
		name       string
		got, least int
	}{
		{"the session's own context with its answer", common(a2, append(slices.Clone(a1), said...)), 150},
		{"the shared prefix", common(a1, b1), 100},
		{"what a step keeps of another", common(b1, b2), 120},
	} {
		if s.got < s.least || s.got > s.least+2 { // a chance of 1/1000 a token that the next are equal too
			t.Errorf("%s: %d tokens in common, want %d", s.name, s.got, s.least)
		}
	}
}
