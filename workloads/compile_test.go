package workloads_test

import (
	"reflect"
	"testing"

	"tierlab/internal/rng"
	"tierlab/workloads"
)

// graphSteps is a session with a sub-agent (x, then y) whose parent resumes
// before it ends, a branch and a reset, written out of order.
func graphSteps() []workloads.Step {
	on := func(step string, on workloads.On, delay workloads.Millis) workloads.After {
		return workloads.After{Step: step, On: on, Delay: delay}
	}
	call := func(out int, from string, keep, add int) workloads.LLM {
		return workloads.LLM{OutputTokens: out, Context: workloads.Context{From: from, Keep: keep, Add: add}}
	}
	return []workloads.Step{
		{ID: "end", After: []workloads.After{on("p", workloads.OnToolsDone, 3), on("q", "", 0)}, LLM: call(1, "q", 100, 5)},
		{ID: "p", LLM: call(20, "@sys", 80, 20), Tools: []workloads.Tool{{Name: "ls"}, {Name: "task", Spawn: []string{"x", "y"}}}},
		{ID: "q", After: []workloads.After{on("p", workloads.OnLLMDone, 7)}, LLM: call(10, "p", 120, 30)},
		{ID: "x", After: []workloads.After{on("p", workloads.OnLLMDone, 1)}, LLM: call(5, "p", 50, 1)},
		{ID: "y", After: []workloads.After{on("x", "", 0)}, LLM: call(5, "", 0, 9)},
	}
}

func TestCompile(t *testing.T) {
	var prefixes workloads.Prefixes
	if err := prefixes.Add(workloads.Prefix{Name: "sys", Add: 80}); err != nil {
		t.Fatal(err)
	}
	steps := graphSteps()
	g, err := workloads.Compile(workloads.Session{ID: "a"}, steps, &prefixes)
	if err != nil {
		t.Fatal(err)
	}
	sys := rng.Name("sys")
	edge := func(from int32, on workloads.On, delay workloads.Millis) workloads.Edge {
		return workloads.Edge{From: from, On: on, Delay: delay}
	}
	want := []workloads.Node{
		{Step: &steps[1], Wait: []workloads.Edge{edge(-1, workloads.OnStart, 0)}, Next: []int32{1, 2, 4},
			Input: 100, Output: 20, Base: -1, Keep: 80, Prefix: sys, PrefixTokens: 80, Line: 0, Owner: -1, OwnerTool: -1},
		{Step: &steps[2], Wait: []workloads.Edge{edge(0, workloads.OnLLMDone, 7)}, Next: []int32{4},
			Input: 150, Output: 10, Base: 0, Keep: 120, Prefix: sys, PrefixTokens: 80, Line: 0, Owner: -1, OwnerTool: -1, Depth: 1},
		{Step: &steps[3], Wait: []workloads.Edge{edge(0, workloads.OnLLMDone, 1)}, Next: []int32{3},
			Input: 51, Output: 5, Base: 0, Keep: 50, Prefix: sys, PrefixTokens: 50, Line: 1, Owner: 0, OwnerTool: 1, Depth: 1},
		{Step: &steps[4], Wait: []workloads.Edge{edge(2, workloads.OnToolsDone, 0)},
			Input: 9, Output: 5, Base: -1, Line: 2, Owner: 0, OwnerTool: 1, Depth: 2},
		{Step: &steps[0], Wait: []workloads.Edge{edge(0, workloads.OnToolsDone, 3), edge(1, workloads.OnToolsDone, 0)},
			Input: 105, Output: 1, Base: 1, Keep: 100, Prefix: sys, PrefixTokens: 80, Line: 3, Owner: -1, OwnerTool: -1, Depth: 3},
	}
	for i := range want {
		if !reflect.DeepEqual(g.Steps[i], want[i]) {
			t.Errorf("step %d (%s):\n got %+v\nwant %+v", i, g.Steps[i].Step.ID, g.Steps[i], want[i])
		}
	}
	if !reflect.DeepEqual(g.Roots, []int32{0}) || g.Tools != 2 || g.Lines != 4 {
		t.Errorf("got roots %v, %d tools, %d lines", g.Roots, g.Tools, g.Lines)
	}
}

// TestCompileOrderIsTheFilesWhereItCan checks that a file in a topological
// order keeps it.
func TestCompileOrderIsTheFilesWhereItCan(t *testing.T) {
	var steps []workloads.Step
	for _, id := range []string{"a", "b", "c", "d"} {
		s := workloads.Step{ID: id}
		if id == "d" {
			s.After = []workloads.After{{Step: "a"}}
		}
		steps = append(steps, s)
	}
	g, err := workloads.Compile(workloads.Session{ID: "a"}, steps, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		if g.Steps[i].Step != &steps[i] {
			t.Errorf("number %d is step %q, want %q", i, g.Steps[i].Step.ID, steps[i].ID)
		}
	}
}
