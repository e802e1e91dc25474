package session

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/session/content"
	"tierlab/reference/tools"
	"tierlab/workloads"
)

// toolEnd is how a tool call came out.
type toolEnd struct {
	result  tools.Result
	status  workloads.Status // "": ok, or error if the result says so
	failure string
	had     *had
}

// runTools begins the tool calls that one answer asked for.
func (a *actor) runTools(list []agent.Effect) {
	var ready []toolID
	for i := range list {
		id := toolID{list[i].Step, list[i].Tool}
		if !a.life.open() {
			ready = append(ready, id)
			continue
		}
		t := a.life.tool(id.step, id.tool)
		tool, known := a.rt.cfg.Tools.Lookup(a.toolName(id))
		switch {
		case !known && a.toolName(id) != WaitMessage || !slices.Contains(a.life.created.Spec.Tools, a.toolName(id)):
			a.toolEnds(id, toolEnd{status: workloads.StatusError, failure: "there is no tool " + quoted(a.toolName(id)) + " here"})
		case known && tool.Approval && t.verdict == nil:
			if !t.asked {
				a.log(&asked{Step: id.step, Tool: id.tool})
				a.noticeAsked(id)
			}
		case t.verdict != nil && !t.verdict.OK:
			a.denied(id)
		default:
			ready = append(ready, id)
		}
	}
	if len(ready) == 0 || !a.gate() {
		return
	}
	for _, id := range ready {
		a.launch(id, false)
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// toolName is what an open session's model called.
func (a *actor) toolName(id toolID) string {
	if n := a.life.step(id.step).answer; n != nil && a.life.open() && int(id.tool) < len(n.Calls) {
		return n.Calls[id.tool].Name
	}
	return a.life.graph.Steps[id.step].Step.Tools[id.tool].Name
}

// turn is a call of a tool that works on the session's state (tools.Tool.Serial):
// they are made one after the other, in the order in which they were asked for.
type turn struct {
	id    toolID
	again bool
}

// launch makes a tool call, when it is its turn. again says that it may have been
// made before.
func (a *actor) launch(id toolID, again bool) {
	if a.life.open() {
		if t, known := a.rt.cfg.Tools.Lookup(a.toolName(id)); known && t.Serial() {
			a.turns = append(a.turns, turn{id, again})
			if len(a.turns) > 1 {
				return
			}
		}
	}
	a.callTool(id, again)
}

// passTurn goes on with the call that waits for the one that has ended.
func (a *actor) passTurn(id toolID) {
	if len(a.turns) == 0 || a.turns[0].id != id {
		return
	}
	a.turns = a.turns[1:]
	if len(a.turns) > 0 && !a.gone {
		a.callTool(a.turns[0].id, a.turns[0].again)
	}
}

func (a *actor) callTool(id toolID, again bool) {
	if !a.gate() {
		return
	}
	c := &tools.Call{
		Session: a.id, Tenant: a.life.created.Spec.Tenant, Step: int(id.step), Index: int(id.tool),
		Key: tools.Key(a.id, int(id.step), int(id.tool)), State: a.stateView(), Tools: a.life.created.Spec.Tools, Again: again,
	}
	if !a.life.open() {
		a.play(id, c)
		return
	}
	name := a.toolName(id)
	if name == WaitMessage {
		a.waitMessage(id)
		return
	}
	c.Arguments = json.RawMessage(a.life.step(id.step).answer.Calls[id.tool].Arguments)
	a.spawn(id, func(ctx context.Context) (tools.Result, error) { return a.rt.cfg.Tools.Call(ctx, name, c) })
}

// play makes a recorded call as Config.Play says.
func (a *actor) play(id toolID, c *tools.Call) {
	how := a.rt.cfg.Play(&a.life.graph.Steps[id.step].Step.Tools[id.tool])
	switch {
	case how.Run != nil:
		a.spawn(id, func(ctx context.Context) (tools.Result, error) { return how.Run(ctx, c) })
	case how.For <= 0:
		a.toolEnds(id, toolEnd{})
	default:
		a.runs[id] = run{cancel: func() {}}
		a.own = append(a.own, later{a.life.tool(id.step, id.tool).began + how.For, func() {
			if _, waits := a.runs[id]; waits {
				delete(a.runs, id)
				a.toolEnds(id, toolEnd{})
			}
		}})
	}
}

// spawn runs a call in a goroutine of its own.
func (a *actor) spawn(id toolID, call func(ctx context.Context) (tools.Result, error)) {
	ctx, cancel := context.WithCancel(a.rt.ctx)
	a.runs[id] = run{cancel, true}
	a.rt.actors.Go(func() {
		result, err := call(ctx)
		cancel()
		end := toolEnd{result: result}
		if err != nil {
			end.status, end.failure = workloads.StatusError, err.Error()
		}
		a.box.put(input{do: func(a *actor) {
			if _, waits := a.runs[id]; waits {
				delete(a.runs, id)
				a.toolEnds(id, end)
				a.passTurn(id)
			}
		}})
	})
}

// ended makes the record of a call's end, with all that becomes durable with it.
func (a *actor) ended(id toolID, end toolEnd) *ran {
	l := &a.life
	r := &ran{
		Step: id.step, Tool: id.tool, Status: end.status, Result: end.result.Content, Error: end.failure,
		Took: int64(a.time() - l.tool(id.step, id.tool).began), USD: end.result.USD, Had: end.had,
	}
	if r.Status == "" && end.result.Failed {
		r.Status = workloads.StatusError
	}
	if len(r.Result) == 0 && r.Error != "" {
		r.Result, _ = json.Marshal(map[string]string{"error": r.Error})
	}
	for _, w := range end.result.Writes {
		if w.Key == "" || strings.HasPrefix(w.Key, ownKeys) {
			continue
		}
		p := put{Key: w.Key}
		if w.Value != nil {
			p.Value = &w.Value
		}
		r.Writes = append(r.Writes, p)
		a.batch.Puts = append(a.batch.Puts, journal.Put{Key: w.Key, Value: w.Value})
	}
	for _, s := range end.result.Sends {
		if journal.CheckSession(s.To) != nil {
			continue
		}
		p := post{ID: l.sent + uint64(len(r.Sends)) + 1, To: s.To, Text: s.Text}
		r.Sends = append(r.Sends, p)
		body, _ := json.Marshal(letter{s.Text})
		a.batch.Sends = append(a.batch.Sends, journal.Message{ID: p.ID, To: p.To, Body: body})
	}
	if l.open() && l.machine.Status() == "" && l.toolsLeft(id.step) == 1 {
		l.tool(id.step, id.tool).end = r
		r.Next = a.count(l.prompt(id.step, l.step(id.step).answer))
	}
	return r
}

// toolEnds writes a call's end down.
func (a *actor) toolEnds(id toolID, end toolEnd) {
	a.log(a.ended(id, end))
	a.noticeTool(id)
}

// cancelTool calls a tool call off and says so at once.
func (a *actor) cancelTool(e *agent.Effect) {
	id := toolID{e.Step, e.Tool}
	if r, runs := a.runs[id]; runs {
		r.cancel()
		delete(a.runs, id)
	}
	a.waits = slices.DeleteFunc(a.waits, func(w toolID) bool { return w == id })
	a.turns = slices.DeleteFunc(a.turns, func(t turn) bool { return t.id == id })
	a.ranCancelled(id)
}

func (a *actor) ranCancelled(id toolID) {
	if a.life.find(agent.RunTool, id.step, 0, id.tool) >= 0 {
		a.toolEnds(id, toolEnd{status: workloads.StatusCancelled, failure: "the session was stopped"})
	}
}

// denied answers a call that a person has refused.
func (a *actor) denied(id toolID) {
	v := a.life.tool(id.step, id.tool).verdict
	why := "refused by " + v.By
	if v.Why != "" {
		why += ": " + v.Why
	}
	a.toolEnds(id, toolEnd{status: workloads.StatusError, failure: why})
}

// ownKeys begin the keys of a session's state that are the runtime's own.
const ownKeys = "~"

// stateView is the session's state as of now. What has been handed out is not
// changed any more.
func (a *actor) stateView() tools.State {
	a.life.shared = true
	return stateView(a.life.state)
}

type stateView map[string][]byte

func (s stateView) Get(key string) ([]byte, bool) {
	v, ok := s[key]
	return v, ok
}

func (s stateView) List(prefix string) []string {
	var keys []string
	for k := range maps.Keys(s) {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// contents are a recorded step's token ids.
func (a *actor) contents(step int32) (prompt, answer []int32) {
	if a.tokens == nil {
		src := content.New(a.life.created.Spec.Recorded.Prefixes, a.rt.cfg.Vocab, a.rt.cfg.Seed)
		a.tokens = src.Of(a.life.graph, a.id)
	}
	return a.tokens.Call(step)
}

// sentAt is when an attempt was asked for.
func (l *life) sentAt(step, attempt int32) time.Duration {
	var o workloads.Outcome
	l.machine.StepOutcome(step, &o)
	if int(attempt) <= len(o.Attempts) {
		return o.Attempts[attempt-1].Sent.D()
	}
	return l.now
}

// approve takes in a person's word on a tool call.
func (a *actor) approve(id toolID, ok bool, by, why string) error {
	if id.step < 0 || int(id.step) >= len(a.life.steps) || id.tool < 0 || int(id.tool) >= len(a.life.steps[id.step].tools) {
		return fmt.Errorf("session %q: it has no tool call %d at step %d", a.id, id.tool+1, id.step+1)
	}
	t := a.life.tool(id.step, id.tool)
	if !t.asked || t.verdict != nil || t.done {
		return fmt.Errorf("session %q: tool call %d at step %d waits for nobody's approval", a.id, id.tool+1, id.step+1)
	}
	a.log(&approved{Step: id.step, Tool: id.tool, OK: ok, By: by, Why: why})
	if !ok {
		a.denied(id)
		return nil
	}
	a.launch(id, false)
	return nil
}
