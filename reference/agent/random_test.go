package agent

import (
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// luck gives a test's draws: a stream and how many were taken.
type luck struct {
	s rng.Stream
	n uint64
}

func (l *luck) draw() rng.Stream          { l.n++; return l.s.Fold(l.n) }
func (l *luck) intn(n int) int            { return l.draw().IntN(n) }
func (l *luck) chance(p float64) bool     { return l.draw().Bool(p) }
func (l *luck) time(n int) time.Duration  { return time.Duration(l.intn(n+1)) * 7 * ms }
func (l *luck) usd(bound float64) float64 { return l.draw().Uniform() * bound }

// crew is a set of steps that may wait for each other: the session's own, or
// those that one tool call spawns.
type crew struct {
	owner, tool int32
	steps       []int32
}

// randomGraph makes a graph that does not wait for itself: a step waits for
// earlier ones of its crew, or for its owner's start or answer.
func randomGraph(l *luck, n int) *workloads.Graph {
	nodes := make([]workloads.Node, n)
	crews := []crew{{owner: -1, tool: -1}}
	for i := range nodes {
		node := withTools(plain(), l.intn(4)%3)
		c := &crews[l.intn(len(crews))]
		if spawns := int(spawner(l, nodes[:i])); i > 0 && l.chance(0.25) && spawns >= 0 {
			owner := &nodes[spawns]
			tool := l.intn(len(owner.Step.Tools))
			if len(owner.Step.Tools[tool].Spawn) == 0 {
				crews = append(crews, crew{owner: int32(spawns), tool: int32(tool)})
				c = &crews[len(crews)-1]
			}
		}
		node.Owner, node.OwnerTool = c.owner, c.tool
		if c.owner >= 0 {
			t := &nodes[c.owner].Step.Tools[c.tool]
			t.Spawn = append(t.Spawn, "spawned")
			node.Wait = append(node.Wait, randomEdge(l, c.owner, []workloads.On{workloads.OnStart, workloads.OnLLMDone}))
		}
		for k := l.intn(3); k > 0 && len(c.steps) > 0; k-- {
			node.Wait = append(node.Wait, randomEdge(l, c.steps[l.intn(len(c.steps))],
				[]workloads.On{workloads.OnStart, workloads.OnLLMDone, workloads.OnToolsDone, ""}))
		}
		if l.chance(0.1) {
			node.Wait = append(node.Wait, randomEdge(l, -1, []workloads.On{workloads.OnStart}))
		}
		c.steps = append(c.steps, int32(i))
		randomContext(l, nodes[:i], &node)
		nodes[i] = node
	}
	return graph(nodes...)
}

func spawner(l *luck, nodes []workloads.Node) int32 {
	for range 3 {
		if len(nodes) == 0 {
			break
		}
		if i := l.intn(len(nodes)); len(nodes[i].Step.Tools) > 0 {
			return int32(i)
		}
	}
	return -1
}

func randomEdge(l *luck, from int32, on []workloads.On) workloads.Edge {
	causes := []workloads.Cause{workloads.CauseNone, workloads.CauseHuman, workloads.CauseTool, workloads.CauseUnknown}
	return after(from, on[l.intn(len(on))], time.Duration(l.intn(3))*l.time(10), causes[l.intn(4)])
}

func randomContext(l *luck, earlier []workloads.Node, n *workloads.Node) {
	n.Output = 1 + l.intn(80)
	add := 1 + l.intn(100)
	if len(earlier) > 0 && l.chance(0.8) {
		n.Base = int32(l.intn(len(earlier)))
		b := &earlier[n.Base]
		if n.Keep = b.Input + b.Output; l.chance(0.3) {
			n.Keep = l.intn(n.Keep)
		}
		n.Prefix, n.PrefixTokens = b.Prefix, min(b.PrefixTokens, n.Keep)
	} else if l.chance(0.5) {
		n.Prefix, n.PrefixTokens = uint64(1+l.intn(2)), 20
		n.Keep = 20
	}
	n.Input = n.Keep + add
}

func randomConfig(l *luck) Config {
	c := DefaultConfig()
	c.MaxAttempts = 1 + l.intn(4)
	c.BackoffBase = l.time(5)
	c.BackoffMax = 100 * ms
	c.AttemptTimeout = l.time(1) * time.Duration(l.intn(20))
	c.EscalateAtOnce, c.Validate, c.StopRefused = l.chance(0.3), l.chance(0.6), l.chance(0.2)
	c.CommitEach, c.Hedge = l.chance(0.5), l.chance(0.8)
	if l.chance(0.5) {
		c.CompactAbove, c.CompactTo = 50+l.intn(200), 1+l.intn(49)
	}
	if l.chance(0.3) {
		c.MaxOutput = 1 + l.intn(50)
	}
	if l.chance(0.5) {
		c.ThinkCap, c.ToolCap = l.time(10), l.time(10)
	}
	c.ToolUSD, c.ValidationUSD, c.CommitUSD, c.OrchestrationUSD = 0.2, 0.1, 0.05, 0.01
	if l.chance(0.4) {
		c.Limits.USD = 1 + l.usd(30)
	}
	if l.chance(0.2) {
		c.Limits.Steps = 1 + l.intn(15)
	}
	if l.chance(0.2) {
		c.Limits.Tokens = 100 + l.intn(5000)
	}
	if l.chance(0.2) {
		c.Limits.Deadline = workloads.Millis(ms) + workloads.Millis(l.time(200))
	}
	return c
}

// randomWorld scripts a driver: latencies with many ties, failures, refusals,
// hedges, prices up to their bounds.
func randomWorld(l *luck, d *driver) {
	fails, refuses, none := l.usd(0.6), l.usd(0.8), l.usd(0.05)
	d.route = func(int32, int32) router.Decision {
		r := router.Decision{Target: target(int32(l.intn(4)), int32(l.intn(2))), ReserveUSD: 1, Reason: "random"}
		if l.chance(none) {
			r.Target = router.NoTarget
		}
		r.FallbackCount = l.intn(4)
		for i := range r.FallbackCount {
			r.Fallbacks[i] = target(int32(l.intn(4)), int32(l.intn(2)))
		}
		if l.chance(0.5) {
			r.HedgeAfter = ms + l.time(8)
		}
		return r
	}
	d.attempt = func(s, _ int32, _ router.Target) answer {
		a := answer{takes: l.time(20), status: ok, fatal: l.chance(0.1)}
		a.call = Call{Queue: a.takes / 4, Prefill: a.takes / 3, Decode: a.takes / 5, Output: l.intn(1 + d.m.EffectiveOutput(s)), USD: l.usd(0.8), Egress: l.usd(0.2)}
		if l.chance(0.7) {
			a.first = min(a.takes, ms+l.time(15))
		}
		if l.chance(fails) {
			a.status = []workloads.Status{rejected, failed, workloads.StatusTimeout, rejected, failed, workloads.StatusTimeout, workloads.StatusLost}[l.intn(7)]
		}
		return a
	}
	d.validate = func(int32, int32) (time.Duration, bool, bool, float64) {
		return l.time(2), !l.chance(refuses), l.chance(0.1), l.usd(0.1)
	}
	d.tool = func(int32, int32) (time.Duration, float64) { return l.time(30), l.usd(0.2) }
	d.commit = func(int32) (time.Duration, float64) { return l.time(1), l.usd(0.05) }
	if l.chance(0.5) {
		d.cancel = func(int32, int32) time.Duration { return l.time(3) }
	}
}
