package importers

import (
	"fmt"
	"slices"

	"tierlab/workloads"
)

// wekaAgent is a sub-agent that a request of its parent started.
type wekaAgent struct {
	owner int   // the request, or -1 where none came before
	calls []int // its own requests, in their order; not those of agents below it
}

// agent imports the requests of one agent, which starts at base seconds. Its
// first request waits for the answer of call owner, or for the session's
// arrival when owner is -1. It returns the numbers of the agent's own calls.
func (s *wekaSession) agent(entries []wekaEntry, base float64, prefix string, owner int) ([]int, error) {
	typical := typicalTimes(entries)
	var own []int
	var below []wekaAgent // started since the last own call
	for i := range entries {
		e := &entries[i]
		if e.Type == "subagent" {
			sub, err := s.subagent(e, base, prefix, own)
			if err != nil {
				return nil, err
			}
			if sub != nil {
				below = append(below, *sub)
			}
			continue
		}
		c, err := s.call(e, base, fmt.Sprintf("%s%d", prefix, len(own)+1), own)
		if err != nil {
			return nil, err
		}
		c.end = c.start + s.duration(entries, i, typical)
		c.over = c.end
		c.step.After = s.waits(c, own, below, owner)
		own = append(own, len(s.calls))
		below = nil
		s.calls = append(s.calls, c)
	}
	return own, nil
}

// call makes the step of a request, without what it waits for.
func (s *wekaSession) call(e *wekaEntry, base float64, id string, own []int) (*wekaCall, error) {
	if e.Type != "n" && e.Type != "s" {
		return nil, fmt.Errorf("%s: request %s: type: %q, want n, s or subagent", s.place, id, e.Type)
	}
	if e.T < 0 || e.In < 0 || e.Out < 0 || e.APITime != nil && *e.APITime < 0 {
		return nil, fmt.Errorf("%s: request %s: t, in, out and api_time must not be negative", s.place, id)
	}
	c := &wekaCall{entry: e, start: base + e.T}
	var previous []int64
	if n := len(own); n > 0 {
		before := s.calls[own[n-1]]
		previous = before.ids
		if c.start < before.start {
			return nil, fmt.Errorf("%s: request %s: t: %g s, before the request above it", s.place, id, e.T)
		}
	}
	var err error
	if c.ids, err = e.blocks(previous, s.trace.BlockSize); err != nil {
		return nil, fmt.Errorf("%s: request %s: %w", s.place, id, err)
	}
	c.step = &workloads.Step{ID: id, LLM: workloads.LLM{Model: e.Model, OutputTokens: e.Out}}
	if e.APITime != nil {
		c.step.LLM.Recorded = ptr(seconds(*e.APITime))
	}
	if e.TTFT != nil {
		c.step.LLM.RecordedTTFT = ptr(seconds(*e.TTFT))
	}
	if slices.Contains(e.OutputTypes, "tool_use") {
		s.out.count(1, "requests end in tool calls whose number and durations are not in the source; their time is in the gap behind them")
	}
	return c, nil
}

// subagent imports a sub-agent as a tool call of the last of the parent's own
// calls.
func (s *wekaSession) subagent(e *wekaEntry, base float64, prefix string, own []int) (*wekaAgent, error) {
	if len(e.Requests) == 0 {
		s.out.count(1, "sub-agents without a request are left out")
		return nil, nil
	}
	name := prefix + e.AgentID + "/"
	for k := 2; s.agents[name]; k++ {
		name = fmt.Sprintf("%s%s#%d/", prefix, e.AgentID, k)
	}
	s.agents[name] = true
	owner := -1
	if n := len(own); n > 0 {
		owner = own[n-1]
	} else {
		s.out.count(1, "sub-agents come before any request of their parent and start by themselves")
	}
	if e.absolute() {
		s.out.count(1, "sub-agents' requests count from the session's start, not from the sub-agent's; only so do they end when it does")
		base = -e.T
	}
	calls, err := s.agent(e.Requests, base+e.T, name, owner)
	if err != nil {
		return nil, err
	}
	sub := &wekaAgent{owner: owner, calls: calls}
	if owner >= 0 && len(calls) > 0 {
		tool := workloads.Tool{Name: "subagent"}
		if e.SubagentType != "" {
			tool.Name += ":" + e.SubagentType
		}
		for _, i := range calls {
			tool.Spawn = append(tool.Spawn, s.calls[i].step.ID)
		}
		parent := s.calls[owner]
		parent.step.Tools = append(parent.step.Tools, tool)
		for _, i := range calls {
			parent.over = max(parent.over, s.calls[i].over)
		}
	}
	return sub, nil
}

