package agent

import (
	"slices"
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// requests runs a life and keeps the request of each Route.
func requests(t *testing.T, l life) (*driver, []router.Request) {
	t.Helper()
	var asked []router.Request
	setup := l.setup
	l.setup = func(d *driver) {
		d.route = to(target(1, 0))
		if setup != nil {
			setup(d)
		}
		decide := d.route
		var req router.Request // reused, as drivers do
		d.route = func(s, attempt int32) router.Decision {
			d.m.Request(s, &req)
			kept := req
			kept.Tried = slices.Clone(req.Tried)
			asked = append(asked, kept)
			return decide(s, attempt)
		}
	}
	return l.run(t), asked
}

func TestRequestFields(t *testing.T) {
	g := growing(2)
	g.Session.Budget = &workloads.Budget{USD: 10, Deadline: workloads.Millis(time.Second)}
	g.Session.Data = &workloads.DataRules{Residency: []string{"eu"}}
	g.Steps[1].Step.PII = true
	g.Steps[1].Step.Tools = make([]workloads.Tool, 3)
	g.Steps[1].Step.LLM = workloads.LLM{Kind: "plan", Task: "think", Modality: "vision", Pin: "big", LatencyBudget: 9 * milli}
	d, asked := requests(t, life{graph: g, setup: priced(2)})
	if len(asked) != 2 {
		t.Fatalf("%d requests, want 2", len(asked))
	}
	first, second := asked[0], asked[1]
	if first.Pin != topology.None || first.PII || first.History.USDLeft != 10 || first.History.TimeLeft != time.Second {
		t.Errorf("first request %+v", first)
	}
	want := router.Request{
		Draw: d.m.Draw(1, 1), Session: 7, Kind: "plan", Task: "think", Modality: "vision", Pin: 1, PII: true,
		Input: 250, LatencyBudget: 9 * ms, Attempt: 1,
	}
	h := router.History{Steps: 1, Messages: 3, Tokens: 110, Cheap: 1, USD: 1, USDLeft: 9, TimeLeft: 950 * ms}
	for i := range h.Warm {
		h.Warm[i].Target = router.NoTarget
	}
	h.Warm[0] = router.Warm{Target: target(1, 0), Tokens: 150, At: 50 * ms}
	if second.History != h {
		t.Errorf("history %+v, want %+v", second.History, h)
	}
	if !slices.Equal(second.Residency, []string{"eu"}) {
		t.Errorf("residency %v", second.Residency)
	}
	second.History, second.Residency, second.Tried = router.History{}, nil, nil
	if !equalRequests(second, want) {
		t.Errorf("request %+v, want %+v", second, want)
	}
}

func equalRequests(a, b router.Request) bool {
	return a.Draw == b.Draw && a.Session == b.Session && a.Kind == b.Kind && a.Task == b.Task && a.Modality == b.Modality &&
		a.Pin == b.Pin && a.PII == b.PII && a.Input == b.Input && a.LatencyBudget == b.LatencyBudget &&
		a.Attempt == b.Attempt && a.Escalation == b.Escalation && a.Last == b.Last
}

func TestRequestAfterFailures(t *testing.T) {
	_, asked := requests(t, life{
		cfg:   func(c *Config) { c.Validate, c.MaxAttempts = true, 3 },
		graph: graph(plain()),
		setup: func(d *driver) {
			d.route = func(_, attempt int32) router.Decision {
				return router.Decision{Target: target(attempt, 1)}
			}
			d.attempt = script{0: {takes(ms, ok), takes(ms, failed), takes(ms, ok)}}.attempt
			d.validate = validating1(0, false, false, true)
		},
	})
	r := asked[2]
	if r.Attempt != 3 || r.Escalation != 1 || r.Last != failed || r.History.Failures != 2 ||
		!slices.Equal(r.Tried, []router.Target{target(1, 1), target(2, 1)}) {
		t.Errorf("third request: %+v", r)
	}
	if asked[0].History.USDLeft >= 0 || asked[0].History.TimeLeft >= 0 {
		t.Errorf("a session without limits has %v dollars and %v left", asked[0].History.USDLeft, asked[0].History.TimeLeft)
	}
}

// TestWarm: what replicas may hold of a context that branches.
func TestWarm(t *testing.T) {
	g := growing(2) // a: 100 in, 50 out; b: 250 in, 50 out
	branch := plain(after(1, "", 0, ""))
	branch.Base, branch.Keep, branch.Input = 0, 120, 200 // of a's 150 tokens
	reset := plain(after(2, "", 0, ""))
	nodes := append(slices.Clone(g.Steps), branch, reset)
	for i := range nodes {
		nodes[i].Step, nodes[i].Next = nil, nil
		nodes[i].Prefix, nodes[i].PrefixTokens = 5, 30
	}
	_, asked := requests(t, life{
		graph: graph(nodes...),
		setup: func(d *driver) {
			d.route = func(s, _ int32) router.Decision {
				return router.Decision{Target: target([]int32{1, 2, 1, 3}[s], 0)}
			}
		},
	})
	for i, want := range [][]router.Warm{
		{},
		{{Target: target(1, 0), Tokens: 150, At: 100 * ms}},
		{{Target: target(2, 0), Tokens: 120, At: 200 * ms}, {Target: target(1, 0), Tokens: 120, At: 100 * ms}},
		{{Target: target(1, 0), Tokens: 30, At: 300 * ms}, {Target: target(2, 0), Tokens: 30, At: 200 * ms}},
	} {
		got := asked[i].History.Warm[:]
		for len(got) > 0 && got[len(got)-1].Target == router.NoTarget {
			got = got[:len(got)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("step %d: warm %+v, want %+v", i, got, want)
		}
	}
}

// TestCompaction follows the lengths of prompts through a compaction, a step
// on top of it, and a branch from before it.
func TestCompaction(t *testing.T) {
	g := growing(6) // inputs 100, 250, 400, 550, 700, 850
	branch := plain(after(5, "", 0, ""))
	branch.Base, branch.Keep, branch.Input = 2, 260, 290
	nodes := append(slices.Clone(g.Steps), branch)
	for i := range nodes {
		nodes[i].Step, nodes[i].Next = nil, nil
		nodes[i].Prefix, nodes[i].PrefixTokens = 5, 30
	}
	type call struct {
		step                     int32
		input, output, reusable  int
		kind                     string
		compacting, warmIsReused bool
	}
	var calls []call
	d, asked := requests(t, life{
		cfg:   func(c *Config) { c.CompactAbove, c.CompactTo = 300, 20 },
		graph: graph(nodes...),
		setup: func(d *driver) {
			decide := to(target(1, 0))
			d.route = func(s, n int32) router.Decision {
				calls = append(calls, call{step: s, input: d.m.EffectiveInput(s), output: d.m.EffectiveOutput(s),
					reusable: d.m.Reusable(s), compacting: d.m.Compacting(s)})
				return decide(s, n)
			}
		},
	})
	for i := range calls {
		calls[i].kind = asked[i].Kind
		calls[i].warmIsReused = i > 0 && asked[i].History.Warm[0].Tokens == calls[i].reusable
	}
	want := []call{
		{0, 100, 50, 30, "", false, false},
		{1, 250, 50, 150, "", false, true},
		{2, 300, 20, 300, compactKind, true, true}, // all that b left: 250 + 50
		{2, 150, 50, 30, "", false, true},          // prefix 30 + summary 20 + 100 new
		{3, 300, 50, 200, "", false, true},         // 150 + 50 of c, and 100 new: not above 300
		{4, 350, 20, 350, compactKind, true, true}, // all that d left
		{4, 150, 50, 30, "", false, true},          // another summary of the same length
		{5, 300, 50, 200, "", false, true},
		{6, 290, 10, 260, "", false, false}, // keeps 260 of the recorded context: before the cut
	}
	if !slices.Equal(calls, want) {
		t.Errorf("calls\n%+v, want\n%+v", calls, want)
	}
	attempts := d.steps[2].Attempts
	if len(attempts) != 2 || attempts[0].Reason != compactReason || attempts[1].Reason != "test" {
		t.Errorf("attempts of the compacted step: %+v", attempts)
	}
}
