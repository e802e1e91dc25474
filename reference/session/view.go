package session

import (
	"encoding/json"
	"maps"
	"strconv"

	"tierlab/reference/agent"
	"tierlab/reference/tools"
	"tierlab/workloads"
)

func number(n int32) string { return strconv.Itoa(int(n)) }

// view shows the session as of its last record.
func (a *actor) view() *View {
	v := a.life.view()
	v.Owner, v.Epoch = a.rt.cfg.Owner, a.head.Epoch
	return v
}

func (l *life) view() *View {
	v := &View{
		Spec: l.created.Spec, Record: l.seq, Begun: l.begun, State: maps.Clone(l.state),
		USD: l.machine.Cost().Total(), Digest: l.digest,
	}
	if !l.over {
		v.Digest = l.machine.Digest()
	}
	maps.DeleteFunc(v.State, func(k string, _ []byte) bool { return k[:1] == ownKeys })
	if l.over {
		v.Status = l.status
	} else {
		v.Waiting = l.waiting()
	}
	for s := range l.steps {
		v.Steps = append(v.Steps, l.stepView(int32(s)))
		for _, at := range v.Steps[s].Outcome.Attempts {
			v.Tokens += at.Input + at.Output
		}
	}
	for i := range l.pending {
		p := &l.pending[i]
		if p.Kind != agent.RunTool {
			continue
		}
		if t := l.tool(p.Step, p.Tool); t.asked && t.verdict == nil {
			v.Pending = append(v.Pending, l.approval(p.Step, p.Tool))
		}
	}
	if l.open() {
		last := int32(len(l.graph.Steps) - 1)
		v.Messages = l.messages[:len(l.messages):len(l.messages)]
		if answer := l.step(last).answer; answer != nil {
			v.Messages = l.prompt(last, answer)
			if l.finished && l.status == workloads.StatusOK {
				v.Answer = answer.Content
			}
		}
	}
	return v
}

func (l *life) approval(s, t int32) Approval {
	name, args := l.asks(s, t)
	return Approval{Step: int(s) + 1, Tool: int(t) + 1, Name: name, Arguments: args, Asked: l.begun.Add(l.tool(s, t).askedAt)}
}

// asks is what a step's tool call is of. Arguments that are no JSON are shown as
// a string.
func (l *life) asks(s, t int32) (string, json.RawMessage) {
	if answer := l.step(s).answer; l.open() && answer != nil && int(t) < len(answer.Calls) {
		c := &answer.Calls[t]
		args := json.RawMessage(c.Arguments)
		if len(args) > 0 && !json.Valid(args) {
			args, _ = json.Marshal(c.Arguments)
		}
		return c.Name, args
	}
	return l.graph.Steps[s].Step.Tools[t].Name, nil
}

func (l *life) stepView(s int32) StepView {
	st := l.step(s)
	v := StepView{Number: int(s) + 1, ID: l.graph.Steps[s].Step.ID, Errors: st.errors, Nowhere: st.nowhere}
	l.machine.StepOutcome(s, &v.Outcome)
	v.Outcome.Session, v.Outcome.Measured = l.created.Spec.ID, true
	if !l.ended(s) && !l.finished {
		v.Outcome.Status, v.Outcome.End = "", 0
	}
	if l.open() && v.Outcome.LLMDone > 0 {
		v.Answer = st.answer
	}
	for t := range st.tools {
		v.Tools = append(v.Tools, l.toolView(s, int32(t)))
	}
	return v
}

// ended says that a step has come to its end.
func (l *life) ended(s int32) bool { return int(s) < len(l.steps) && l.steps[s].over }

func (l *life) toolView(s, n int32) ToolView {
	t := l.tool(s, n)
	v := ToolView{Key: tools.Key(l.created.Spec.ID, int(s), int(n))}
	v.Name, v.Arguments = l.asks(s, n)
	if t.verdict != nil {
		v.Verdict = &Verdict{OK: t.verdict.OK, By: t.verdict.By, Why: t.verdict.Why}
	}
	end := t.end
	if end == nil || !t.done {
		return v
	}
	v.Result, v.Error, v.USD = end.Result, end.Error, end.USD
	v.Took = workloads.Millis(end.Took).D()
	if v.Status = end.Status; v.Status == "" {
		v.Status = workloads.StatusOK
	}
	for _, w := range end.Writes {
		v.Writes = append(v.Writes, w.Key)
	}
	return v
}

// waiting says for what the session waits.
func (l *life) waiting() string {
	for i := range l.pending {
		p := &l.pending[i]
		switch p.Kind {
		case agent.Start:
			return "step " + number(p.Step+1) + ": its model"
		case agent.RunTool:
			name, _ := l.asks(p.Step, p.Tool)
			if t := l.tool(p.Step, p.Tool); t.asked && t.verdict == nil {
				return "step " + number(p.Step+1) + ": a person, to approve " + name
			}
			if name == WaitMessage {
				return "step " + number(p.Step+1) + ": a message"
			}
			return "step " + number(p.Step+1) + ": tool " + name
		case agent.Validate:
			return "step " + number(p.Step+1) + ": its validator"
		case agent.Route, agent.Commit:
			return "step " + number(p.Step+1) + ": its own records"
		}
	}
	if len(l.timers) > 0 {
		return "a timer"
	}
	return "nothing"
}
