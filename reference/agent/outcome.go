package agent

import "tierlab/workloads"

// StepOutcome fills o for a StepDone effect, until the next Reset, reusing
// o.Attempts; o.Session is the driver's to name. A step that ended keeps the
// status of its answer: ok, or invalid when the session went on with an answer
// that the validator had refused. A step that the session's end cut short has
// the session's status if it caused that end, and is cancelled otherwise.
func (m *Machine) StepOutcome(s int32, o *workloads.Outcome) {
	st := &m.steps[s]
	o.Template = m.prog.graph.Session.ID
	o.Step = m.prog.graph.Steps[s].Step.ID
	o.Result = nil
	o.Start, o.LLMDone = workloads.Millis(st.due), workloads.Millis(st.llmDone)
	switch {
	case st.phase == over:
		o.Status, o.End = m.attempts[st.answer].status, workloads.Millis(st.done)
	case s == m.blamed:
		o.Status, o.End = m.status, workloads.Millis(m.end)
	default:
		o.Status, o.End = workloads.StatusCancelled, workloads.Millis(m.end)
	}
	o.Attempts = o.Attempts[:0]
	for i := st.first; i >= 0; i = m.attempts[i].next {
		o.Attempts = append(o.Attempts, workloads.Attempt{})
		m.attemptOutcome(&m.attempts[i], &o.Attempts[len(o.Attempts)-1])
	}
}

func (m *Machine) attemptOutcome(a *attempt, o *workloads.Attempt) {
	w := m.prog.world
	site := &w.Sites[a.target.Site]
	*o = workloads.Attempt{
		Site: site.Name, Tier: site.Tier.String(), Model: w.Models[a.target.Model].Name,
		Reason: a.reason, Status: a.status, Hedge: a.hedge,
		Due: workloads.Millis(a.due), Sent: workloads.Millis(a.sent),
		First: workloads.Millis(a.first), Done: workloads.Millis(a.done),
		Queue: workloads.Millis(a.queue), Prefill: workloads.Millis(a.prefill),
		Decode: workloads.Millis(a.decode), Network: workloads.Millis(a.network),
		Input: int(a.input), Cached: int(a.cached), Output: int(a.output),
		USD: a.usd, Egress: a.egress, Joules: a.joules, Estimate: workloads.Millis(a.estimate),
	}
	if a.correct >= 0 {
		o.Correct = &m.verdicts[a.correct]
	}
}

// SessionOutcome fills o for a Finish effect, until the next Reset, reusing
// o.Result. o.Session and
// o.Result.Measured are the driver's to set. The result is Estimated: the
// machine knows the quality model's verdicts only.
func (m *Machine) SessionOutcome(o *workloads.Outcome) {
	g, w := m.prog.graph, m.prog.world
	r := o.Result
	if r == nil {
		r = new(workloads.Result)
	}
	*r = workloads.Result{
		Origin: w.Origins[m.origin].Name, Home: w.Sites[m.home].Name, Tenant: g.Session.Tenant,
		Makespan: workloads.Millis(m.end - m.start), Active: m.split.Active(), Split: m.split,
		Steps: m.accepted, Tools: m.toolsDone, USD: m.cost,
		Resolved: m.status == workloads.StatusOK && m.fatal == 0, Estimated: true,
	}
	*o = workloads.Outcome{
		Session: o.Session, Template: g.Session.ID, Status: m.status,
		Start: workloads.Millis(m.start), End: workloads.Millis(m.end),
		Attempts: o.Attempts[:0], Result: r,
	}
}
