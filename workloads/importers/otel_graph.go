package importers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tierlab/workloads"
)

// spanSession is a session on its way from spans to steps.
type spanSession struct {
	out    *sink
	began  time.Time
	calls  []*spanCallStep
	agents map[*span]*spanAgent // by the agent's span; nil for calls below none
	order  []*spanAgent
}

// spanAgent is a run of model calls that know of each other.
type spanAgent struct {
	span  *span // nil: no agent
	calls []*spanCallStep
	owner *spanCallStep // that spawned it, or nil
}

// spanCallStep is a model call with its tool calls.
type spanCallStep struct {
	span    *span
	step    workloads.Step
	tools   []*span
	spawned []*spanAgent // one for each spawning tool, behind the tools
	prompt  spanPrompt
	// When the tools were over in the recording, and when they would be in a
	// replay, which starts them all with the end of the answer.
	toolsOver, toolsEnd time.Time
}

// assignAgents numbers the calls and gives them to the agents that they are
// below.
func (s *spanSession) assignAgents() {
	for i, c := range s.calls {
		c.step.ID = strconv.Itoa(i + 1)
		agentSpan := c.span.agent()
		a := s.agents[agentSpan]
		if a == nil {
			a = &spanAgent{span: agentSpan}
			s.agents[agentSpan] = a
			s.order = append(s.order, a)
		}
		a.calls = append(a.calls, c)
	}
}

// agent is the nearest agent span above.
func (sp *span) agent() *span {
	for p := sp.parent; p != nil; p = p.parent {
		if p.kind() == spanAgentCall {
			return p
		}
	}
	return nil
}

// assignTools gives every tool call without an agent below it to a model call.
func (s *spanSession) assignTools(spans []*span) {
	runs := make(map[*span]bool) // tool spans that run an agent
	for _, c := range s.calls {
		for p := c.span.parent; p != nil; p = p.parent {
			runs[p] = true
		}
	}
	for _, sp := range spans {
		if sp.kind() != spanTool || runs[sp] {
			continue
		}
		c := s.caller(sp)
		if c == nil {
			c = answeredBefore(s.calls, sp.start)
		}
		if c == nil {
			s.out.count(1, "tool calls precede every model call of their session and are left out")
			continue
		}
		c.tools = append(c.tools, sp)
	}
}

// caller is the model call that led to a tool or agent: one above it, else the
// latest of the agent above it that had been answered.
func (s *spanSession) caller(sp *span) *spanCallStep {
	for p := sp.parent; p != nil; p = p.parent {
		if p.kind() == spanCall {
			for _, c := range s.calls {
				if c.span == p {
					return c
				}
			}
		}
	}
	if a := s.agents[sp.agent()]; a != nil {
		return answeredBefore(a.calls, sp.start)
	}
	return nil
}

// answeredBefore is the call with the latest answer up to a time.
func answeredBefore(calls []*spanCallStep, at time.Time) *spanCallStep {
	var latest *spanCallStep
	for _, c := range calls {
		if !c.span.end.After(at) && (latest == nil || c.span.end.After(latest.span.end)) {
			latest = c
		}
	}
	return latest
}

// spawn finds the model call that led to each agent, and moves the calls of
// the others to the nearest agent above that has one, or to none.
func (s *spanSession) spawn() {
	for _, a := range s.order {
		if a.span != nil {
			a.owner = s.caller(a.span)
		}
	}
	kept := []*spanAgent{{}}
	for _, a := range s.order {
		into := kept[0]
		if a.owner != nil {
			into = a
			kept = append(kept, a)
			a.owner.spawned = append(a.owner.spawned, a)
		} else if above := s.spawnedAbove(a.span); above != nil {
			into = above
		}
		if into != a {
			into.calls = append(into.calls, a.calls...)
		}
	}
	s.order = kept
	for _, a := range kept {
		slices.SortStableFunc(a.calls, func(x, y *spanCallStep) int { return x.span.start.Compare(y.span.start) })
	}
	for _, c := range slices.Backward(s.calls) {
		s.fillTools(c)
	}
}

// spawnedAbove is the nearest agent above an agent's span that a model call
// led to.
func (s *spanSession) spawnedAbove(sp *span) *spanAgent {
	for sp != nil {
		sp = sp.agent()
		if a := s.agents[sp]; a != nil && a.owner != nil {
			return a
		}
	}
	return nil
}

