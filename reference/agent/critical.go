package agent

import (
	"time"

	"tierlab/workloads"
)

// fit makes an attempt's parts sum to the time it took: a part that exceeds
// what is left is cut (queue, prefill, decode, in this order), and network is
// what remains. It says whether the parts summed as they were.
func fit(a *attempt, total time.Duration) bool {
	rest := total
	exact := true
	for _, p := range [...]*time.Duration{&a.queue, &a.prefill, &a.decode} {
		if *p < 0 || *p > rest {
			*p = min(max(*p, 0), rest)
			exact = false
		}
		rest -= *p
	}
	exact = exact && a.network == rest
	a.network = rest
	return exact
}

// attribute adds the attempt that ended a race to its step's split. The time
// before it was sent, if it was a hedge, was a wait for the hedge.
// What a lost attempt took is the session's own recovery, which is state.
func (m *Machine) attribute(st *step, a *attempt) {
	if a.status == workloads.StatusLost {
		st.split[inState] += a.done - st.mark
		st.mark = a.done
		return
	}
	st.split[inBackoff] += a.sent - st.mark
	st.split[inQueue] += a.queue
	st.split[inNetwork] += a.network
	st.split[inPrefill] += a.prefill
	st.split[inDecode] += a.decode
	st.mark = a.done
}

// criticalPath walks back from the session's end along what each step waited
// for, and sums up what the time on the way was. The intervals adjoin, so the
// parts sum to end - start (INV-A8).
func (m *Machine) criticalPath() workloads.Split {
	var sum workloads.Split
	s := m.lastStep()
	if s < 0 { // only the user's message was on its way
		sum.Network = workloads.Millis(m.end - m.start)
		return sum
	}
	at := atToolsDone
	if m.steps[s].phase != over {
		s, at = m.unfinished(s, &sum)
	}
	for s >= 0 {
		st := &m.steps[s]
		switch at {
		case atToolsDone:
			if st.flags.has(ledBySpawn) {
				s = m.lastSpawned(s)
				continue
			}
			at = st.afterAnswer(st.done, &sum)
		case atLLMDone:
			st.addTo(&sum)
			at = atStart
		case atStart:
			s, at = m.wait(s, st.due, &sum)
		}
	}
	return sum
}

// wait adds the time from the moment that made a step due (or will) to until,
// and returns the moment.
func (m *Machine) wait(s int32, until time.Duration, sum *workloads.Split) (int32, moment) {
	cause := m.steps[s].cause
	if cause < 0 {
		sum.Network += workloads.Millis(until - m.start)
		return -1, atStart
	}
	e := &m.prog.edges[cause]
	gap := until - m.when(e.from, e.on)
	if e.from < 0 || e.cause == workloads.CauseHuman {
		way := min(gap, m.turn)
		sum.Network += workloads.Millis(way)
		gap -= way
	}
	if e.cause == workloads.CauseHuman {
		sum.Think += workloads.Millis(gap)
	} else {
		sum.Tool += workloads.Millis(gap)
	}
	return e.from, e.on
}

func (m *Machine) when(s int32, on moment) time.Duration {
	switch {
	case s < 0:
		return m.start
	case on == atStart:
		return m.steps[s].due
	case on == atLLMDone:
		return m.steps[s].llmDone
	}
	return m.steps[s].done
}

// addTo adds a step's time from being due to its answer's acceptance.
func (st *step) addTo(sum *workloads.Split) {
	sum.Queue += workloads.Millis(st.split[inQueue])
	sum.Network += workloads.Millis(st.split[inNetwork])
	sum.Prefill += workloads.Millis(st.split[inPrefill])
	sum.Decode += workloads.Millis(st.split[inDecode])
	sum.Tool += workloads.Millis(st.split[inTool])
	sum.State += workloads.Millis(st.split[inState])
	sum.Backoff += workloads.Millis(st.split[inBackoff])
}

// afterAnswer adds a step's time from its answer's acceptance to until: the
// answer's commit, then the tool calls.
func (st *step) afterAnswer(until time.Duration, sum *workloads.Split) moment {
	sum.State += workloads.Millis(st.toolsAt - st.llmDone)
	sum.Tool += workloads.Millis(until - st.toolsAt)
	return atLLMDone
}

// unfinished adds what the session's last step did when the session was
// stopped, and returns the moment at which that began.
func (m *Machine) unfinished(s int32, sum *workloads.Split) (int32, moment) {
	st := &m.steps[s]
	switch st.phase {
	case waiting:
		return m.wait(s, m.end, sum)
	case sealing:
		sum.State += workloads.Millis(m.end - st.llmDone)
		return s, atLLMDone
	case acting:
		return s, st.afterAnswer(m.end, sum)
	case calling:
		if i := st.racing[0]; i >= 0 {
			a := m.attempts[i]
			fit(&a, m.end-a.sent)
			a.done = m.end
			m.attribute(st, &a)
		}
	default:
		st.split[st.phase.passes()] += m.end - st.mark
		st.mark = m.end
	}
	st.addTo(sum)
	return s, atStart
}

// lastStep is where the critical path ends: the step that ended last, or, if
// the session was stopped, the step to blame, or one that was under way. Ties
// go to the lowest number.
func (m *Machine) lastStep() int32 {
	if m.blamed >= 0 {
		return m.blamed
	}
	armed, owner, latest := int32(-1), int32(-1), int32(-1)
	for s := range m.steps {
		st := &m.steps[s]
		switch {
		case st.phase == over:
			if latest < 0 || st.done > m.steps[latest].done {
				latest = int32(s)
			}
		case st.phase == waiting:
			if armed < 0 && st.edges == 0 && st.cause >= 0 {
				armed = int32(s)
			}
		case st.phase != acting || st.toolsLeft > st.spawnsLeft:
			return int32(s)
		case owner < 0: // waits for the steps that it spawned
			owner = int32(s)
		}
	}
	switch {
	case armed >= 0:
		return armed
	case owner >= 0:
		return owner
	}
	return latest
}

// lastSpawned is the step of a sub-agent whose end was its owner's.
func (m *Machine) lastSpawned(owner int32) int32 {
	nodes := m.prog.graph.Steps
	for s := range nodes {
		if nodes[s].Owner == owner && m.steps[s].done == m.steps[owner].done && m.steps[s].phase == over {
			return int32(s)
		}
	}
	panic("agent: a spawn ended without a spawned step")
}
