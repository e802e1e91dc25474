package agent

import (
	"time"

	"tierlab/reference/router"
	"tierlab/workloads"
)

// attempt is an entry of the session's log of attempts.
type attempt struct {
	step, number int32
	next         int32 // the step's next attempt in the log, or -1
	target       router.Target
	hedge        bool
	compact      bool // of the step's compaction call
	settled      bool
	fatal        bool
	correct      int8 // -1 unknown, 0 wrong, 1 right
	status       workloads.Status
	stopping     workloads.Status // why it was cancelled; empty: it was not

	due, sent, first, done          time.Duration
	queue, network, prefill, decode time.Duration // sum to done - sent

	input, cached, output int32
	usd, egress, joules   float64
	estimate              time.Duration
	reason                string

	price, check picoUSD // reserved for it and for its validation
	tokens       int32   // reserved
}

// plan is what a step keeps of the router's latest decision.
type plan struct {
	fallbacks   [3]router.Target
	count, next int8
	reserve     float64
	hedgeAfter  time.Duration
	estimate    time.Duration
	reason      string
	// first is where the attempt goes that waits for a commit, price and
	// tokens what is reserved for it meanwhile.
	first  router.Target
	price  picoUSD
	tokens int
}

// call begins a step's model call, after a compaction call where the context
// has grown too long.
func (m *Machine) call(s int32, st *step) {
	m.inherit(s, st)
	if m.mustCompact(s, st) {
		st.flags |= compacting
	}
	m.route(s, st)
}

func (m *Machine) route(s int32, st *step) {
	need := pico(m.cfg.OrchestrationUSD)
	switch m.fits(need, 0) {
	case refused:
		m.giveUp(s, st, workloads.StatusBudget)
	case later:
		m.enter(st, holding)
	case granted:
		m.reserved += need
		st.overhead += need
		m.enter(st, routing)
		st.flags |= awaiting
		m.ask(Effect{Kind: Route, Step: s, Attempt: st.attempts + 1})
	}
}

func (m *Machine) onRouted(e *Event) {
	st := &m.steps[e.Step]
	if st.phase != routing || !st.flags.has(awaiting) || e.Attempt != st.attempts+1 {
		return
	}
	st.flags &^= awaiting
	m.open--
	m.settleOverhead(st, &m.cost.Orchestration, e.USD, m.cfg.OrchestrationUSD)
	if m.stopped() {
		return
	}
	d := e.Decision
	if d == nil || !m.exists(d.Target) {
		why := workloads.StatusNoSite
		if d != nil && d.Reason == string(router.RuleBudget) {
			why = workloads.StatusBudget
		}
		m.giveUp(e.Step, st, why)
		return
	}
	st.plan = plan{
		fallbacks: d.Fallbacks, count: int8(min(max(d.FallbackCount, 0), len(d.Fallbacks))),
		reserve: d.ReserveUSD, hedgeAfter: d.HedgeAfter, estimate: d.Estimate, reason: d.Reason,
	}
	m.try(e.Step, st, d.Target)
}

func (m *Machine) exists(t router.Target) bool {
	w := m.prog.world
	return t.Site >= 0 && int(t.Site) < len(w.Sites) && t.Model >= 0 && int(t.Model) < len(w.Models)
}

// try starts an attempt if the budget has room for it; a step's first one is
// committed before.
func (m *Machine) try(s int32, st *step, t router.Target) {
	switch m.reserveAttempt(s, st) {
	case refused:
		m.giveUp(s, st, workloads.StatusBudget)
	case later:
		m.enter(st, holding)
	case granted:
		if m.cfg.CommitEach && !st.flags.has(stored) {
			m.store(s, st, t)
			return
		}
		m.send(s, st, t)
	}
}

