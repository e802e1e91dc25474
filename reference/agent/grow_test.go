package agent

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// chain makes a session whose steps follow each other: calls[i] tool calls at
// step i, none at the last.
func chain(calls []int) *workloads.Graph {
	nodes := make([]workloads.Node, len(calls))
	for i, n := range calls {
		nodes[i] = withTools(plain(), n)
		if i > 0 {
			nodes[i].Wait = []workloads.Edge{after(int32(i-1), workloads.OnToolsDone, 0, "")}
			nodes[i].Base, nodes[i].Keep = int32(i-1), nodes[i-1].Input+nodes[i-1].Output
			nodes[i].Input = nodes[i].Keep + 30*i
		}
	}
	return graph(nodes...)
}

// TestGrowingProgram runs sessions whose program is known only as far as their
// answers have made it, beside ones that knew all of it: the same effects at
// the same times, the same outcome.
func TestGrowingProgram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &luck{s: rng.New(rapid.Uint64().Draw(t, "seed"), 0)}
		calls := make([]int, 1+l.intn(6))
		for i := range len(calls) - 1 {
			calls[i] = 1 + l.intn(3)
		}
		cfg := randomConfig(l)
		cfg.ToolUSD, cfg.Limits = 0, workloads.Budget{}
		cfg.CompactAbove = 0
		world := l.draw().Uint64()
		known := lived(t, &cfg, world, calls, false)
		grown := lived(t, &cfg, world, calls, true)
		if grown.m.Violations() > known.m.Violations() {
			t.Fatalf("%d programs were refused", grown.m.Violations()-known.m.Violations())
		}
		if len(known.log) != len(grown.log) {
			t.Fatalf("%d events where a known program has %d", len(grown.log), len(known.log))
		}
		for i := range known.log {
			if known.log[i].at != grown.log[i].at || !slices.Equal(known.log[i].fx, grown.log[i].fx) {
				t.Fatalf("event %d: effects %v, a known program's %v", i, grown.log[i].fx, known.log[i].fx)
			}
		}
		if a, b := known.m.Split(), grown.m.Split(); a != b {
			t.Fatalf("split %v, a known program's %v", b, a)
		}
	})
}

// lived runs a chain in a random world; if open is set its program grows.
func lived(t *rapid.T, cfg *Config, seed uint64, calls []int, open bool) *driver {
	l := &luck{s: rng.New(seed, 0)}
	whole := prepared(t, calls)
	first := whole
	if open {
		first = prepared(t, []int{0})
	}
	d := newDriver(cfg, first)
	randomWorld(l, d)
	if open {
		d.before = func(e *Event) {
			if e.Kind != AttemptDone && e.Kind != ToolDone || e.Status != ok {
				return
			}
			known := slices.Clone(calls[:e.Step+1])
			if e.Kind == ToolDone && d.m.steps[e.Step].toolsLeft == 1 && int(e.Step) < len(calls)-1 {
				known = append(known, 0)
			}
			if len(known) >= len(d.m.steps) {
				e.Program = prepared(t, known)
			}
		}
	}
	d.at(0, Event{Kind: Arrived})
	d.run()
	return d
}

