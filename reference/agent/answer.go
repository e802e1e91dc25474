package agent

import "tierlab/workloads"

// accept takes an attempt's answer as the step's.
func (m *Machine) accept(s int32, st *step, answer int32) {
	a := &m.attempts[answer]
	st.answer, st.llmDone = answer, m.now
	m.accepted++
	if a.fatal {
		m.fatal++
	}
	if !m.prog.world.Models[a.target.Model].Frontier {
		m.cheap++
	}
	m.happen(s, atLLMDone)
	n := &m.prog.nodes[s]
	m.enter(st, sealing)
	if !m.reserveTools(s, st) {
		m.stop(workloads.StatusBudget, s)
		return
	}
	if m.cfg.CommitEach && (n.tools > 0 || n.shown) {
		m.commit(s, st, int(a.output))
		return
	}
	m.act(s, st)
}

// act starts all tool calls of a step.
func (m *Machine) act(s int32, st *step) {
	m.enter(st, acting)
	st.toolsAt = m.now
	n := &m.prog.nodes[s]
	for t := range n.tools {
		call := &m.tools[n.tool+t]
		switch {
		case m.prog.spawned[n.tool+t] == 0:
			call.running = true
			st.toolsLeft++
			m.ask(Effect{Kind: RunTool, Step: s, Tool: t})
		case call.left > 0:
			call.waiting = true
			st.toolsLeft++
			st.spawnsLeft++
		default:
			m.toolsDone++
		}
	}
	if st.toolsLeft == 0 {
		m.complete(s, st)
	}
}

func (m *Machine) onToolDone(e *Event) {
	st := &m.steps[e.Step]
	n := &m.prog.nodes[e.Step]
	if st.phase != acting || e.Tool < 0 || e.Tool >= n.tools || !m.tools[n.tool+e.Tool].running {
		return
	}
	m.tools[n.tool+e.Tool].running = false
	m.open--
	m.grow(e.Program)
	st = &m.steps[e.Step]
	m.settleOverhead(st, &m.cost.Sandbox, e.USD, m.cfg.ToolUSD)
	if !m.stopped() {
		st.flags &^= ledBySpawn
		m.toolEnded(e.Step, st)
	}
}

func (m *Machine) toolEnded(s int32, st *step) {
	m.toolsDone++
	if st.toolsLeft--; st.toolsLeft == 0 {
		m.complete(s, st)
	}
}

// complete ends a step, and with it perhaps the tool call that spawned it.
func (m *Machine) complete(s int32, st *step) {
	m.enter(st, over)
	st.done = m.now
	m.active--
	m.done++
	m.release(st.overhead)
	st.overhead = 0
	m.happen(s, atToolsDone)
	if st.unsettled == 0 {
		m.report(s, st)
	}
	n := &m.prog.graph.Steps[s]
	if n.Owner < 0 {
		return
	}
	call := &m.tools[m.prog.nodes[n.Owner].tool+n.OwnerTool]
	if call.left--; call.left == 0 && call.waiting {
		call.waiting = false
		owner := &m.steps[n.Owner]
		owner.flags |= ledBySpawn
		owner.spawnsLeft--
		m.toolEnded(n.Owner, owner)
	}
}

func (m *Machine) report(s int32, st *step) {
	st.flags |= reported
	m.emit(Effect{Kind: StepDone, Step: s})
}
