package agent

import (
	"math"
	"strings"
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

func TestOutcomes(t *testing.T) {
	right := true
	l := life{
		cfg: func(c *Config) { c.Validate, c.CommitEach = true, true },
		graph: func() *workloads.Graph {
			g := graph(withTools(plain(), 1))
			g.Session.Tenant = "acme"
			return g
		}(),
		setup: func(d *driver) {
			hedging(d)
			d.attempt = script{0: {
				{takes: 100 * ms, status: ok, call: Call{USD: 8, Output: 9}},
				{takes: 20 * ms, first: 10 * ms, status: ok, call: Call{
					Queue: 1 * ms, Prefill: 2 * ms, Decode: 3 * ms, Cached: 60, Output: 10, USD: 2, Egress: 0.5, Joules: 7, Correct: &right}},
			}}.attempt
			d.validate = validating1(4*ms, false, true)
			d.tool = func(int32, int32) (time.Duration, float64) { return 5 * ms, 0.125 }
			d.commit = func(int32) (time.Duration, float64) { return ms, 0.0625 }
		},
	}
	d := l.run(t)
	s := d.steps[0]
	if s.Template != "t" || s.Step != "a" || s.Status != ok || s.Start != 0 || s.LLMDone != 55*milli || s.End != 61*milli || s.Result != nil {
		t.Errorf("step outcome %+v", s)
	}
	want := []workloads.Attempt{{
		Site: "met", Tier: "metro", Model: "small", Status: workloads.StatusCancelled, Sent: milli, Done: 51 * milli,
		Network: 50 * milli, Input: 100, USD: 4,
	}, {
		Site: "reg", Tier: "regional", Model: "small", Status: ok, Hedge: true, Due: 31 * milli, Sent: 31 * milli, First: 41 * milli,
		Done: 51 * milli, Queue: milli, Prefill: 2 * milli, Decode: 3 * milli, Network: 14 * milli,
		Input: 100, Cached: 60, Output: 10, USD: 2, Egress: 0.5, Joules: 7, Correct: &right,
	}}
	for i := range want {
		got := s.Attempts[i]
		if (got.Correct == nil) != (want[i].Correct == nil) || got.Correct != nil && !*got.Correct {
			t.Errorf("attempt %d: correct %v", i, got.Correct)
		}
		got.Correct, got.Reason, want[i].Correct = nil, "", nil
		if got != want[i] {
			t.Errorf("attempt %d:\n%+v, want\n%+v", i, got, want[i])
		}
	}
	o := d.session
	r := o.Result
	cost := workloads.Cost{Tokens: 6, Egress: 0.5, State: 0.125, Sandbox: 0.125, Validation: 0.25}
	if r.USD != cost {
		t.Errorf("cost %+v, want %+v", r.USD, cost)
	}
	if o.Status != ok || r.Origin != "here" || r.Home != "dev" || r.Tenant != "acme" || r.Makespan != 61*milli ||
		r.Active != r.Makespan || r.Steps != 1 || r.Tools != 1 || !r.Resolved || !r.Estimated {
		t.Errorf("session outcome %+v, result %+v", o, r)
	}
}

// TestFatal: a fatal error fails the session only if its answer is accepted.
func TestFatal(t *testing.T) {
	for _, c := range []struct {
		name     string
		pass     []bool
		resolved bool
	}{{"accepted", []bool{true}, false}, {"caught", []bool{false, true}, true}, {"kept for want of a better one", []bool{false, false}, false}} {
		l := life{
			cfg:   func(c *Config) { c.Validate, c.MaxAttempts = true, 2 },
			graph: graph(plain()),
			setup: func(d *driver) {
				d.attempt = func(_, attempt int32, _ router.Target) answer {
					return answer{takes: ms, status: ok, fatal: attempt == 1 || !c.pass[1]}
				}
				d.validate = validating1(0, c.pass...)
			},
		}
		if d := l.run(t); d.session.Result.Resolved != c.resolved {
			t.Errorf("%s: resolved %v, want %v", c.name, d.session.Result.Resolved, c.resolved)
		}
	}
}

// TestDishonest: a driver that breaks its side of the contract is counted, and
// the record adds up nevertheless.
func TestDishonest(t *testing.T) {
	l := life{graph: graph(plain()), setup: func(d *driver) {
		d.attempt = func(int32, int32, router.Target) answer {
			return answer{takes: 10 * ms, status: ok, call: Call{Queue: 30 * ms, Decode: -2 * ms, USD: 0.75}}
		}
	}}
	d := l.run(t)
	if d.m.Violations() != 1 || d.m.Overrun() != 0.75 {
		t.Errorf("%d violations, overrun %v; want 1, 0.75", d.m.Violations(), d.m.Overrun())
	}
	if l.setup = func(d *driver) {
		d.attempt = func(int32, int32, router.Target) answer {
			return answer{takes: 10 * ms, status: ok, call: Call{USD: math.NaN(), Egress: -1}}
		}
	}; l.run(t).m.Violations() != 2 {
		t.Error("prices that are none are not counted")
	}
	if want := (workloads.Split{Queue: 10 * milli}); d.session.Result.Split != want {
		t.Errorf("split %+v, want %+v", d.session.Result.Split, want)
	}
}

func TestPrepareErrors(t *testing.T) {
	pinned := plain()
	pinned.Step = &workloads.Step{LLM: workloads.LLM{Pin: "huge"}}
	barren := withTools(plain(), 1)
	barren.Step.Tools[0].Spawn = []string{"b"}
	for _, c := range []struct {
		g    *workloads.Graph
		want string
	}{
		{graph(pinned), `session "t": step "a": llm.pin names model "huge", which topology "test" does not have (it has small, big)`},
		{graph(barren), `session "t": step "a": tools[0].spawn: no listed step is owned by this call`},
	} {
		if _, err := Prepare(c.g, testWorld()); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	c := DefaultConfig()
	if err := c.Check(); err != nil {
		t.Errorf("the default: %v", err)
	}
	c = Config{BackoffBase: ms, CompactAbove: 10, CompactTo: 10, MaxOutput: -1, ToolUSD: -1, AttemptTimeout: -1}
	err := c.Check()
	for _, want := range []string{"MaxAttempts is 0", "BackoffFactor is 0", "CompactTo is 10", "MaxOutput is -1", "ToolUSD", "AttemptTimeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestConfigLimits(t *testing.T) {
	c := Config{Limits: workloads.Budget{USD: 5, Steps: 3, Deadline: 7}}
	got := c.limits(&workloads.Budget{USD: 4, Steps: 9, Tokens: 2})
	if want := (workloads.Budget{USD: 4, Steps: 3, Tokens: 2, Deadline: 7}); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
	c.ToolCap = 5 * ms
	if c.CapTool(9*ms) != 5*ms || c.CapTool(2*ms) != 2*ms {
		t.Error("CapTool")
	}
}

// TestReuse: a Machine that has run a session runs the next as a new one does.
func TestReuse(t *testing.T) {
	cfg := DefaultConfig()
	run := func(d *driver, p *Program) uint64 {
		d.queue, d.log = nil, nil
		d.route = to(target(1, 0))
		d.m.Reset(&cfg, p, 5, 9, 0, topology.SiteID(1))
		d.at(0, Event{Kind: Arrived})
		d.run()
		return d.m.Digest()
	}
	long, err := Prepare(growing(6), testWorld())
	if err != nil {
		t.Fatal(err)
	}
	short, err := Prepare(graph(withTools(plain(), 2)), testWorld())
	if err != nil {
		t.Fatal(err)
	}
	used := newDriver(&cfg, long)
	run(used, long)
	if got, want := run(used, short), run(newDriver(&cfg, short), short); got != want {
		t.Errorf("digest %x of a reused machine, %x of a new one", got, want)
	}
}