// agentSlack is how long before its end, in seconds, a sub-agent's last answer
// may come.
const agentSlack = 6

// absolute says whether a sub-agent's requests count from the session's start:
// they come after its t, and they fit its duration so and only so.
func (e *wekaEntry) absolute() bool {
	last := 0.0
	for i := range e.Requests {
		r := &e.Requests[i]
		if r.T < e.T {
			return false
		}
		end := r.T
		if r.APITime != nil {
			end += *r.APITime
		}
		last = max(last, end)
	}
	limit := e.DurationMS/1000 + agentSlack
	return e.DurationMS > 0 && last > limit && last-e.T <= limit
}

// waits are the edges of call c: own are the agent's calls before it, below
// the sub-agents started since the last of them, owner the call that started
// the agent.
func (s *wekaSession) waits(c *wekaCall, own []int, below []wekaAgent, owner int) []workloads.After {
	if len(own) == 0 {
		if owner < 0 {
			if c.start == 0 {
				return nil
			}
			return []workloads.After{{Delay: seconds(c.start), Cause: workloads.CauseUnknown}}
		}
		p := s.calls[owner]
		return []workloads.After{{Step: p.step.ID, On: workloads.OnLLMDone, Delay: s.gap(p.end, c), Cause: workloads.CauseTool}}
	}
	p := s.calls[own[len(own)-1]]
	ended, latest := s.endedBy(below, c.start)
	switch {
	case len(below) > 0 && len(ended) == 0:
		return []workloads.After{{Step: p.step.ID, On: workloads.OnLLMDone, Delay: s.gap(p.end, c), Cause: c.entry.cause()}}
	case len(ended) == len(below):
		return []workloads.After{{Step: p.step.ID, Delay: s.gap(max(p.end, latest), c), Cause: c.entry.cause(), Inferred: len(below) > 0}}
	}
	var after []workloads.After
	for _, sub := range ended {
		for k, i := range sub.calls {
			last := s.calls[i]
			if k < len(sub.calls)-1 && len(last.step.Tools) == 0 {
				continue
			}
			a := workloads.After{Step: last.step.ID, Inferred: true}
			if last.over == latest {
				a.Delay, a.Cause = s.gap(latest, c), c.entry.cause()
			}
			after = append(after, a)
		}
	}
	return after
}

// endedBy are the sub-agents that were over at a time, and the latest of their
// ends. Times are sums of fractions of seconds, so a microsecond is allowed.
func (s *wekaSession) endedBy(below []wekaAgent, at float64) (ended []wekaAgent, latest float64) {
	for _, sub := range below {
		over := 0.0
		for _, i := range sub.calls {
			over = max(over, s.calls[i].over)
		}
		if len(sub.calls) > 0 && over <= at+1e-6 && s.calls[sub.calls[len(sub.calls)-1]].start < at {
			ended = append(ended, sub)
			latest = max(latest, over)
		}
	}
	return ended, latest
}

// gap is the time from the end of a call to the start of c.
func (s *wekaSession) gap(end float64, c *wekaCall) workloads.Millis {
	if end > c.start+1 { // starts are rounded to a second
		s.out.count(1, "requests start more than a second before the previous one of their agent has ended; their gap is taken as 0")
	}
	return seconds(c.start - end)
}

// duration is how long request i took: as recorded, else as is typical, but
// no longer than until the next request of the agent.
func (s *wekaSession) duration(entries []wekaEntry, i int, typical map[string]float64) float64 {
	e := &entries[i]
	if e.APITime != nil {
		return *e.APITime
	}
	s.out.count(1, "requests have no api_time; the gap behind them is reckoned with the median of their agent")
	d, ok := typical[e.Type]
	if !ok {
		d = typical[""]
	}
	for k := i + 1; k < len(entries); k++ {
		if entries[k].Type != "subagent" {
			return max(0, min(d, entries[k].T-e.T))
		}
	}
	return d
}

// typicalTimes are the medians of api_time by type of request, and under ""
// that of all.
func typicalTimes(entries []wekaEntry) map[string]float64 {
	times := map[string][]float64{}
	for i := range entries {
		if e := &entries[i]; e.APITime != nil {
			times[e.Type] = append(times[e.Type], *e.APITime)
			times[""] = append(times[""], *e.APITime)
		}
	}
	typical := map[string]float64{}
	for kind, all := range times {
		slices.Sort(all)
		typical[kind] = all[len(all)/2]
	}
	return typical
}
