package generate

import (
	"fmt"
	"math"

	"tierlab/internal/rng"
	"tierlab/workloads"
)

// call gives the session's i-th step its tool calls and returns the tokens of
// their results. A profile without tools leaves the step alone.
func (d *draft) call(s *workloads.Step, i int) int {
	m, t := d.m, &d.m.profile.Tools
	if m.calls == nil {
		return 0
	}
	result := max(1, m.result.Count(d.draw(i, whatAdd)))
	n := m.calls.Count(d.draw(i, whatCalls))
	for c := range n {
		at := func(what uint64) rng.Stream { return d.draw(i, what).Fold(uint64(c)) }
		spent := m.time.Draw(at(whatTime))
		name := &t.Names[m.nameTool(spent, at(whatTool))]
		tool := workloads.Tool{Name: name.Name, Data: name.Data, Duration: max(seconds(spent), seconds(0.001)),
			BytesOut: int64(math.Round(float64(result) * t.ResultPerTok / float64(n)))}
		if m.argument != nil {
			tool.BytesIn = int64(m.argument.Count(at(whatArgument)))
		}
		if at(whatFailed).Bool(t.ErrorShare) {
			tool.Status = "error"
		}
		s.Tools = append(s.Tools, tool)
	}
	return result
}

// nameTool draws the tool that a call of the given duration was made to:
// tool k with probability proportional to weight[k] density[k](x), by Bayes'
// rule. So the pooled law of durations, which is what publications state most
// exactly, holds as given, and tools differ in their durations.
func (m *population) nameTool(x float64, s rng.Stream) int {
	if m.toolTimes == nil {
		return m.tools.draw(s)
	}
	var c choice
	for k, t := range m.profile.Tools.Names {
		// The floor keeps every tool possible where all densities underflow.
		c.add(k, t.Weight*max(m.toolTimes[k].Prob(x), 1e-12))
	}
	return c.draw(s)
}

// delegate may turn the session's next step into one that starts sub-agents,
// and then makes their steps too. rest are the own steps that follow in the
// turn.
func (d *draft) delegate(s *workloads.Step, rest int) bool {
	i, a := len(d.steps), &d.m.profile.Agents
	// One step is kept for the turn's answer.
	if d.left < 2 || !d.draw(i, whatSpawn).Bool(a.Probability) {
		return false
	}
	width := min(max(1, d.m.width.Count(d.draw(i, whatWidth))), d.left-1)
	most := (d.left - 1) / width
	parent := len(d.steps)
	d.steps = append(d.steps, *s)
	for w := range width {
		first := len(d.steps)
		d.subAgent(s.ID, w, min(max(1, d.m.agentSteps.Count(d.draw(i, whatAgentSteps).Fold(uint64(w)))), most))
		tool := workloads.Tool{Name: "agent", BytesIn: int64(4 * d.steps[first].LLM.Context.Add)}
		for _, sub := range d.steps[first:] {
			tool.Spawn = append(tool.Spawn, sub.ID)
		}
		report := d.steps[len(d.steps)-1].LLM.OutputTokens
		tool.BytesOut = int64(4 * report)
		d.pending += report
		d.steps[parent].Tools = append(d.steps[parent].Tools, tool)
	}
	// The step right behind cannot go on ahead and join at once.
	if rest > 1 && d.left > 1 && d.draw(i, whatResume).Bool(a.Resume) {
		d.joins = append(d.joins, s.ID)
		d.follow(s.ID, workloads.OnLLMDone)
	} else {
		d.follow(s.ID, workloads.OnToolsDone)
	}
	return true
}

// subAgent makes a chain of n steps that begins once the parent's answer is
// there. Its last step reports.
func (d *draft) subAgent(parent string, w, n int) {
	own := d.startLine(d.m.profile.Agents.Prefix)
	after := workloads.After{Step: parent, On: workloads.OnLLMDone}
	add := d.m.taskTokens.Count(d.draw(len(d.steps), whatAgentTask))
	for j := range n {
		i, report := len(d.steps), j == n-1
		s := d.make(d.kind(report, true), fmt.Sprintf("%s.%d.%d", parent, w+1, j+1), own, add)
		s.After = []workloads.After{after}
		if !report {
			add = d.call(&s, i)
		}
		own = line{s.ID, s.LLM.Context.Tokens() + s.LLM.OutputTokens}
		after = workloads.After{Step: s.ID, On: workloads.OnToolsDone}
		d.steps = append(d.steps, s)
		d.left--
	}
}