func prepared(t rapid.TB, calls []int) *Program {
	p, err := Prepare(chain(calls), sharedWorld)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var sharedWorld = testWorld()

func TestProgramsThatDoNotExtend(t *testing.T) {
	cfg := DefaultConfig()
	other := chain([]int{1, 0})
	other.Steps[1].Wait[0].Delay = 5
	elsewhere, _ := Prepare(chain([]int{1, 0}), testWorld())
	backward := chain([]int{1, 0, 0})
	backward.Steps[0].Wait = []workloads.Edge{after(2, workloads.OnStart, 0, "")}
	for name, g := range map[string]*workloads.Graph{"an edge changed": other, "shorter": chain([]int{0}), "an edge to a step before": backward} {
		p, err := Prepare(g, sharedWorld)
		if err != nil {
			t.Fatal(name, err)
		}
		refusesProgram(t, &cfg, name, p)
	}
	refusesProgram(t, &cfg, "another world", elsewhere)
}

func refusesProgram(t *testing.T, cfg *Config, name string, p *Program) {
	whole, err := Prepare(chain([]int{1, 0}), sharedWorld)
	if err != nil {
		t.Fatal(err)
	}
	d := newDriver(cfg, whole)
	randomWorld(&luck{s: rng.New(1, 0)}, d)
	d.attempt = nil
	d.before = func(e *Event) {
		if e.Kind == AttemptDone && e.Step == 0 {
			e.Program = p
		}
	}
	d.at(0, Event{Kind: Arrived})
	d.run()
	if d.m.Violations() != 1 || d.m.Program() != whole || d.m.Status() != ok {
		t.Errorf("%s: %d violations, status %s, program replaced: %v", name, d.m.Violations(), d.m.Status(), d.m.Program() != whole)
	}
}

// TestGrownToolsAreReserved has an answer that asks for more tool calls than
// the budget has room for.
func TestGrownToolsAreReserved(t *testing.T) {
	for _, c := range []struct {
		calls int
		want  workloads.Status
	}{{3, ok}, {4, workloads.StatusBudget}} {
		cfg := DefaultConfig()
		cfg.ToolUSD, cfg.Limits.USD = 0.25, 1
		d := newDriver(&cfg, prepared(t, []int{0}))
		randomWorld(&luck{s: rng.New(1, 0)}, d)
		d.route = func(int32, int32) router.Decision { return router.Decision{Target: target(1, 0), ReserveUSD: 0.25} }
		d.attempt = func(int32, int32, router.Target) answer {
			return answer{takes: ms, status: ok, call: Call{USD: 0.25}}
		}
		ran := 0
		d.tool = func(int32, int32) (time.Duration, float64) { ran++; return ms, 0.25 }
		d.before = func(e *Event) {
			if e.Kind == AttemptDone {
				e.Program = prepared(t, []int{c.calls})
			}
		}
		d.at(0, Event{Kind: Arrived})
		d.run()
		if d.m.Status() != c.want || d.m.Overrun() != 0 {
			t.Errorf("%d calls: status %s, want %s; overrun %v", c.calls, d.m.Status(), c.want, d.m.Overrun())
		}
		if c.want != ok && ran > 0 {
			t.Errorf("%d of %d calls ran beyond the budget", ran, c.calls)
		}
	}
}

// TestLostAttempts loses more attempts than a call has, and one to a failure:
// only the failure counts, and each loss costs what it says.
func TestLostAttempts(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxAttempts, cfg.CommitEach = 2, true
	d := newDriver(&cfg, prepared(t, []int{0}))
	randomWorld(&luck{s: rng.New(1, 0)}, d)
	var numbers []int
	d.route = func(s, _ int32) router.Decision {
		var r router.Request
		d.m.Request(s, &r)
		numbers = append(numbers, r.Attempt, len(r.Tried), r.History.Failures)
		return router.Decision{Target: target(1, 0), ReserveUSD: 1}
	}
	d.commit = nil
	d.attempt = func(_, a int32, _ router.Target) answer {
		status := []workloads.Status{workloads.StatusLost, workloads.StatusLost, workloads.StatusLost, failed, workloads.StatusLost, ok}[a-1]
		return answer{takes: ms, status: status, call: Call{USD: 1}}
	}
	d.at(0, Event{Kind: Arrived})
	d.run()
	if d.m.Status() != ok || d.m.Cost().Tokens != 6 {
		t.Errorf("status %s for %v dollars, want ok for 6", d.m.Status(), d.m.Cost().Tokens)
	}
	want := []int{1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 2, 1, 1, 2, 1, 1}
	if !slices.Equal(numbers, want) {
		t.Errorf("attempt, tried and failures at each route: %v, want %v", numbers, want)
	}
	if s := d.m.Split(); s.State != 4*milli {
		t.Errorf("split %v: what was lost is state", s)
	}
}
