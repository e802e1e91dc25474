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
	for _, l := range slices.Concat(
		gapLives(), toolLives(), spawnLives(), edgeLives(), fallbackLives(), failingLives(),
		refusedLives(), keptLives(), hedgedLives(), hedgeFailsLives(), noHedgeLives(),
		killedLives(), killedWaitingLives(), stoppedLives(), budgetLives(), reservedLives(), tightLives(), compactLives(),
	) {
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
