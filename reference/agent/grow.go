package agent

// Recorded sessions know all their steps before they begin. The steps of an
// open one follow from what its model answers: an answer says which tool calls
// its step has, and the end of the last of them that another step follows. So
// the events AttemptDone and ToolDone may bring a program along (Event.Program),
// which takes the place of the one before. In it
//
//   - every step but the last of those before has the same edges, tool calls and
//     place among the session's tool calls as it had;
//   - the last of those before, if it has not come to its tool calls, may have
//     others (an answer that is refused has none that count), and another output
//     length;
//   - there may be more steps after it, none of which sets off an edge of a step
//     that was there before.
//
// A program that breaks this changes nothing and counts as a violation.

// grow puts p in place of the machine's program; nil changes nothing. Pointers
// into m.steps are stale after it.
func (m *Machine) grow(p *Program) {
	if p == nil || p == m.prog {
		return
	}
	if !m.extends(p) {
		m.violations++
		return
	}
	had, calls := len(m.steps), len(m.tools)
	last := p.nodes[had-1]
	if m.steps[had-1].phase < acting {
		calls = int(last.tool)
	}
	m.prog = p
	m.steps = lengthened(m.steps, len(p.nodes))
	for i := had; i < len(p.nodes); i++ {
		m.steps[i] = newStep(&p.nodes[i])
	}
	m.tools = lengthened(m.tools, len(p.spawned))
	for i := calls; i < len(p.spawned); i++ {
		m.tools[i] = tool{left: p.spawned[i]}
	}
}

// extends says whether p may take the place of the machine's program.
func (m *Machine) extends(p *Program) bool {
	had := len(m.prog.nodes)
	if p.world != m.prog.world || len(p.nodes) < had || had == 0 {
		return false
	}
	for i := range had {
		a, b := &m.prog.nodes[i], &p.nodes[i]
		fixed := i < had-1 || m.steps[i].phase >= acting
		if a.tool != b.tool || a.edges != b.edges || fixed && a.tools != b.tools {
			return false
		}
	}
	if len(p.edges) < len(m.prog.edges) {
		return false
	}
	for i, e := range m.prog.edges {
		if p.edges[i] != e {
			return false
		}
	}
	for _, e := range p.edges[len(m.prog.edges):] {
		if int(e.to) < had {
			return false
		}
	}
	return true
}

// lengthened is s with n entries; those that it had stay.
func lengthened[T any](s []T, n int) []T {
	if n <= len(s) {
		return s[:n]
	}
	return append(s, make([]T, n-len(s))...)
}