func (m *Machine) send(s int32, st *step, t router.Target) {
	m.enter(st, calling)
	st.racing[0] = m.launch(s, st, t, false)
	a := &m.attempts[st.racing[0]]
	if m.cfg.Hedge && st.plan.hedgeAfter > 0 && st.plan.next < st.plan.count {
		m.emit(Effect{Kind: SetTimer, Timer: Hedge, Step: s, Attempt: a.number, At: m.now + st.plan.hedgeAfter})
	}
}

// launch starts an attempt and returns its place in the log.
func (m *Machine) launch(s int32, st *step, t router.Target, hedge bool) int32 {
	st.attempts++
	st.unsettled++
	at := int32(len(m.attempts))
	a := attempt{
		step: s, number: st.attempts, next: -1, target: t, hedge: hedge, compact: st.flags.has(compacting),
		correct: -1, due: st.ready, sent: m.now, input: int32(m.EffectiveInput(s)),
		price: m.attemptPrice(st), check: m.checkPrice(st),
	}
	a.tokens = a.input + int32(m.EffectiveOutput(s))
	if a.reason = st.plan.reason; a.compact {
		a.reason = compactReason
	}
	if !hedge && st.plan.next == 0 {
		a.estimate = st.plan.estimate
	}
	m.reserved += a.price + a.check
	m.reservedTokens += int(a.tokens)
	m.attempts = append(m.attempts, a)
	if st.last >= 0 {
		m.attempts[st.last].next = at
	} else {
		st.first = at
	}
	st.last = at
	m.ask(Effect{Kind: Start, Step: s, Attempt: a.number, Target: t, Watch: m.cfg.Hedge && st.plan.hedgeAfter > 0})
	if d := m.cfg.AttemptTimeout; d > 0 {
		m.emit(Effect{Kind: SetTimer, Timer: Timeout, Step: s, Attempt: a.number, At: m.now + d})
	}
	return at
}

// find is the place in the log of a step's attempt that is not settled, or -1.
func (m *Machine) find(st *step, number int32) int32 {
	for i := st.first; i >= 0; i = m.attempts[i].next {
		if a := &m.attempts[i]; a.number == number && !a.settled {
			return i
		}
	}
	return -1
}

// cancel stops an attempt; its AttemptDone follows.
func (m *Machine) cancel(i int32, why workloads.Status) {
	if i < 0 || m.attempts[i].settled || m.attempts[i].stopping != "" {
		return
	}
	a := &m.attempts[i]
	a.stopping = why
	m.emit(Effect{Kind: Cancel, Step: a.step, Attempt: a.number, Status: why})
}

func (m *Machine) onFirstToken(e *Event) {
	if i := m.find(&m.steps[e.Step], e.Attempt); i >= 0 && m.attempts[i].first == 0 {
		m.attempts[i].first = m.now
	}
}

// onHedge starts the second attempt when the first has given no token yet. It
// is optional: without budget or attempts left it is not made.
func (m *Machine) onHedge(e *Event) {
	st := &m.steps[e.Step]
	i := m.find(st, e.Attempt)
	if i < 0 || st.phase != calling || st.racing != [2]int32{i, -1} || st.plan.next >= st.plan.count {
		return
	}
	a := &m.attempts[i]
	if a.first > 0 || a.stopping != "" || m.now < a.sent+st.plan.hedgeAfter || m.exhausted(st) {
		return
	}
	t := st.plan.fallbacks[st.plan.next]
	if !m.exists(t) || m.reserveAttempt(e.Step, st) != granted {
		return
	}
	st.plan.next++
	st.ready = m.now
	st.hedges++
	st.racing[1] = m.launch(e.Step, st, t, true)
}

func (m *Machine) onTimeout(e *Event) {
	i := m.find(&m.steps[e.Step], e.Attempt)
	if i >= 0 && m.cfg.AttemptTimeout > 0 && m.now >= m.attempts[i].sent+m.cfg.AttemptTimeout {
		m.cancel(i, workloads.StatusTimeout)
	}
}
