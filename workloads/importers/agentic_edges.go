package importers

import (
	"slices"

	"tierlab/workloads"
)

// agenticSession is one session on its way from rows to steps.
type agenticSession struct {
	rows    []*agenticRow
	arrival *workloads.Millis
	steps   []workloads.Step
	index   map[string]int // of a request id
}

// connect writes the edges of rows with wait_for.
func (g *agenticSession) connect() {
	g.assignTools()
	for i, r := range g.rows {
		s := &g.steps[i]
		if len(r.WaitFor) == 0 {
			if d := g.sinceArrival(r); d > 0 {
				s.After = []workloads.After{{Delay: d, Cause: workloads.CauseUnknown}}
			}
			continue
		}
		wait, cause := seconds((r.delay()+r.ToolWait)/1000), workloads.CauseUnknown
		if r.ToolWait > 0 {
			cause = workloads.CauseTool
		}
		on := workloads.OnLLMDone
		if p := g.producer(r); p >= 0 && len(g.steps[p].Tools) > 0 && len(r.Tools) > 0 {
			on = workloads.OnToolsDone
			var longest workloads.Millis
			for _, t := range g.steps[p].Tools {
				longest = max(longest, t.Duration)
			}
			if wait = max(0, wait-longest); wait <= seconds(r.delay()/1000) {
				cause = workloads.CauseUnknown
			}
		}
		if wait == 0 {
			cause = workloads.CauseNone
		}
		for _, id := range r.WaitFor {
			s.After = append(s.After, workloads.After{Step: id, On: on, Delay: wait, Cause: cause})
		}
	}
}

// assignTools moves tool events to the row that asked for them, where that is
// certain.
func (g *agenticSession) assignTools() {
	unsure := make([]bool, len(g.rows))
	consumer := make([]*agenticRow, len(g.rows))
	for _, r := range g.rows {
		p := g.producer(r)
		switch {
		case p < 0 || len(r.Tools) == 0:
		case consumer[p] != nil && !slices.Equal(consumer[p].Tools, r.Tools):
			unsure[p] = true
		default:
			consumer[p] = r
		}
	}
	for p, r := range consumer {
		if r == nil || unsure[p] {
			continue
		}
		for _, e := range r.Tools {
			tool := workloads.Tool{Name: e.Class, Duration: seconds(e.Duration / 1000), BytesOut: e.OutputBytes}
			if tool.Name == "" {
				tool.Name = "tool"
			}
			switch e.Status {
			case "", "ok", "success", "succeeded", "completed":
			case "timeout":
				tool.Status = "timeout"
			default:
				tool.Status = "error"
			}
			g.steps[p].Tools = append(g.steps[p].Tools, tool)
		}
	}
}

// producer is the only row that r waits for, or -1.
func (g *agenticSession) producer(r *agenticRow) int {
	if len(r.WaitFor) != 1 {
		return -1
	}
	return g.index[r.WaitFor[0]]
}

// chain writes the edges of rows that only have a session, and the contexts of
// those that give what is new.
func (g *agenticSession) chain(out *sink) {
	for i, r := range g.rows {
		out.count(min(len(r.Text), 1), "rows give text; its tokens are estimated, four bytes a token, where they have no input_length")
		if i == 0 {
			continue
		}
		before := g.rows[i-1]
		if base := &g.steps[i-1].LLM; len(r.HashIDs) == 0 {
			g.steps[i].LLM.Context = workloads.Context{From: before.RequestID, Keep: base.Context.Tokens() + base.OutputTokens, Add: *r.Input}
		}
		after := workloads.After{Step: before.RequestID, Delay: seconds(r.delay() / 1000)}
		if after.Delay > 0 {
			after.Cause = workloads.CauseUnknown
		}
		g.steps[i].After = []workloads.After{after}
		if r.Delay == nil && r.Timestamp != nil && before.Timestamp != nil {
			out.count(1, "later turns have a timestamp and no delay: they wait for the turn before, and as long since its start as recorded")
			g.steps[i].After = append(g.steps[i].After, workloads.After{Step: before.RequestID, On: workloads.OnStart,
				Delay: seconds((*r.Timestamp - *before.Timestamp) / 1000), Cause: workloads.CauseUnknown})
		}
	}
}

func (r *agenticRow) delay() float64 {
	if r.Delay == nil {
		return 0
	}
	return *r.Delay
}

// sinceArrival is when a row without predecessors starts.
func (g *agenticSession) sinceArrival(r *agenticRow) workloads.Millis {
	if r.Timestamp == nil || g.arrival == nil {
		return seconds(r.delay() / 1000)
	}
	return max(0, seconds(*r.Timestamp/1000)-*g.arrival)
}
