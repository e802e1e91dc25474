package agent

import (
	"math"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// warm is a replica that served the session and the step it served.
type warm struct {
	target router.Target
	step   int32
	at     time.Duration
}

// Draw is the stream of one attempt at a step.
func (m *Machine) Draw(s, number int32) rng.Stream {
	return m.key.Fold(uint64(s)).Fold(uint64(number))
}

// Request fills req for a Route effect, until that has been answered.
// Difficulty is the driver's to predict; req.Tried is reused.
func (m *Machine) Request(s int32, req *router.Request) {
	st := &m.steps[s]
	n := &m.prog.graph.Steps[s]
	session := &m.prog.graph.Session
	tried := req.Tried[:0]
	for i := st.first; i >= 0; i = m.attempts[i].next {
		if a := &m.attempts[i]; a.number > st.before && a.status != workloads.StatusLost {
			tried = append(tried, a.target)
		}
	}
	*req = router.Request{
		Draw: m.Draw(s, st.attempts+1), Session: m.id, Origin: m.origin, Home: m.home,
		Kind: n.Step.LLM.Kind, Task: n.Step.LLM.Task, Modality: n.Step.LLM.Modality,
		Pin: m.prog.nodes[s].pin, PII: n.Step.PII, Input: m.EffectiveInput(s),
		LatencyBudget: n.Step.LLM.LatencyBudget.D(),
		Attempt:       int(st.attempts-st.before-st.lost) + 1, Escalation: int(st.escalation),
		Tried: tried, Last: st.why,
	}
	if session.Data != nil {
		req.PII = req.PII || session.Data.PII
		req.Residency = session.Data.Residency
	}
	if st.flags.has(compacting) {
		req.Kind, req.Task, req.Modality, req.LatencyBudget = compactKind, "", "", 0
	}
	m.history(s, &req.History)
}

func (m *Machine) history(s int32, h *router.History) {
	h.Steps, h.Messages, h.Tokens = m.accepted, int(m.prog.nodes[s].message), m.tokens
	h.Failures, h.Cheap, h.USD = m.failures, m.cheap, m.spent
	h.USDLeft, h.TimeLeft = -1, -1
	if limit := m.limits.USD; limit > 0 {
		h.USDLeft = max(0, limit-m.spent-m.reserved.usd())
	}
	if limit := m.limits.Deadline.D(); limit > 0 {
		h.TimeLeft = max(0, m.start+limit-m.now)
	}
	for i := range m.warm {
		w := &m.warm[i]
		h.Warm[i] = router.Warm{Target: w.target, At: w.at}
		if w.target != router.NoTarget {
			h.Warm[i].Tokens = m.shared(w.step, s)
		}
	}
}

// remember moves the replica that served an attempt to the front of the
// replicas that may hold the session's cache.
func (m *Machine) remember(a *attempt) {
	i := 0
	for i < len(m.warm)-1 && m.warm[i].target != a.target {
		i++
	}
	copy(m.warm[1:i+1], m.warm[:i])
	m.warm[0] = warm{target: a.target, step: a.step, at: m.now}
}

// shared is how many tokens the present prompt of step b has in common with
// the prompt and answer of step a. It walks both chains of contexts back to
// where they meet; bases have lower numbers, so the higher one steps back.
func (m *Machine) shared(a, b int32) int {
	steps := m.prog.graph.Steps
	x, y := a, b
	keptX, keptY := steps[a].Input+steps[a].Output, steps[b].Input
	if m.steps[b].flags.has(compacting) {
		keptY = steps[b].Keep
	}
	for x != y && x >= 0 && y >= 0 {
		if x > y {
			keptX, x = min(keptX, steps[x].Keep), steps[x].Base
		} else {
			keptY, y = min(keptY, steps[y].Keep), steps[y].Base
		}
	}
	common := min(keptX, keptY)
	sa, sb := &m.steps[a], &m.steps[b]
	if x != y || sa.cut != sb.cut || sa.sum != sb.sum || common < int(sb.cut) {
		return m.sharedPrefix(&steps[a], &steps[b], common, x == y)
	}
	return common - int(sb.cut) + int(sb.sum)
}

// sharedPrefix is what two contexts have in common when nothing else is: the
// shared prefix at the root of both.
func (m *Machine) sharedPrefix(a, b *workloads.Node, common int, related bool) int {
	if a.Prefix == 0 || a.Prefix != b.Prefix {
		return 0
	}
	if !related {
		common = math.MaxInt
	}
	return min(a.PrefixTokens, b.PrefixTokens, common)
}
