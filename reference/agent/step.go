package agent

import (
	"time"

	"tierlab/reference/router"
	"tierlab/workloads"
)

// phase is where a step is in its life.
type phase uint8

const (
	waiting    phase = iota // for its edges, or for its Due timer
	holding                 // for budget that others have reserved
	routing                 // for the router
	storing                 // for the commit that its model call needs
	calling                 // for an attempt
	validating              // for the validator
	pausing                 // after a failure
	sealing                 // for the commit of its answer
	acting                  // for its tool calls
	over
)

// part is a kind of time in a split.
type part uint8

const (
	inQueue part = iota
	inNetwork
	inPrefill
	inDecode
	inTool
	inState
	inBackoff
	parts
)

// passes is what a step's time in a phase counts as.
func (p phase) passes() part {
	switch p {
	case storing, routing, sealing:
		return inState
	case validating, acting:
		return inTool
	}
	return inBackoff
}

// enter moves a step to its next phase and attributes the time since the last
// one began, as far as the answer's acceptance: what follows it stands in
// toolsAt and done. Of the time in calling, the attempts say what it was.
func (m *Machine) enter(st *step, next phase) {
	switch st.phase {
	case storing, holding, routing, validating, pausing:
		st.split[st.phase.passes()] += m.now - st.mark
		st.mark = m.now
	}
	m.count(st.phase, -1)
	m.count(next, 1)
	st.phase = next
}

// count keeps the numbers of steps in the phases that no answer ends.
func (m *Machine) count(p phase, n int) {
	switch p {
	case holding:
		m.held += n
	case pausing:
		m.pausing += n
	}
}

// happen notes a step's moment; its edges fire before Handle returns.
func (m *Machine) happen(s int32, what moment) {
	m.moments = append(m.moments, happened{s, what})
}

func (m *Machine) settleMoments() {
	for i := 0; i < len(m.moments) && !m.stopped(); i++ {
		h := m.moments[i]
		f := &m.prog.nodes[h.step].fires
		for _, e := range m.prog.fires[f[h.what]:f[h.what+1]] {
			m.fire(e)
			if m.stopped() {
				break
			}
		}
	}
	m.moments = m.moments[:0]
}

// fire counts one edge of a step as met. The step is due when the latest of
// its edges is; of edges due at once, that of the lowest step counts as cause.
func (m *Machine) fire(number int32) {
	e := &m.prog.edges[number]
	st := &m.steps[e.to]
	at := m.now + m.gap(e)
	if st.cause < 0 || at > st.dueAt || at == st.dueAt && e.from < m.prog.edges[st.cause].from {
		st.cause, st.dueAt = number, at
	}
	if st.edges--; st.edges > 0 {
		return
	}
	if st.dueAt <= m.now {
		m.begin(e.to)
		return
	}
	m.armed++
	m.emit(Effect{Kind: SetTimer, Timer: Due, Step: e.to, At: st.dueAt})
}

// gap is an edge's delay under the caps; a user turn also takes the way to the
// user and back. The arrival's edges have that behind them.
func (m *Machine) gap(e *edge) time.Duration {
	if e.cause == workloads.CauseHuman {
		d := capped(e.delay, m.cfg.ThinkCap)
		if e.from >= 0 {
			d += m.turn
		}
		return d
	}
	return capped(e.delay, m.cfg.ToolCap)
}

func (m *Machine) onDue(s int32) {
	st := &m.steps[s]
	if st.phase != waiting || st.edges > 0 || m.now < st.dueAt {
		return
	}
	m.armed--
	m.begin(s)
}

// begin is a step's moment of being due.
func (m *Machine) begin(s int32) {
	if m.stopped() {
		return
	}
	st := &m.steps[s]
	st.phase, st.due, st.mark, st.ready = routing, m.now, m.now, m.now
	m.active++
	m.happen(s, atStart)
	m.admit(s, st)
}

// admit reserves what the step costs beside its attempts, then begins its call.
func (m *Machine) admit(s int32, st *step) {
	switch m.reserveStep(s, st) {
	case refused:
		m.stop(workloads.StatusBudget, s)
	case later:
		m.enter(st, holding)
	case granted:
		m.call(s, st)
	}
}

// store makes durable what made a step due, where its first attempt goes and
// what is reserved for that, before it is sent.
func (m *Machine) store(s int32, st *step, t router.Target) {
	st.flags |= stored
	st.plan.first = t
	st.plan.price, st.plan.tokens = m.attemptPrice(st)+m.checkPrice(st), m.EffectiveInput(s)+m.EffectiveOutput(s)
	m.reserved += st.plan.price
	m.reservedTokens += st.plan.tokens
	m.enter(st, storing)
	n := &m.prog.graph.Steps[s]
	m.commit(s, st, n.Input-n.Keep)
}

// onStored sends the attempt that waited for the commit, or takes back what
// was reserved for it.
func (m *Machine) onStored(s int32, st *step) {
	m.reservedTokens -= st.plan.tokens
	if m.stopped() {
		m.release(st.plan.price)
		return
	}
	m.reserved -= st.plan.price
	m.send(s, st, st.plan.first)
}

func (m *Machine) commit(s int32, st *step, tokens int) {
	st.flags |= awaiting
	bytes := m.cfg.EventBytes + int64(float64(tokens)*m.cfg.BytesPerToken)
	m.ask(Effect{Kind: Commit, Step: s, Attempt: st.attempts, Bytes: bytes})
}

func (m *Machine) onCommitted(e *Event) {
	st := &m.steps[e.Step]
	if !st.flags.has(awaiting) || e.Attempt != st.attempts || st.phase != storing && st.phase != sealing {
		return
	}
	st.flags &^= awaiting
	m.open--
	m.settleOverhead(st, &m.cost.State, e.USD, m.cfg.CommitUSD)
	switch {
	case st.phase == storing:
		m.onStored(e.Step, st)
	case !m.stopped():
		m.act(e.Step, st)
	}
}
