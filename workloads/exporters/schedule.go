package exporters

import "tierlab/workloads"

// times are a step's moments since its session's arrival.
type times struct{ start, llmDone, toolsDone workloads.Millis }

// schedule replays a session at its recorded speed: every model call takes
// recorded_ms (0 where unknown), every tool call its duration.
func schedule(g *workloads.Graph) []times {
	at := make([]times, len(g.Steps))
	open := make([]int, len(g.Steps)) // spawned steps that are not yet done
	for i := range g.Steps {
		if o := g.Steps[i].Owner; o >= 0 {
			open[o]++
		}
	}
	settled := make([]bool, len(g.Steps)) // toolsDone is final
	var settle func(i int32)
	settle = func(i int32) {
		settled[i] = true
		if o := g.Steps[i].Owner; o >= 0 {
			at[o].toolsDone = max(at[o].toolsDone, at[i].toolsDone)
			if open[o]--; open[o] == 0 {
				settle(o)
			}
		}
	}
	// Steps are in a topological order of their starts, and a step that waits
	// for an owner's tools comes behind all that the owner spawned.
	for i := range g.Steps {
		n := &g.Steps[i]
		for _, e := range n.Wait {
			at[i].start = max(at[i].start, moment(at, e)+e.Delay)
		}
		at[i].llmDone = at[i].start
		if r := n.Step.LLM.Recorded; r != nil {
			at[i].llmDone += *r
		}
		at[i].toolsDone = max(at[i].toolsDone, at[i].llmDone+longest(n.Step))
		if open[i] == 0 && !settled[i] {
			settle(int32(i))
		}
	}
	return at
}

// moment is when an edge's moment passes.
func moment(at []times, e workloads.Edge) workloads.Millis {
	switch {
	case e.From < 0:
		return 0
	case e.On == workloads.OnStart:
		return at[e.From].start
	case e.On == workloads.OnLLMDone:
		return at[e.From].llmDone
	default:
		return at[e.From].toolsDone
	}
}

// longest is the duration of a step's longest tool call.
func longest(s *workloads.Step) (d workloads.Millis) {
	for i := range s.Tools {
		d = max(d, s.Tools[i].Duration)
	}
	return d
}

func arrival(s *workloads.Session) workloads.Millis {
	if s.Arrival == nil {
		return 0
	}
	return *s.Arrival
}
