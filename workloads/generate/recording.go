package generate

import (
	"strings"

	"tierlab/workloads"
)

// simpleKinds need no frontier model: classification, summarization, routing,
// extraction and routine tool selection.
var simpleKinds = map[string]bool{"classify": true, "summarize": true, "route": true, "extract": true, "tool_select": true}

// recording collects what a fit needs of a workload, one value an event.
type recording struct {
	steps, turn, think, first, user, result, output []float64
	compactAt, summary                              []float64
	compactions                                     int // steps of that kind
	longest                                         int // prompt, in tokens
	calls, time, gap, argument                      []float64
	width, agentSteps, taskTokens                   []float64
	arrivals                                        []float64

	kinds    map[kindRole]*kindObserved
	order    []kindRole // in the order of their first steps
	tools    map[string][]float64
	toolList []string
	prefixes map[string]map[string]int // by use: session, agent; by name
	tokens   map[string][]float64      // of the prefix, by use
	tenants  map[string]bool

	sessions, private, asides, privateAsides int
	loops, spawning                          int
	toolCalls, failed                        int
	turns                                    int // that another one follows
	bytesOut, resultTokens                   float64
}

// kindRole is a kind of step in one of the roles.
type kindRole struct {
	kind string
	role Role
}

type kindObserved struct {
	n                int
	output, document []float64
}

func newRecording() *recording {
	return &recording{kinds: map[kindRole]*kindObserved{}, tools: map[string][]float64{},
		prefixes: map[string]map[string]int{}, tokens: map[string][]float64{}, tenants: map[string]bool{}}
}

// own is a session seen as its own line of steps: what sub-agents and asides
// are apart.
type own struct {
	g *workloads.Graph
	// kept[i]: some step of the session keeps the context of step i.
	kept []bool
	// turns[i]: step i follows a gap in which a person thought.
	turns []bool
}

func (r *recording) add(t *workloads.Trace) {
	g := t.Graph
	r.sessions++
	if t.Session.Arrival != nil {
		r.arrivals = append(r.arrivals, t.Session.Arrival.Seconds())
	}
	if t.Session.Tenant != "" {
		r.tenants[t.Session.Tenant] = true
	}
	if t.Session.Data != nil && t.Session.Data.PII {
		r.private++
	}
	if len(g.Steps) == 0 {
		return
	}
	r.steps = append(r.steps, float64(len(g.Steps)))
	o := own{g, make([]bool, len(g.Steps)), make([]bool, len(g.Steps))}
	var line []int
	for i := range g.Steps {
		n := &g.Steps[i]
		if n.Base >= 0 {
			o.kept[n.Base] = true
		}
		for _, e := range n.Wait {
			r.delay(e)
			o.turns[i] = o.turns[i] || e.Cause == workloads.CauseHuman
		}
		if n.Owner < 0 {
			line = append(line, i)
		} else {
			r.agentStep(n, g)
		}
	}
	r.line(o, line)
}

func (r *recording) delay(e workloads.Edge) {
	switch e.Cause {
	case workloads.CauseHuman:
		r.think = append(r.think, e.Delay.Seconds())
	case workloads.CauseTool:
		r.gap = append(r.gap, e.Delay.Seconds())
	}
}

// line goes over the session's own steps in their order.
func (r *recording) line(o own, line []int) {
	length, compacted := 0, false
	previous := -1 // the line's last step, asides apart
	for k, i := range line {
		n := &o.g.Steps[i]
		turn := k > 0 && o.turns[i]
		if turn {
			r.turn = append(r.turn, float64(length))
			r.turns++
			length = 0
		}
		if n.Step.LLM.Kind == "compact" {
			r.summary = append(r.summary, float64(n.Output))
			r.compactions++
			compacted, previous = true, i
			continue
		}
		length++
		last := k == len(line)-1 || o.turns[line[k+1]]
		// A step without a base whose context nobody keeps stands aside.
		if n.Base < 0 && !o.kept[i] && !last {
			r.aside(n)
			continue
		}
		r.context(o, i, previous, turn, compacted)
		r.ownStep(n, last)
		previous, compacted = i, false
	}
	if length > 0 {
		r.turn = append(r.turn, float64(length))
	}
}

// restart is the share of the earlier prompt below which a kept context counts
// as a fresh start.
const restart = 0.6

