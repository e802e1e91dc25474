package agent

import "math"

// Context compaction. A step's effective prompt is its recorded prompt with
// the first cut tokens replaced by sum others (a shared prefix, kept as it
// was, and a summary):
//
//	effective input = recorded input - cut + sum
//
// A step inherits cut and sum from its base when it keeps at least the base's
// cut tokens; one that branches off before the cut goes back to the recorded
// context, which the session still has (cut = sum = 0). If the effective input
// then exceeds Config.CompactAbove, and a summary is shorter than the kept
// part, the step begins with a compaction call of its own: it reads the
// effective kept part and writes CompactTo tokens. After it cut is all the
// step keeps and sum is the shared prefix + CompactTo. Answers and new tokens
// are never cut: they count as recorded (INV-A10).

// compactReason stands in the record in place of the policy's reason.
const compactReason = "context compaction"

// compactKind is the step kind that policies see for a compaction call.
const compactKind = "compact"

// inherit takes over the base's compaction.
func (m *Machine) inherit(s int32, st *step) {
	n := &m.prog.graph.Steps[s]
	if n.Base < 0 {
		return
	}
	if b := &m.steps[n.Base]; n.Keep >= int(b.cut) {
		st.cut, st.sum = b.cut, b.sum
	}
}

// kept is how many tokens a step's kept context has now.
func (m *Machine) kept(s int32) int {
	st := &m.steps[s]
	return m.prog.graph.Steps[s].Keep - int(st.cut) + int(st.sum)
}

// summary is how many tokens would stand for a step's kept context.
func (m *Machine) summary(s int32) int {
	n := &m.prog.graph.Steps[s]
	return min(n.PrefixTokens, n.Keep) + m.cfg.CompactTo
}

func (m *Machine) mustCompact(s int32, st *step) bool {
	return m.cfg.CompactAbove > 0 && m.prog.graph.Steps[s].Base >= 0 &&
		m.EffectiveInput(s) > m.cfg.CompactAbove && m.kept(s) > m.summary(s)
}

// compactDone puts the summary in place of the kept context, and goes on to
// the step's own call.
func (m *Machine) compactDone(s int32, st *step) {
	st.sum = int32(min(m.summary(s), math.MaxInt32))
	st.cut = int32(m.prog.graph.Steps[s].Keep)
	st.flags |= compacted
	m.ownCall(s, st)
}

// compactFailed leaves the context as it is: a compaction only saves tokens.
func (m *Machine) compactFailed(s int32, st *step) { m.ownCall(s, st) }

func (m *Machine) ownCall(s int32, st *step) {
	st.flags &^= compacting
	st.before, st.hedges, st.lost, st.failures, st.escalation, st.why = st.attempts, 0, 0, 0, 0, ""
	m.route(s, st)
}

// Compacting says that a step's present call is a compaction.
func (m *Machine) Compacting(s int32) bool { return m.steps[s].flags.has(compacting) }

// Compaction says what stands for a step's kept context: in place of its first
// cut tokens, as recorded, there are sum others. own says that the step has made
// that summary itself, after its shared prefix, and not a step before it.
func (m *Machine) Compaction(s int32) (cut, sum int, own bool) {
	st := &m.steps[s]
	return int(st.cut), int(st.sum), st.flags.has(compacted)
}

// EffectiveInput is the prompt's length, in tokens, of a step's present call: it
// holds from its Route to the AttemptDone that ends it.
func (m *Machine) EffectiveInput(s int32) int {
	st := &m.steps[s]
	if st.flags.has(compacting) {
		return m.kept(s)
	}
	return m.prog.graph.Steps[s].Input - int(st.cut) + int(st.sum)
}

// EffectiveOutput is how many tokens a step's present call answers with.
func (m *Machine) EffectiveOutput(s int32) int {
	if m.steps[s].flags.has(compacting) {
		return m.cfg.CompactTo
	}
	output := m.prog.graph.Steps[s].Output
	if limit := m.cfg.MaxOutput; limit > 0 {
		return min(output, limit)
	}
	return output
}

// Reusable is how many of the first tokens of a step's present prompt stood in
// its base's prompt and answer, or in the shared prefix: what a replica that
// served the base can have in its cache.
func (m *Machine) Reusable(s int32) int {
	st := &m.steps[s]
	n := &m.prog.graph.Steps[s]
	if n.Base < 0 || st.flags.has(compacted) {
		return min(n.PrefixTokens, m.EffectiveInput(s))
	}
	return m.kept(s)
}