// fillTools writes a call's tools and finds when they are over. The calls that
// it spawned, which start later, are done.
func (s *spanSession) fillTools(c *spanCallStep) {
	c.toolsEnd, c.toolsOver = c.span.end, c.span.end
	for _, sp := range c.tools {
		d := sp.end.Sub(sp.start)
		tool := workloads.Tool{Name: sp.toolName(), Duration: workloads.Millis(d)}
		if sp.failed {
			tool.Status = "error"
		}
		c.step.Tools = append(c.step.Tools, tool)
		c.toolsEnd, c.toolsOver = later(c.toolsEnd, c.span.end.Add(d)), later(c.toolsOver, sp.end)
	}
	for _, a := range c.spawned {
		tool := workloads.Tool{Name: a.span.toolName()}
		for _, inner := range a.calls {
			tool.Spawn = append(tool.Spawn, inner.step.ID)
			c.toolsEnd, c.toolsOver = later(c.toolsEnd, inner.toolsEnd), later(c.toolsOver, inner.toolsOver)
		}
		c.step.Tools = append(c.step.Tools, tool)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// toolName is the name of a tool or agent.
func (sp *span) toolName() string {
	_, plain, _ := strings.Cut(sp.name, " ") // "execute_tool NAME", "invoke_agent NAME"
	return cmp.Or(sp.text("gen_ai.tool.name"), sp.text("gen_ai.agent.name"), plain, sp.name, "tool")
}

// connect writes what each call of an agent waits for.
func (s *spanSession) connect(a *spanAgent) {
	for i, c := range a.calls {
		before := s.frontier(a.calls[:i], c)
		if len(before) == 0 {
			c.step.After = s.first(a, c)
			continue
		}
		latest := before[0]
		for _, b := range before {
			if b.over.After(latest.over) {
				latest = b
			}
		}
		for _, b := range before {
			edge := workloads.After{Step: b.call.step.ID, On: b.on, Inferred: len(before) > 1}
			if b == latest {
				edge.Delay = workloads.Millis(max(0, c.span.start.Sub(b.replayed)))
				edge.Cause = b.call.gapCause(c)
			}
			c.step.After = append(c.step.After, edge)
		}
	}
}

// first is what an agent's call without a predecessor waits for.
func (s *spanSession) first(a *spanAgent, c *spanCallStep) []workloads.After {
	if a.owner != nil {
		return []workloads.After{{Step: a.owner.step.ID, On: workloads.OnLLMDone,
			Delay: workloads.Millis(max(0, c.span.start.Sub(a.owner.span.end))), Cause: workloads.CauseTool}}
	}
	if d := c.span.start.Sub(s.began); d > 0 {
		return []workloads.After{{Delay: workloads.Millis(d), Cause: workloads.CauseUnknown}}
	}
	return nil
}

// gapCause is what passes between two calls.
func (c *spanCallStep) gapCause(next *spanCallStep) workloads.Cause {
	switch {
	case c.span.trace != next.span.trace:
		return workloads.CauseHuman
	case len(c.step.Tools) > 0:
		return workloads.CauseTool
	}
	return workloads.CauseUnknown
}

// moment is when a call was over, for one that waits for it.
type moment struct {
	call     *spanCallStep
	on       workloads.On
	over     time.Time // in the recording
	replayed time.Time // in a replay at the recorded speed
}

// frontier are the calls that c waits for: those over when it started, less
// those that another of these had waited for.
func (s *spanSession) frontier(earlier []*spanCallStep, c *spanCallStep) []moment {
	var over []moment
	for _, b := range earlier {
		switch {
		case !b.toolsOver.After(c.span.start):
			over = append(over, moment{b, workloads.OnToolsDone, b.toolsOver, b.toolsEnd})
		case !b.span.end.After(c.span.start):
			over = append(over, moment{b, workloads.OnLLMDone, b.span.end, b.span.end})
		}
	}
	var last []moment
	for _, m := range over {
		waited := false
		for _, k := range over {
			waited = waited || k.call != m.call && !k.call.span.start.Before(m.over)
		}
		if !waited {
			last = append(last, m)
		}
	}
	return last
}
