package session

import (
	"slices"
	"strconv"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/ledger"
	"tierlab/workloads"
)

// begin makes the program that a session starts with: the recorded one, or an
// open session's first step.
func (l *life) begin() (*agent.Program, error) {
	spec := &l.created.Spec
	if rec := spec.Recorded; rec != nil {
		var prefixes workloads.Prefixes
		for _, p := range rec.Prefixes {
			if err := prefixes.Add(p); err != nil {
				return nil, err
			}
		}
		session := rec.Session
		session.Budget, session.Data, session.Tenant = spec.Budget, spec.Data, spec.Tenant
		g, err := workloads.Compile(session, rec.Steps, &prefixes)
		if err != nil {
			return nil, err
		}
		l.graph = g
		return agent.Prepare(g, &l.atlas.world)
	}
	if spec.System != "" {
		l.messages = append(l.messages, hub.Message{Role: "system", Content: spec.System})
	}
	l.messages = append(l.messages, hub.Message{Role: "user", Content: spec.Task})
	l.step(0).prompt = len(l.messages)
	l.graph = &workloads.Graph{
		Session: workloads.Session{
			ID: spec.ID, Origin: spec.Origin, Tenant: spec.Tenant, Budget: spec.Budget, Data: spec.Data, Labels: spec.Labels,
		},
		Roots: []int32{0}, Lines: 1,
	}
	l.graph.Steps = l.next(nil, l.created.Input, workloads.CauseNone)
	return agent.Prepare(l.graph, &l.atlas.world)
}

// openKind is what policies are told that an open session's steps are for.
const openKind = "reason"

// next appends a step whose prompt has input tokens: all that the step before
// it had and answered, and what is new.
func (l *life) next(nodes []workloads.Node, input int, cause workloads.Cause) []workloads.Node {
	i := int32(len(nodes))
	n := workloads.Node{
		Wait: []workloads.Edge{{From: -1, On: workloads.OnStart}}, Input: input, Output: l.created.Output,
		Base: -1, Owner: -1, OwnerTool: -1, Depth: i,
	}
	step := &workloads.Step{
		ID: strconv.Itoa(int(i) + 1),
		LLM: workloads.LLM{
			Kind: openKind, Task: l.created.Spec.Task, OutputTokens: l.created.Output, Context: workloads.Context{Add: input},
		},
	}
	if i > 0 {
		base := &nodes[i-1]
		n.Wait[0] = workloads.Edge{From: i - 1, On: workloads.OnToolsDone, Cause: cause}
		n.Base, n.Keep = i-1, min(base.Input+base.Output, input)
		base.Next = []int32{i}
		step.After = []workloads.After{{Step: base.Step.ID, On: workloads.OnToolsDone, Cause: cause}}
		step.LLM.Context = workloads.Context{From: base.Step.ID, Keep: n.Keep, Add: input - n.Keep}
	}
	n.Step = step
	return append(nodes, n)
}

// answeredBy is the program after an answer to step s of so many tokens: its
// tool calls are known now.
func (l *life) answeredBy(s int32, m *hub.Message, output int) []workloads.Node {
	nodes := slices.Clone(l.graph.Steps)
	n := &nodes[s]
	step := *n.Step
	step.LLM.OutputTokens = max(output, 0)
	step.Tools = make([]workloads.Tool, len(m.Calls))
	for i := range m.Calls {
		step.Tools[i] = workloads.Tool{Name: m.Calls[i].Name, BytesIn: int64(len(m.Calls[i].Arguments))}
	}
	n.Step, n.Output = &step, step.LLM.OutputTokens
	return nodes
}

// offer hands an event with a program of the given steps to the machine, and
// says whether it has taken it.
func (l *life) offer(e *agent.Event, nodes []workloads.Node) bool {
	g := *l.graph
	g.Steps, g.Tools = nodes, 0
	for i := range nodes {
		g.Tools += len(nodes[i].Step.Tools)
	}
	p, err := agent.Prepare(&g, &l.atlas.world)
	if err != nil {
		l.err = err
		return false
	}
	had := l.graph
	e.Program = p
	l.graph = &g // effects of this event refer to it
	l.feed(e)
	if l.machine.Program() == p {
		return true
	}
	l.graph = had
	return false
}

func (r *answered) apply(l *life) {
	if !l.answer(agent.Start, r.Step, r.Attempt, 0) {
		return
	}
	l.release(r.Step, r.Attempt, -1)
	st := l.step(r.Step)
	st.wrong(r.Attempt, r.Error)
	status := r.Status
	if status == "" {
		status = workloads.StatusOK
	}
	call := agent.Call{
		Queue: time.Duration(r.Queue), Prefill: time.Duration(r.Prefill), Decode: time.Duration(r.Decode), Network: time.Duration(r.Network),
		First: time.Duration(r.First), Cached: r.Cached, Output: r.Output, USD: r.USD, Egress: r.Egress, Joules: r.Joules,
	}
	e := agent.Event{Kind: agent.AttemptDone, Step: r.Step, Attempt: r.Attempt, Status: status, Call: &call}
	if status != workloads.StatusOK || r.Message == nil {
		l.feed(&e)
		return
	}
	if !l.open() {
		st.answer = r.Message
		l.feed(&e)
		return
	}
	nodes := l.answeredBy(r.Step, r.Message, r.Output)
	if r.Next > 0 {
		nodes = l.next(nodes, r.Next, workloads.CauseHuman)
	}
	if !l.offer(&e, nodes) {
		return
	}
	st = l.step(r.Step)
	st.answer = r.Message
	if r.Next > 0 {
		l.turn(r.Step)
	}
}

