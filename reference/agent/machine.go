package agent

import (
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Machine runs one session. The zero Machine needs a Reset; a Machine may be
// Reset again at any time and then reuses its memory. It is used by one
// goroutine at a time.
type Machine struct {
	// User is the driver's own: the machine neither reads nor changes it.
	User uint64

	cfg  *Config
	prog *Program
	key  rng.Stream
	out  []Effect // of the Handle under way
	// verdicts are what the Correct fields of outcomes point to.
	verdicts [2]bool
	state
}

// Reset begins a session that has not arrived yet. key folds the run's seed,
// the replication and the session; id is what Request.Session reports. What is
// still on its way from the machine's previous session, such as a timer, is
// the driver's to drop.
func (m *Machine) Reset(cfg *Config, p *Program, key rng.Stream, id uint64, origin topology.OriginID, home topology.SiteID) {
	m.cfg, m.prog, m.key, m.out = cfg, p, key, nil
	m.verdicts = [2]bool{false, true}
	s := &m.state
	*s = state{
		id: id, origin: origin, home: home, limits: cfg.limits(p.graph.Session.Budget), blamed: -1,
		steps: resized(s.steps, len(p.nodes)), attempts: s.attempts[:0],
		tools: resized(s.tools, len(p.spawned)), moments: s.moments[:0],
	}
	for i := range s.steps {
		s.steps[i] = newStep(&p.nodes[i])
	}
	for i := range s.tools {
		s.tools[i] = tool{left: p.spawned[i]}
	}
	for i := range s.warm {
		s.warm[i].target = router.NoTarget
	}
}

func newStep(n *node) step {
	return step{edges: n.edges, cause: -1, first: -1, last: -1, racing: [2]int32{-1, -1}, answer: -1}
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Handle takes the event e that happened at now and appends to out what is to
// be done, in order. Events that have been overtaken (a timer of an attempt
// that has ended, a second answer to one effect) change nothing.
func (m *Machine) Handle(now time.Duration, e *Event, out []Effect) []Effect {
	if m.finished || e.Step < 0 || int(e.Step) >= len(m.steps) && e.Kind != Arrived && e.Kind != Killed {
		return out
	}
	m.now = max(m.now, now)
	m.out = out
	switch e.Kind {
	case Arrived:
		m.onArrived(e)
	case Routed:
		m.onRouted(e)
	case FirstToken:
		m.onFirstToken(e)
	case AttemptDone:
		m.onAttemptDone(e)
	case Validated:
		m.onValidated(e)
	case ToolDone:
		m.onToolDone(e)
	case Committed:
		m.onCommitted(e)
	case TimerFired:
		m.onTimer(e)
	case Killed:
		m.stop(workloads.StatusKilled, -1)
	}
	m.conclude()
	out, m.out = m.out, nil
	return out
}

func (m *Machine) onArrived(e *Event) {
	if m.arrived || m.stopped() {
		return
	}
	m.arrived, m.turn = true, max(0, min(e.Turn, m.now))
	m.start = m.now - m.turn
	if d := m.limits.Deadline.D(); d > 0 {
		m.emit(Effect{Kind: SetTimer, Timer: Deadline, At: m.start + d})
	}
	for _, edge := range m.prog.arrival {
		m.fire(edge)
	}
	for _, s := range m.prog.free {
		m.begin(s)
	}
}

func (m *Machine) onTimer(e *Event) {
	if m.stopped() || !m.arrived {
		return
	}
	switch e.Timer {
	case Due:
		m.onDue(e.Step)
	case Backoff:
		m.onBackoff(e)
	case Hedge:
		m.onHedge(e)
	case Timeout:
		m.onTimeout(e)
	case Deadline:
		if m.limits.Deadline > 0 && m.now >= m.start+m.limits.Deadline.D() {
			m.stop(workloads.StatusBudget, -1)
		}
	}
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

// ask emits an effect that an event has to answer.
func (m *Machine) ask(e Effect) {
	m.open++
	m.out = append(m.out, e)
}

// stopped says that it is decided how the session ends.
func (m *Machine) stopped() bool { return m.status != "" }

// stop decides that the session ends before its time: what can be stopped is,
// and Finish follows when everything asked for has been answered.
func (m *Machine) stop(why workloads.Status, blamed int32) {
	if m.stopped() {
		return
	}
	if !m.arrived {
		m.start = m.now
	}
	m.status, m.blamed, m.end = why, blamed, m.now
	for s := range m.steps {
		st := &m.steps[s]
		if st.phase == waiting || st.phase == over {
			continue
		}
		for _, a := range st.racing {
			m.cancel(a, workloads.StatusCancelled)
		}
		n := &m.prog.nodes[s]
		for t := range n.tools {
			if m.tools[n.tool+t].running {
				m.emit(Effect{Kind: CancelTool, Step: int32(s), Tool: t})
			}
		}
	}
}

// idle says that no event is on its way: nothing that was asked for is
// unanswered, and no step waits for a timer.
func (m *Machine) idle() bool { return m.open == 0 && m.armed == 0 && m.pausing == 0 }

// conclude sets off what has happened, lets steps that wait for budget try
// again, and finishes the session when nothing is left to wait for.
func (m *Machine) conclude() {
	for !m.stopped() {
		m.settleMoments()
		if m.stopped() || !m.resumeHeld() {
			break
		}
	}
	switch {
	case m.stopped() || !m.arrived:
	case m.done == len(m.steps):
		m.status, m.end = workloads.StatusOK, m.now
	case m.idle():
		m.stop(workloads.StatusError, -1) // the graph waits for itself
	}
	if !m.stopped() || m.open > 0 {
		return
	}
	for s := range m.steps {
		if st := &m.steps[s]; st.phase != waiting && !st.flags.has(reported) {
			m.report(int32(s), st)
		}
	}
	m.finished = true
	m.split = m.criticalPath()
	m.emit(Effect{Kind: Finish, Status: m.status})
}
