package inspect

import (
	"cmp"
	"slices"
)

// result sums the measure up.
func (m *measure) result() *Result {
	r := &Result{
		Schema: Schema, Requests: m.steps, Outcomes: m.outcomes, Private: m.private,
		Sessions: SessionStats{
			Count: m.sessions, Private: m.privateSessions, Budgeted: m.budgeted,
			Steps: m.stepsPer.summary(), Tools: m.callsPer.summary(), Parallelism: m.parallelism.summary(),
		},
		Turns: TurnStats{Count: m.turns, PerSession: m.turnsPer.summary(), StepsPerTurn: ratio(m.steps, m.turns)},
		Tokens: TokenStats{
			Prompt: m.prompt.summary(), Keep: m.keep.summary(), Add: m.added.summary(), Output: m.output.summary(),
		},
		Tools: ToolStats{
			Calls: m.calls, Untimed: m.untimed, ErrorShare: ratio(m.failed, m.calls),
			PerStep: ratio(m.calls, m.steps), PerTurn: ratio(m.calls, m.turns), PerSession: ratio(m.calls, m.sessions),
			Parallel: m.parallel.summary(), DurationS: m.duration.summary(),
			TotalS: m.duration.sum, Top4Share: m.duration.topShare(0.04),
		},
		Gaps: GapStats{
			ToolClient: m.toolGap.summary(), Human: m.human.summary(),
			Unknown: m.unknown.summary(), Other: m.other.summary(),
		},
		Agents:   AgentStats{Spawning: m.spawning, Width: m.width.summary(), Steps: m.agentSteps.summary()},
		Recorded: m.recorded.summary(), TTFT: m.ttft.summary(), Arrivals: m.arrivals.stats(),
	}
	if m.prompt.sum > 0 {
		r.Tokens.ReuseShare = (m.keep.sum - m.fresh) / m.prompt.sum
	}
	r.Tools.ByName, r.Kinds = m.byTool(), m.byKind()
	return r
}

// byTool lists the tools, the most frequent first.
func (m *measure) byTool() []NameStats {
	list := []NameStats{}
	for name, n := range m.tools {
		s := NameStats{Name: name, Calls: n.calls}
		if n.time.n > 0 {
			s.P50, s.P90, s.P99 = n.time.quantile(0.5), n.time.quantile(0.9), n.time.quantile(0.99)
			s.TimeShare = n.time.sum / m.duration.sum
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b NameStats) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// byKind lists the kinds, the most frequent first.
func (m *measure) byKind() []KindStats {
	list := []KindStats{}
	for name, k := range m.kinds {
		list = append(list, KindStats{Kind: name, Steps: k.prompt.n, Share: ratio(k.prompt.n, m.steps),
			PromptP50: k.prompt.quantile(0.5), OutputP50: k.output.quantile(0.5)})
	}
	slices.SortFunc(list, func(a, b KindStats) int {
		return cmp.Or(cmp.Compare(b.Steps, a.Steps), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
