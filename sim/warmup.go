package sim

import (
	"slices"
	"time"

	"tierlab/reference/agent"
	"tierlab/workloads"
)

// AutoWarmUp asks for a warm-up as long as nine in ten of the workload's
// sessions take by themselves: after that the number of active sessions has
// nearly reached its mean, whatever the arrival rate (for Poisson arrivals the
// number active at time t is Poisson with mean rate * E[min(t, length)]).
const AutoWarmUp time.Duration = -1

// ownLengths gives each session's length without queueing, network or service
// that the recording does not state: gaps and tools under the caps, and
// recorded model calls, along the longest path.
func (s *Scenario) ownLengths(a *agent.Config) []time.Duration {
	lengths := make([]time.Duration, len(s.Library.Sessions))
	var begun, llm, done []time.Duration
	for i, g := range s.Library.Sessions {
		begun = append(begun[:0], make([]time.Duration, len(g.Steps))...)
		llm = append(llm[:0], make([]time.Duration, len(g.Steps))...)
		done = append(done[:0], make([]time.Duration, len(g.Steps))...)
		for k := range g.Steps {
			n := &g.Steps[k]
			begun[k] = due(n, a, begun, llm, done)
			llm[k] = begun[k]
			if r := n.Step.LLM.Recorded; r != nil {
				llm[k] += r.D()
			}
			done[k] = max(done[k], llm[k])
			for t := range n.Step.Tools {
				done[k] = max(done[k], llm[k]+a.CapTool(n.Step.Tools[t].Duration.D()))
			}
			for o := n.Owner; o >= 0; o = g.Steps[o].Owner {
				done[o] = max(done[o], done[k])
			}
			lengths[i] = max(lengths[i], done[k])
		}
	}
	return lengths
}

// due is when a step's edges are met.
func due(n *workloads.Node, a *agent.Config, begun, llm, done []time.Duration) time.Duration {
	at := time.Duration(0)
	for _, e := range n.Wait {
		gap := a.CapTool(e.Delay.D())
		if e.Cause == workloads.CauseHuman {
			gap = e.Delay.D()
			if a.ThinkCap > 0 {
				gap = min(gap, a.ThinkCap)
			}
		}
		from := time.Duration(0)
		switch {
		case e.From < 0:
		case e.On == workloads.OnStart:
			from = begun[e.From]
		case e.On == workloads.OnLLMDone:
			from = llm[e.From]
		default:
			from = done[e.From]
		}
		at = max(at, from+gap)
	}
	return at
}

// warmUp resolves AutoWarmUp.
func (c *Config) warmUp() time.Duration {
	if c.WarmUp != AutoWarmUp {
		return c.WarmUp
	}
	lengths := c.Scenario.ownLengths(&c.Agent)
	slices.Sort(lengths)
	return lengths[(len(lengths)*9)/10]
}
