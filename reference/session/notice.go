package session

import (
	"tierlab/reference/agent"
	"tierlab/workloads"
)

// watched says whether anybody wants to know. Notices go out once what they tell
// of is durable.
func (a *actor) watched() bool {
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	return len(a.rt.watchers[a.id])+len(a.rt.watchers[""]) > 0
}

func (a *actor) notice(make func() Notice) {
	if !a.watched() {
		return
	}
	n := make()
	n.Session = a.id
	a.after = append(a.after, func(err error) {
		if err != nil {
			return
		}
		a.rt.mu.Lock()
		list := append([]*watcher(nil), a.rt.watchers[a.id]...)
		list = append(list, a.rt.watchers[""]...)
		a.rt.mu.Unlock()
		for _, w := range list {
			w.tell(n)
		}
	})
}

func (a *actor) noticeCall(r *answered) {
	a.notice(func() Notice {
		var o workloads.Outcome
		a.life.machine.StepOutcome(r.Step, &o)
		n := Notice{Kind: Called, At: a.life.now, Step: int(r.Step) + 1, Text: r.Error}
		if int(r.Attempt) <= len(o.Attempts) {
			n.Attempt = &o.Attempts[r.Attempt-1]
		}
		if a.life.open() && n.Attempt != nil && n.Attempt.Status == workloads.StatusOK {
			n.Answer = r.Message
		}
		return n
	})
}

func (a *actor) noticeTool(id toolID) {
	a.notice(func() Notice {
		v := a.life.toolView(id.step, id.tool)
		return Notice{Kind: ToolRan, At: a.life.now, Step: int(id.step) + 1, Tool: &v}
	})
}

func (a *actor) noticeAsked(id toolID) {
	a.notice(func() Notice {
		ask := a.life.approval(id.step, id.tool)
		return Notice{Kind: Asked, At: a.life.now, Step: int(id.step) + 1, Ask: &ask}
	})
}

func (a *actor) noticeSaid(text string) {
	a.notice(func() Notice { return Notice{Kind: Said, At: a.life.now, Text: text} })
}

// stepDone tells of a step's end.
func (a *actor) stepDone(s int32) {
	a.notice(func() Notice {
		v := a.life.stepView(s)
		return Notice{Kind: StepEnded, At: a.life.now, Step: int(s) + 1, Outcome: &v.Outcome, Text: v.Nowhere}
	})
}

// finish writes the session's last record.
func (a *actor) finish(e *agent.Effect) {
	l := &a.life
	a.log(&ended{Status: e.Status, Digest: l.machine.Digest(), Error: l.why, fresh: true})
	if a.gone {
		return
	}
	a.summarize("", false)
	a.notice(func() Notice {
		o := l.outcome()
		return Notice{Kind: Ended, At: l.now, Outcome: &o}
	})
}

// outcome is the session's own.
func (l *life) outcome() workloads.Outcome {
	var o workloads.Outcome
	l.machine.SessionOutcome(&o)
	o.Session, o.Measured = l.created.Spec.ID, true
	if o.Result != nil {
		o.Result.Measured = true
	}
	return o
}
