package sim

import (
	"testing"
	"time"

	"tierlab/reference/agent"
	"tierlab/workloads"
)

// TestOwnLength adds up a session by hand: a call of 2 s, a tool of 5 s capped
// to 3, a sub-agent of 1 s + 4 s, a person for 60 s capped to 10.
func TestOwnLength(t *testing.T) {
	ms := func(d time.Duration) *workloads.Millis { m := workloads.Millis(d); return &m }
	context := workloads.Context{Add: 10}
	steps := []workloads.Step{
		{ID: "a", LLM: workloads.LLM{OutputTokens: 1, Context: context, Recorded: ms(2 * time.Second)},
			Tools: []workloads.Tool{{Name: "x", Duration: workloads.Millis(5 * time.Second)}, {Name: "sub", Spawn: []string{"b"}}}},
		{ID: "b", After: []workloads.After{{Step: "a", On: workloads.OnLLMDone, Delay: workloads.Millis(time.Second)}},
			LLM: workloads.LLM{OutputTokens: 1, Context: context, Recorded: ms(4 * time.Second)}},
		{ID: "c", After: []workloads.After{{Step: "a", On: workloads.OnToolsDone, Delay: workloads.Millis(time.Minute), Cause: workloads.CauseHuman}},
			LLM: workloads.LLM{OutputTokens: 1, Context: context}},
	}
	g, err := workloads.Compile(workloads.Session{ID: "s"}, steps, &workloads.Prefixes{})
	if err != nil {
		t.Fatal(err)
	}
	sc := &Scenario{Library: &workloads.Library{Sessions: []*workloads.Graph{g}}}
	a := agent.DefaultConfig()
	a.ThinkCap, a.ToolCap = 10*time.Second, 3*time.Second
	if got, want := sc.ownLengths(&a)[0], 17*time.Second; got != want {
		t.Errorf("length %v, want %v", got, want)
	}
	c := Config{Scenario: sc, Agent: a, WarmUp: AutoWarmUp}
	if got := c.warmUp(); got != 17*time.Second {
		t.Errorf("warm-up %v, want the length of the only session", got)
	}
}
