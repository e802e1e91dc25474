package inspect

import (
	"strings"

	"tierlab/workloads"
)

// maxNames bounds the tools and kinds that are measured one by one; the rest
// is pooled under otherName.
const (
	maxNames  = 64
	otherName = "(others)"
)

// Inspect reads r to its end.
func Inspect(r *workloads.Reader) (*Result, error) {
	h, err := r.Header()
	if err != nil {
		return nil, err
	}
	m := newMeasure()
	for t, err := range r.Sessions() {
		if err != nil {
			return nil, err
		}
		m.shared.define(r.Prefixes().All())
		m.add(t)
	}
	res := m.result()
	res.Name, res.Source = h.Name, h.Provenance.Source
	return res, nil
}

// measure collects all quantities.
type measure struct {
	sessions, turns, steps, calls                int64
	private, privateSessions, budgeted, outcomes int64
	untimed, failed, spawning                    int64
	stepsPer, callsPer, parallelism, turnsPer    *sample
	prompt, keep, added, output, parallel        *sample
	duration, toolGap, human, unknown, other     *sample
	width, agentSteps, recorded, ttft            *sample
	tools                                        map[string]*toolSample
	kinds                                        map[string]*kindSample
	arrivals                                     arrivals
	shared                                       shared
	fresh                                        float64 // kept tokens on the first use of their prefix
}

type toolSample struct {
	calls int64
	time  *sample
}

type kindSample struct{ prompt, output *sample }

func newMeasure() *measure {
	return &measure{
		stepsPer: counts(), callsPer: counts(), parallelism: ratios(), turnsPer: counts(),
		prompt: counts(), keep: counts(), added: counts(), output: counts(), parallel: counts(),
		duration: spans(), toolGap: spans(), human: spans(), unknown: spans(), other: spans(),
		width: counts(), agentSteps: counts(), recorded: spans(), ttft: spans(),
		tools: map[string]*toolSample{}, kinds: map[string]*kindSample{}, arrivals: arrivals{gap: spans()},
	}
}

func (m *measure) add(t *workloads.Trace) {
	m.sessions++
	m.outcomes += int64(len(t.Outcomes))
	if t.Session.Data != nil && t.Session.Data.PII {
		m.privateSessions++
	}
	if t.Session.Budget != nil {
		m.budgeted++
	}
	m.arrivals.add(t.Session.Arrival)
	calls, turns := 0, 1
	for i := range t.Steps {
		s := &t.Steps[i]
		m.step(s)
		calls += len(s.Tools)
		if m.gaps(s) {
			turns++
		}
	}
	m.turns += int64(turns)
	m.stepsPer.add(float64(len(t.Steps)))
	m.callsPer.add(float64(calls))
	m.turnsPer.add(float64(turns))
	if len(t.Steps) > 0 {
		m.parallelism.add(float64(len(t.Steps)) / float64(longestChain(t.Graph)))
	}
}

// longestChain counts the steps on the longest chain of waits. A step that
// waits for another one's tools waits for the sub-agents that they spawn.
func longestChain(g *workloads.Graph) int {
	chain := make([]int, len(g.Steps))   // the longest chain that ends with a step
	spawned := make([]int, len(g.Steps)) // and with one that its calls spawn
	longest := 0
	for i := range g.Steps {
		for _, e := range g.Steps[i].Wait {
			if e.From < 0 {
				continue
			}
			chain[i] = max(chain[i], chain[e.From])
			if e.On == workloads.OnToolsDone || e.On == "" {
				chain[i] = max(chain[i], spawned[e.From])
			}
		}
		chain[i]++
		for o := g.Steps[i].Owner; o >= 0; o = g.Steps[o].Owner {
			spawned[o] = max(spawned[o], chain[i])
		}
		longest = max(longest, chain[i])
	}
	return longest
}

func (m *measure) step(s *workloads.Step) {
	m.steps++
	if s.PII {
		m.private++
	}
	c, output := s.LLM.Context, float64(s.LLM.OutputTokens)
	m.prompt.add(float64(c.Tokens()))
	m.keep.add(float64(c.Keep))
	if name, ok := strings.CutPrefix(c.From, "@"); ok {
		m.fresh += float64(m.shared.use(name, c.Keep))
	}
	m.added.add(float64(c.Add))
	m.output.add(output)
	if s.LLM.Recorded != nil {
		m.recorded.add(s.LLM.Recorded.Seconds())
	}
	if s.LLM.RecordedTTFT != nil {
		m.ttft.add(s.LLM.RecordedTTFT.Seconds())
	}
	k := lookUp(m.kinds, s.LLM.Kind, func() *kindSample { return &kindSample{newSample(1, 2), newSample(1, 2)} })
	k.prompt.add(float64(c.Tokens()))
	k.output.add(output)
	width := 0
	for i := range s.Tools {
		m.tool(&s.Tools[i])
		if n := len(s.Tools[i].Spawn); n > 0 {
			width++
			m.agentSteps.add(float64(n))
		}
	}
	if len(s.Tools) > 0 {
		m.parallel.add(float64(len(s.Tools)))
	}
	if width > 0 {
		m.spawning++
		m.width.add(float64(width))
	}
}

func (m *measure) tool(t *workloads.Tool) {
	m.calls++
	n := lookUp(m.tools, t.Name, func() *toolSample { return &toolSample{time: newSample(1e-6, 2)} })
	n.calls++
	if t.Status != "" && t.Status != "ok" {
		m.failed++
	}
	if t.Duration == 0 {
		m.untimed++
		return
	}
	m.duration.add(t.Duration.Seconds())
	n.time.add(t.Duration.Seconds())
}

// lookUp is the entry of a name, a new one while there is room.
func lookUp[T any](names map[string]*T, name string, fresh func() *T) *T {
	if _, ok := names[name]; !ok && len(names) >= maxNames {
		name = otherName
	}
	if _, ok := names[name]; !ok {
		names[name] = fresh()
	}
	return names[name]
}

// gaps measures the delays before a step and says whether a person was among
// their causes.
func (m *measure) gaps(s *workloads.Step) (human bool) {
	for _, a := range s.After {
		switch x := a.Delay.Seconds(); {
		case a.Cause == workloads.CauseTool:
			m.toolGap.add(x)
		case a.Cause == workloads.CauseHuman:
			m.human.add(x)
			human = true
		case a.Cause == workloads.CauseUnknown:
			m.unknown.add(x)
		case a.Delay > 0:
			m.other.add(x)
		}
	}
	return human
}

// arrivals collects the gaps between sessions.
type arrivals struct {
	n           int64
	first, last float64
	disorder    bool
	gap         *sample
}

func (a *arrivals) add(at *workloads.Millis) {
	if at == nil {
		return
	}
	x := at.Seconds()
	switch {
	case a.n == 0:
		a.first = x
	case x < a.last:
		a.disorder = true
	default:
		a.gap.add(x - a.last)
	}
	a.n++
	a.last = x
}

func (a *arrivals) stats() ArrivalStats {
	s := ArrivalStats{Recorded: a.n, OutOfOrder: a.disorder}
	if a.n < 2 || a.disorder {
		return s
	}
	s.SpanS = a.last - a.first
	s.GapS = a.gap.summary()
	if s.SpanS > 0 {
		s.PerSecond = float64(a.n-1) / s.SpanS
		s.Burstiness = (s.GapS.CV - 1) / (s.GapS.CV + 1)
	}
	return s
}