// context takes what a step adds, or that the line starts afresh.
func (r *recording) context(o own, i, previous int, turn, compacted bool) {
	n := &o.g.Steps[i]
	r.longest = max(r.longest, n.Input)
	add := float64(n.Step.LLM.Context.Add)
	switch {
	case previous < 0:
		r.first = append(r.first, add)
		r.prefix("session", n)
	case compacted, float64(n.Keep) < restart*float64(o.g.Steps[previous].Input):
		r.compactAt = append(r.compactAt, float64(o.g.Steps[previous].Input))
		if !compacted {
			r.summary = append(r.summary, float64(n.Input-n.PrefixTokens))
		}
	case turn:
		r.user = append(r.user, add)
	default:
		r.addResult(add)
	}
}

func (r *recording) addResult(tokens float64) {
	r.result = append(r.result, tokens)
	r.resultTokens += tokens
}

func (r *recording) prefix(use string, n *workloads.Node) {
	if name, shared := strings.CutPrefix(n.Step.LLM.Context.From, "@"); shared {
		if r.prefixes[use] == nil {
			r.prefixes[use] = map[string]int{}
		}
		r.prefixes[use][name]++
		r.tokens[use] = append(r.tokens[use], float64(n.PrefixTokens))
	}
}

// ownStep takes a step of the line; a turn's last one answers.
func (r *recording) ownStep(n *workloads.Node, last bool) {
	role := RoleLoop
	if last {
		role = RoleAnswer
	}
	r.kind(n, role)
	r.output = append(r.output, float64(n.Output))
	if last {
		return
	}
	r.loops++
	width := 0
	for i := range n.Step.Tools {
		if len(n.Step.Tools[i].Spawn) > 0 {
			width++
			r.agentSteps = append(r.agentSteps, float64(len(n.Step.Tools[i].Spawn)))
		}
	}
	if width == 0 {
		r.toolStep(n)
		return
	}
	r.spawning++
	r.width = append(r.width, float64(width))
}

// agentStep takes a step of a sub-agent.
func (r *recording) agentStep(n *workloads.Node, g *workloads.Graph) {
	r.output = append(r.output, float64(n.Output))
	if n.Base < 0 || g.Steps[n.Base].Owner != n.Owner || g.Steps[n.Base].OwnerTool != n.OwnerTool {
		r.taskTokens = append(r.taskTokens, float64(n.Step.LLM.Context.Add))
		r.prefix("agent", n)
	} else {
		r.addResult(float64(n.Step.LLM.Context.Add))
	}
	report := true
	for _, k := range n.Next {
		report = report && g.Steps[k].Owner != n.Owner
	}
	if report {
		r.kind(n, RoleAnswer)
		return
	}
	r.kind(n, RoleLoop)
	r.toolStep(n)
}

func (r *recording) aside(n *workloads.Node) {
	k := r.kind(n, RoleAside)
	k.output = append(k.output, float64(n.Output))
	k.document = append(k.document, float64(n.Input-n.PrefixTokens))
	r.asides++
	if n.Step.PII {
		r.privateAsides++
	}
}

func (r *recording) kind(n *workloads.Node, role Role) *kindObserved {
	key := kindRole{n.Step.LLM.Kind, role}
	if key.kind == "" {
		key.kind = "other"
	}
	k := r.kinds[key]
	if k == nil {
		k = &kindObserved{}
		r.kinds[key] = k
		r.order = append(r.order, key)
	}
	k.n++
	return k
}

// toolStep takes the calls of a step that may make some.
func (r *recording) toolStep(n *workloads.Node) {
	r.calls = append(r.calls, float64(len(n.Step.Tools)))
	for i := range n.Step.Tools {
		t := &n.Step.Tools[i]
		r.toolCalls++
		if t.Status != "" && t.Status != "ok" {
			r.failed++
		}
		r.bytesOut += float64(t.BytesOut)
		if t.BytesIn > 0 {
			r.argument = append(r.argument, float64(t.BytesIn))
		}
		if _, seen := r.tools[t.Name]; !seen {
			r.toolList = append(r.toolList, t.Name)
		}
		r.tools[t.Name] = append(r.tools[t.Name], t.Duration.Seconds())
		if t.Duration > 0 {
			r.time = append(r.time, t.Duration.Seconds())
		}
	}
}
