package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/workloads"
)

// trace writes a run's effects, one line for each Handle that had any:
// milliseconds, then the effects.
func (d *driver) trace() string {
	var b strings.Builder
	for _, l := range d.log {
		if len(l.fx) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%d:", l.at.Milliseconds())
		for _, f := range l.fx {
			b.WriteString(" " + d.effect(f))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (d *driver) effect(f Effect) string {
	w, step := d.m.prog.world, d.m.prog.graph.Steps
	if f.Kind == Finish {
		return "finish=" + string(f.Status)
	}
	if f.Kind == SetTimer && f.Timer == Deadline {
		return fmt.Sprintf("deadline@%d", f.At.Milliseconds())
	}
	name := step[f.Step].Step.ID
	call := fmt.Sprintf("%s%d", name, f.Attempt)
	switch f.Kind {
	case Route:
		return "route(" + call + ")"
	case Start:
		return fmt.Sprintf("start(%s,%s/%s)", call, w.Sites[f.Target.Site].Name, w.Models[f.Target.Model].Name)
	case Cancel:
		return "cancel(" + call + ")"
	case Validate:
		return "validate(" + call + ")"
	case RunTool:
		return fmt.Sprintf("tool(%s.%d)", name, f.Tool)
	case CancelTool:
		return fmt.Sprintf("canceltool(%s.%d)", name, f.Tool)
	case SetTimer:
		kind := [...]string{Due: "due", Backoff: "backoff", Hedge: "hedge", Timeout: "timeout"}[f.Timer]
		return fmt.Sprintf("%s(%s)@%d", kind, name, f.At.Milliseconds())
	case Commit:
		return fmt.Sprintf("commit(%s,%d)", name, f.Bytes)
	case StepDone:
		return "done(" + name + ")"
	}
	return "?"
}

// script answers attempts in turn, step by step.
type script map[int32][]answer

func (s script) attempt(step, attempt int32, _ router.Target) answer {
	return s[step][attempt-1]
}

func takes(d time.Duration, s workloads.Status) answer { return answer{takes: d, status: s} }

// to decides for the first target, with the others as fallbacks.
func to(t router.Target, fallbacks ...router.Target) func(step, attempt int32) router.Decision {
	d := router.Decision{Target: t, FallbackCount: len(fallbacks), Reason: "test"}
	copy(d.Fallbacks[:], fallbacks)
	return func(int32, int32) router.Decision { return d }
}

type life struct {
	name  string
	cfg   func(*Config)
	graph *workloads.Graph
	setup func(*driver)
	want  string
	split workloads.Split
}

const (
	ok       = workloads.StatusOK
	rejected = workloads.StatusRejected
	failed   = workloads.StatusError
)

func (l *life) run(t *testing.T) *driver {
	t.Helper()
	cfg := DefaultConfig()
	cfg.BackoffBase, cfg.AttemptTimeout, cfg.EventBytes = 0, 0, 0
	if l.cfg != nil {
		l.cfg(&cfg)
	}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(l.graph, testWorld())
	if err != nil {
		t.Fatal(err)
	}
	d := newDriver(&cfg, p)
	d.route = to(target(1, 0))
	if l.setup != nil {
		l.setup(d)
	}
	d.at(0, Event{Kind: Arrived})
	d.run()
	return d
}

func TestLife(t *testing.T) {
	for _, l := range slices.Concat(plainLives(), failingLives(), refusedLives(), hedgedLives(), stoppedLives(), budgetLives(), compactLives()) {
		t.Run(l.name, func(t *testing.T) {
			d := l.run(t)
			if got, want := d.trace(), strings.ReplaceAll(strings.TrimSpace(l.want), "\t", "")+"\n"; got != want {
				t.Errorf("effects:\n%swant:\n%s", got, want)
			}
			if d.session == nil {
				t.Fatal("the session did not finish")
			}
			if got := d.session.Result.Split; got != l.split {
				t.Errorf("split %+v, want %+v", got, l.split)
			}
			if got, want := d.session.Result.Split.Total(), d.session.End-d.session.Start; got != want {
				t.Errorf("split sums to %v of %v", got.D(), want.D())
			}
			if d.m.Violations() > 0 {
				t.Errorf("%d calls whose parts do not sum", d.m.Violations())
			}
		})
	}
}

const milli = workloads.Millis(ms)

func plainLives() []life {
	human := workloads.CauseHuman
	return []life{{
		name:  "two steps and a person between them",
		graph: graph(plain(), plain(after(0, "", 50*ms, human))),
		setup: func(d *driver) {
			d.attempt = script{0: {{takes: 100 * ms, status: ok, call: Call{Queue: 10 * ms, Prefill: 20 * ms, Decode: 30 * ms}}}, 1: {takes(7*ms, ok)}}.attempt
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) due(b)@150
			150: route(b1)
			150: start(b1,met/small)
			157: done(b) finish=ok`,
		split: workloads.Split{Queue: 10 * milli, Prefill: 20 * milli, Decode: 30 * milli, Network: 47 * milli, Think: 50 * milli},
	}, {
		name:  "caps shorten gaps",
		cfg:   func(c *Config) { c.ThinkCap, c.ToolCap = 5*ms, 3*ms },
		graph: graph(plain(), plain(after(0, "", 50*ms, human)), plain(after(1, "", 50*ms, workloads.CauseUnknown))),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) due(b)@105
			105: route(b1)
			105: start(b1,met/small)
			205: done(b) due(c)@208
			208: route(c1)
			208: start(c1,met/small)
			308: done(c) finish=ok`,
		split: workloads.Split{Network: 300 * milli, Think: 5 * milli, Tool: 3 * milli},
	}, {
		name:  "parallel tools, a join on the slower branch",
		graph: graph(withTools(plain(), 2), plain(after(0, workloads.OnLLMDone, 0, "")), plain(after(0, "", 0, ""), after(1, "", 0, ""))),
		setup: func(d *driver) {
			d.tool = func(_, tool int32) (time.Duration, float64) { return time.Duration(30+tool*120) * ms, 0 }
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: tool(a.0) tool(a.1) route(b1)
			100: start(b1,met/small)
			200: done(b)
			250: done(a) route(c1)
			250: start(c1,met/small)
			350: done(c) finish=ok`,
		split: workloads.Split{Network: 200 * milli, Tool: 150 * milli},
	}, {
		name: "a tool call spawns two steps; the path leads through the last of them",
		graph: func() *workloads.Graph {
			owner := withTools(plain(), 1)
			owner.Step.Tools[0].Spawn = []string{"b", "c"}
			b := plain(after(0, workloads.OnLLMDone, 10*ms, ""))
			c := plain(after(1, "", 0, ""))
			b.Owner, b.OwnerTool, c.Owner, c.OwnerTool = 0, 0, 0, 0
			return graph(owner, b, c, plain(after(0, "", 0, "")))
		}(),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: due(b)@110
			110: route(b1)
			110: start(b1,met/small)
			210: done(b) route(c1)
			210: start(c1,met/small)
			310: done(c) done(a) route(d1)
			310: start(d1,met/small)
			410: done(d) finish=ok`,
		split: workloads.Split{Network: 400 * milli, Tool: 10 * milli},
	}, {
		name: "a tool call outlasts the spawned step",
		graph: func() *workloads.Graph {
			owner := withTools(plain(), 2)
			owner.Step.Tools[0].Spawn = []string{"b"}
			b := plain(after(0, workloads.OnLLMDone, 0, ""))
			b.Owner, b.OwnerTool = 0, 0
			return graph(owner, b)
		}(),
		setup: func(d *driver) {
			d.tool = func(_, _ int32) (time.Duration, float64) { return 130 * ms, 0 }
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: tool(a.1) route(b1)
			100: start(b1,met/small)
			200: done(b)
			230: done(a) finish=ok`,
		split: workloads.Split{Network: 100 * milli, Tool: 130 * milli},
	}, {
		name:  "two edges due at once: the lower step is the cause",
		graph: graph(plain(), plain(), plain(after(0, "", 0, ""), after(1, "", 50*ms, human))),
		setup: func(d *driver) {
			d.attempt = script{0: {takes(100*ms, ok)}, 1: {takes(50*ms, ok)}, 2: {takes(9*ms, ok)}}.attempt
		},
		want: `
			0: route(a1) route(b1)
			0: start(a1,met/small)
			0: start(b1,met/small)
			50: done(b)
			100: done(a) route(c1)
			100: start(c1,met/small)
			109: done(c) finish=ok`,
		split: workloads.Split{Network: 109 * milli},
	}, {
		name:  "commits gate the call, the tools and the final answer",
		cfg:   func(c *Config) { c.CommitEach = true },
		graph: graph(withTools(plain(), 1), plain(after(0, "", 0, "")), plain(after(1, "", 0, ""))),
		setup: func(d *driver) {
			d.commit = func(int32) (time.Duration, float64) { return 4 * ms, 0.5 }
			d.tool = func(_, _ int32) (time.Duration, float64) { return 9 * ms, 0 }
		},
		want: `
			0: commit(a,400)
			4: route(a1)
			4: start(a1,met/small)
			104: commit(a,0)
			108: tool(a.0)
			117: done(a) commit(b,400)
			121: route(b1)
			121: start(b1,met/small)
			221: done(b) commit(c,400)
			225: route(c1)
			225: start(c1,met/small)
			325: commit(c,0)
			329: done(c) finish=ok`,
		split: workloads.Split{Network: 300 * milli, Tool: 9 * milli, State: 20 * milli},
	}}
}
