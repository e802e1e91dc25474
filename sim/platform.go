package sim

import (
	"math"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
)

// z99 is the standard normal's 99th percentile: a lognormal with median m and
// 99th percentile q has sigma ln(q/m)/z99.
const z99 = 2.3263478740408408

// lognormal draws from the lognormal with the given median and 99th
// percentile; a median of 0 is no time at all.
func lognormal(p50, p99 time.Duration, draw rng.Stream) time.Duration {
	if p50 <= 0 {
		return 0
	}
	if p99 <= p50 {
		return p50
	}
	sigma := math.Log(float64(p99)/float64(p50)) / z99
	return time.Duration(float64(p50) * math.Exp(sigma*draw.Normal()))
}

// commitTime is how long a session waits until its events are durable. Those of
// a private session stay on its user's device.
func (p *point) commitTime(s *session, e *agent.Effect) time.Duration {
	store := &p.world.Platform.State
	key := s.stepKey(e.Step).For(rng.Commit).Fold(uint64(e.Attempt))
	d := lognormal(store.CommitP50, store.CommitP99, key.Fold(0))
	data := s.graph.Session.Data
	if at := p.world.StateFor(s.home, s.origin); store.External && at != topology.None && !(data != nil && data.PII) {
		d += p.net.RTT(p.now, p.world.PlaceOf(s.home, s.origin), p.world.PlaceOf(at, s.origin))
	}
	return d
}

// transitionTime is how long a separate workflow service takes for the
// transitions of one model call and its tools.
func (p *point) transitionTime(s *session, e *agent.Effect) time.Duration {
	flow := &p.world.Platform.Orchestration
	if !flow.Service {
		return 0
	}
	key := s.stepKey(e.Step).For(rng.Commit).Fold(uint64(e.Attempt))
	d := time.Duration(0)
	for i := range flow.StepsPerCall {
		d += lognormal(flow.TransitionP50, flow.TransitionP99, key.Fold(uint64(i)+1))
	}
	return d
}

// commitCost is the price of one commit, transitions included.
func commitCost(pl *topology.Platform) (state, orchestration float64) {
	state = pl.State.USDPerWrite
	if pl.Orchestration.Service {
		orchestration = float64(pl.Orchestration.StepsPerCall) * pl.Orchestration.USDPerStep
	}
	return state, orchestration
}

// toolTime is a tool call's own recorded time (capped where the run says so),
// the start of its sandbox and its way to the data.
func (p *point) toolTime(s *session, e *agent.Effect) time.Duration {
	node := &s.graph.Steps[e.Step]
	tool := &node.Step.Tools[e.Tool]
	box := &p.world.Platform.Sandbox
	key := s.stepKey(e.Step).For(rng.ToolTime).Fold(uint64(e.Tool))
	d := p.cfg.Agent.CapTool(tool.Duration.D())
	if key.Fold(1).Bool(box.WarmShare) {
		d += box.WarmStart
	} else {
		d += lognormal(box.StartP50, box.StartP99, key.Fold(2))
	}
	home := p.world.PlaceOf(s.home, s.origin)
	if at := router.ToolPlace(p.world, tool, s.home, s.origin); at != home {
		oneWay, rtt := p.net.Request(p.now, home, at, tool.BytesIn, key)
		back := time.Duration(0)
		if l := p.world.Link(at, home); l.GBPerS > 0 {
			back = time.Duration(float64(tool.BytesOut) / float64(l.GBPerS))
		}
		d += oneWay + rtt/2 + back
	}
	return d
}
