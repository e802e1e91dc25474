package agent

import (
	"testing"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// BenchmarkSession drives a session of 40 steps, each with two parallel tool
// calls and a gap, through a driver that answers everything at once.
func BenchmarkSession(b *testing.B) {
	const steps = 40
	nodes := make([]workloads.Node, steps)
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
		b.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.AttemptTimeout = 0
	var (
		m       Machine
		fx      []Effect
		req     router.Request
		dec     = router.Decision{Target: target(1, 0), ReserveUSD: 0.01}
		call    = Call{Queue: 1 * ms, Prefill: 30 * ms, Decode: 200 * ms, Network: 20 * ms, Output: 300, USD: 0.001}
		outcome workloads.Outcome
		key     = rng.New(1, 0)
	)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n++ {
		m.Reset(&cfg, p, key.Fold(uint64(n)), uint64(n), 0, 0)
		var now time.Duration
		fx = m.Handle(now, &Event{Kind: Arrived}, fx[:0])
		for i := 0; i < len(fx); i++ {
			f := fx[i]
			e := Event{Step: f.Step, Attempt: f.Attempt, Tool: f.Tool}
			switch f.Kind {
			case Route:
				m.Request(f.Step, &req)
				e.Kind, e.Decision = Routed, &dec
			case Start:
				now += 231 * ms
				e.Kind = FirstToken
				fx = m.Handle(now, &e, fx)
				now += 20 * ms
				e.Kind, e.Status, e.Call = AttemptDone, workloads.StatusOK, &call
			case RunTool:
				now += 5 * ms
				e.Kind = ToolDone
			case SetTimer:
				now = max(now, f.At)
				e.Kind, e.Timer = TimerFired, f.Timer
			case StepDone:
				m.StepOutcome(f.Step, &outcome)
				continue
			default:
				continue
			}
			fx = m.Handle(now, &e, fx)
		}
		if !m.Finished() || m.Status() != workloads.StatusOK || m.Violations() > 0 {
			b.Fatalf("finished %v, status %q, %d violations", m.Finished(), m.Status(), m.Violations())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*steps), "ns/step")
}
