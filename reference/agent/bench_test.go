package agent

import (
	"testing"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// echo drives a machine through a session by answering every effect in turn.
type echo struct {
	m       Machine
	now     time.Duration
	fx      []Effect
	req     router.Request
	dec     router.Decision
	call    Call
	step    workloads.Outcome
	session workloads.Outcome
}

func newEcho() *echo {
	return &echo{
		dec:  router.Decision{Target: target(1, 0), ReserveUSD: 0.01},
		call: Call{Queue: 1 * ms, Prefill: 30 * ms, Decode: 200 * ms, Network: 20 * ms, Output: 300, USD: 0.001},
	}
}

func (d *echo) run(cfg *Config, p *Program, key rng.Stream) {
	d.now = 0
	d.m.Reset(cfg, p, key, uint64(key), 0, 0)
	d.fx = d.m.Handle(0, &Event{Kind: Arrived}, d.fx[:0])
	for i := 0; i < len(d.fx); i++ {
		d.answer(d.fx[i])
	}
}

func (d *echo) answer(f Effect) {
	e := Event{Step: f.Step, Attempt: f.Attempt, Tool: f.Tool}
	switch f.Kind {
	case Route:
		d.m.Request(f.Step, &d.req)
		e.Kind, e.Decision = Routed, &d.dec
	case Start:
		d.now += 231 * ms
		e.Kind = FirstToken
		d.fx = d.m.Handle(d.now, &e, d.fx)
		d.now += 20 * ms
		e.Kind, e.Status, e.Call = AttemptDone, workloads.StatusOK, &d.call
	case RunTool:
		d.now += 5 * ms
		e.Kind = ToolDone
	case SetTimer:
		d.now = max(d.now, f.At)
		e.Kind, e.Timer = TimerFired, f.Timer
	case Commit:
		d.now += 2 * ms
		e.Kind = Committed
	case Validate:
		e.Kind, e.Pass = Validated, true
	case StepDone:
		d.m.StepOutcome(f.Step, &d.step)
		return
	case Finish:
		d.m.SessionOutcome(&d.session)
		return
	}
	d.fx = d.m.Handle(d.now, &e, d.fx)
}

// longChain is a session of 40 steps, each with two parallel tool calls and a
// gap before the next.
func longChain(t testing.TB) *Program {
	nodes := make([]workloads.Node, 40)
	for i := range nodes {
		nodes[i] = withTools(plain(), 2)
		nodes[i].Base = int32(i) - 1
		nodes[i].Input, nodes[i].Output = 1000+500*i, 300
		if i > 0 {
			nodes[i].Wait = []workloads.Edge{after(int32(i)-1, workloads.OnToolsDone, 20*ms, workloads.CauseTool)}
			nodes[i].Keep = nodes[i-1].Input + nodes[i-1].Output
		}
	}
	p, err := Prepare(graph(nodes...), testWorld())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func benchConfigs() map[string]Config {
	bare := DefaultConfig()
	bare.AttemptTimeout = 0
	full := bare
	full.Validate, full.CommitEach, full.CompactAbove, full.CompactTo = true, true, 8000, 1000
	full.Limits = workloads.Budget{USD: 100, Tokens: 1e9, Steps: 1000}
	return map[string]Config{"bare": bare, "full": full}
}

// TestNoAllocation: a machine and a driver that have run a session run the
// next one without allocating.
func TestNoAllocation(t *testing.T) {
	p := longChain(t)
	for name, cfg := range benchConfigs() {
		d := newEcho()
		run := func() {
			d.run(&cfg, p, rng.New(1, 0))
			if d.session.Status != workloads.StatusOK || d.m.Violations() > 0 {
				t.Fatalf("%s: status %q, %d violations", name, d.session.Status, d.m.Violations())
			}
		}
		if n := testing.AllocsPerRun(10, run); n > 0 {
			t.Errorf("%s: %v allocations a session, want 0", name, n)
		}
	}
}

// BenchmarkSession reports the time per step of a session of 40 steps: bare,
// and with validation, commits, compaction and budgets.
func BenchmarkSession(b *testing.B) {
	p := longChain(b)
	for name, cfg := range benchConfigs() {
		b.Run(name, func(b *testing.B) {
			d := newEcho()
			b.ReportAllocs()
			for n := range b.N {
				d.run(&cfg, p, rng.New(1, uint64(n)))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.nodes)), "ns/step")
		})
	}
}
