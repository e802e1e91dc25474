package agent

import (
	"tierlab/reference/router"
	"tierlab/workloads"
)

func (m *Machine) exhausted(st *step) bool {
	return int(st.attempts-st.before-st.hedges-st.lost) >= m.cfg.MaxAttempts
}

func (m *Machine) onAttemptDone(e *Event) {
	st := &m.steps[e.Step]
	i := m.find(st, e.Attempt)
	if i < 0 {
		return
	}
	m.settle(i, e)
	st.unsettled--
	if m.stopped() {
		return
	}
	if st.racing[0] != i && st.racing[1] != i { // the other side of a hedge has won
		if st.phase == over && st.unsettled == 0 {
			m.report(e.Step, st)
		}
		return
	}
	m.leaveRace(e, st, i)
}

// settle writes an attempt's end into the log. What was decided about it
// stands: an answer that crosses its cancellation is not used.
func (m *Machine) settle(i int32, e *Event) {
	a := &m.attempts[i]
	a.settled, a.done = true, m.now
	m.open--
	a.status = e.Status
	if a.status == "" {
		a.status = workloads.StatusError
	}
	if a.stopping != "" {
		a.status = a.stopping
	}
	var none Call
	c := e.Call
	if c == nil {
		c = &none
	}
	a.queue, a.network, a.prefill, a.decode = c.Queue, c.Network, c.Prefill, c.Decode
	if !fit(a, a.done-a.sent) {
		m.violations++
	}
	if a.first == 0 && c.First > 0 {
		a.first = min(max(c.First, a.sent), a.done)
	}
	a.cached, a.output = int32(c.Cached), int32(c.Output)
	a.joules = c.Joules
	a.fatal = e.Fatal
	if c.Correct != nil {
		a.correct = 0
		if *c.Correct {
			a.correct = 1
		}
	}
	m.settleAttempt(a, c)
	if a.status != workloads.StatusOK || a.compact || !m.cfg.Validate {
		m.release(a.check)
		a.check = 0
	}
}

// leaveRace is what follows from the end of an attempt that was in the race:
// the first answer wins it, and the last failure loses it.
func (m *Machine) leaveRace(e *Event, st *step, i int32) {
	s := e.Step
	other := st.racing[0] + st.racing[1] - i
	a := &m.attempts[i]
	if a.status != workloads.StatusOK {
		m.fail(st, a)
		if other >= 0 {
			st.racing = [2]int32{other, -1}
			return
		}
	}
	st.racing = [2]int32{-1, -1}
	m.attribute(st, a)
	switch {
	case a.status != workloads.StatusOK:
		m.retry(s, st, a)
	default:
		m.cancel(other, workloads.StatusCancelled)
		m.grow(e.Program)
		m.answered(s, &m.steps[s], i)
	}
}

// fail counts a failure of a step's call. An attempt that was lost with the
// process that waited for it says nothing of its site.
func (m *Machine) fail(st *step, a *attempt) {
	if a.status == workloads.StatusLost {
		if !a.hedge {
			st.lost++
		}
		return
	}
	m.failures++
	st.failures++
	st.why = a.status
}

// answered passes an answer on: to the compaction, to the validator, or on as
// the step's.
func (m *Machine) answered(s int32, st *step, i int32) {
	a := &m.attempts[i]
	if a.compact {
		m.compactDone(s, st)
		return
	}
	m.remember(a)
	st.answer = i
	if !m.cfg.Validate {
		m.accept(s, st, i)
		return
	}
	m.enter(st, validating)
	st.flags |= awaiting
	m.ask(Effect{Kind: Validate, Step: s, Attempt: a.number, Target: a.target})
}

func (m *Machine) onValidated(e *Event) {
	st := &m.steps[e.Step]
	if st.phase != validating || !st.flags.has(awaiting) || m.attempts[st.answer].number != e.Attempt {
		return
	}
	a := &m.attempts[st.answer]
	st.flags &^= awaiting
	m.open--
	m.book(&m.cost.Validation, m.price(e.USD), a.check.usd())
	m.release(a.check)
	a.check = 0
	a.fatal = a.fatal || e.Fatal
	if m.stopped() {
		return
	}
	if e.Pass {
		m.accept(e.Step, st, st.answer)
		return
	}
	a.status = workloads.StatusInvalid
	st.escalation++
	m.fail(st, a)
	m.retry(e.Step, st, a)
}

// retry is what follows when a model call has failed once more: a fallback at
// once, or the router again after a pause.
func (m *Machine) retry(s int32, st *step, a *attempt) {
	if a.status == workloads.StatusLost {
		st.ready = m.now
		m.route(s, st)
		return
	}
	if m.exhausted(st) {
		m.giveUp(s, st, st.why)
		return
	}
	if a.status != workloads.StatusInvalid {
		if t := st.plan.fallback(a); m.exists(t) {
			st.ready = m.now
			m.try(s, st, t)
			return
		}
	}
	pause := m.cfg.backoff(int(st.failures), m.Draw(s, a.number))
	if a.status == workloads.StatusInvalid && m.cfg.EscalateAtOnce {
		pause = 0
	}
	st.ready = m.now + pause
	if pause == 0 {
		m.route(s, st)
		return
	}
	m.enter(st, pausing)
	m.emit(Effect{Kind: SetTimer, Timer: Backoff, Step: s, Attempt: st.attempts, At: st.ready})
}

// fallback is the decision's next target that the failure leaves promising: a
// full queue condemns its target only, any other failure the whole site.
func (p *plan) fallback(failed *attempt) router.Target {
	for p.next < p.count {
		t := p.fallbacks[p.next]
		p.next++
		if t.Site != failed.target.Site || failed.status == workloads.StatusRejected && t != failed.target {
			return t
		}
	}
	return router.NoTarget
}

func (m *Machine) onBackoff(e *Event) {
	st := &m.steps[e.Step]
	if st.phase == pausing && st.attempts == e.Attempt && m.now >= st.ready {
		m.route(e.Step, st)
	}
}

// giveUp ends the tries at a step's model call: with the latest answer that
// there is, or with the session.
func (m *Machine) giveUp(s int32, st *step, why workloads.Status) {
	switch {
	case st.flags.has(compacting):
		m.compactFailed(s, st)
	case st.answer >= 0 && !m.cfg.StopRefused:
		m.accept(s, st, st.answer)
	default:
		m.stop(why, s)
	}
}