func (r *ran) apply(l *life) {
	if !l.answer(agent.RunTool, r.Step, 0, r.Tool) {
		return
	}
	l.release(r.Step, 0, r.Tool)
	t := l.tool(r.Step, r.Tool)
	t.done, t.end = true, r
	if l.toolsLeft(r.Step) == 0 {
		c := l.circles(r)
		if l.loops, l.writes = c.loops, c.writes; c.verdict.Action == ledger.Warn {
			l.said = append(l.said, warning(c.verdict))
		}
	}
	l.write(r)
	for _, p := range r.Sends {
		l.sent = max(l.sent, p.ID)
	}
	if h := r.Had; h != nil {
		l.inbox = slices.DeleteFunc(l.inbox, func(m received) bool { return m.From == h.From && m.ID == h.ID })
	}
	status := r.Status
	if status == "" {
		status = workloads.StatusOK
	}
	e := agent.Event{Kind: agent.ToolDone, Step: r.Step, Tool: r.Tool, Status: status, USD: r.USD}
	if r.Next == 0 {
		l.feed(&e)
		return
	}
	nodes := l.next(slices.Clone(l.graph.Steps), r.Next, workloads.CauseNone)
	if l.offer(&e, nodes) {
		l.turn(r.Step)
	}
}

// circles shows a step's tool calls to the detector of loops when the last of them
// has ended with r: in the order in which they were asked for, whichever ended
// first. What a recording repeats is its own.
func (l *life) circles(r *ran) *circle {
	if r.circle != nil {
		return r.circle
	}
	c := &circle{loops: l.loops, writes: l.writes}
	r.circle = c
	st := l.step(r.Step)
	if !l.open() || st.answer == nil {
		return c
	}
	for t := range st.answer.Calls {
		end := l.tool(r.Step, int32(t)).end
		if end == nil || end.Status == workloads.StatusCancelled || end.Had != nil {
			continue
		}
		if len(end.Writes) > 0 {
			c.writes++
		}
		name, args := l.asks(r.Step, int32(t))
		v := c.loops.Next(l.created.Loops, ledger.Call{
			Tool: name, Arguments: args, Result: end.Result, Progress: strconv.Itoa(c.writes),
		})
		if v.Action > c.verdict.Action {
			c.verdict = v
		}
	}
	return c
}

// warning is what the model reads of a loop.
func warning(v ledger.Verdict) hub.Message { return hub.Message{Role: "user", Content: v.String()} }

func (l *life) write(r *ran) {
	if len(r.Writes) == 0 {
		return
	}
	if l.shared {
		had := l.state
		l.state = make(map[string][]byte, len(had)+len(r.Writes))
		for k, v := range had {
			l.state[k] = v
		}
		l.shared = false
	}
	for _, w := range r.Writes {
		if w.Value == nil {
			delete(l.state, w.Key)
		} else {
			l.state[w.Key] = *w.Value
		}
	}
}

// turn makes the conversation after step s the latest prompt.
func (l *life) turn(s int32) {
	l.messages = l.prompt(s, l.step(s).answer)
	l.step(s + 1).prompt = len(l.messages)
	l.said = nil
	if !l.waits() {
		l.inbox = nil
	}
}

// prompt is the conversation after step s with an answer: that, the results of
// its tool calls in their order, and what was said meanwhile.
func (l *life) prompt(s int32, answer *hub.Message) []hub.Message {
	list := slices.Grow(l.messages[:len(l.messages):len(l.messages)], 1+len(answer.Calls)+len(l.said))
	list = append(list, *answer)
	for i := range answer.Calls {
		if end := l.tool(s, int32(i)).end; end != nil {
			list = append(list, end.message(answer.Calls[i].ID))
		}
	}
	list = append(list, l.said...)
	if !l.waits() {
		for _, m := range l.inbox {
			list = append(list, hub.Message{Role: "user", Name: m.From, Content: m.Text})
		}
	}
	return list
}

// message is what the model reads of a tool call.
func (r *ran) message(id string) hub.Message {
	content := string(r.Result)
	if content == "" {
		content = "null"
	}
	return hub.Message{Role: "tool", CallID: id, Content: content}
}

// waits says that messages of other sessions come when the agent asks for them.
func (l *life) waits() bool { return slices.Contains(l.created.Spec.Tools, WaitMessage) }
