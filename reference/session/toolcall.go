package session

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
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
	ready = slices.DeleteFunc(ready, func(id toolID) bool { return !a.fundTool(id) })
	if len(ready) == 0 || !a.gate() {
		return
	}
	for _, id := range ready {
		a.launch(id, false)
	}
}

// fundTool reserves what a tool call costs at most, and asks whether the tool is
// switched on. A call that may not be made ends at once, and the model is told.
func (a *actor) fundTool(id toolID) bool {
	if a.rt.cfg.Ledger == nil || !a.life.open() || a.life.heldFor(id.step, 0, id.tool) != nil {
		return true
	}
	var amount journal.Amount
	name := a.toolName(id)
	if t, ok := a.rt.cfg.Tools.Lookup(name); ok {
		amount.PicoUSD = ledger.Pico(t.USD)
	}
	hold, err := a.reserve(name, amount)
	switch {
	case err != nil:
		if !a.switchedOff(err) {
			a.toolEnds(id, toolEnd{status: workloads.StatusBudget, failure: err.Error()})
		}
		return false
	case hold != nil:
		a.log(&started{Step: id.step, Tool: &id.tool, Hold: *hold})
	}
	return true
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

// launch makes a tool call. again says that it may have been made before.
func (a *actor) launch(id toolID, again bool) {
	if !a.gate() {
		return
	}
	c := a.toolCall(id, again)
	if !a.life.open() {
		a.play(id, c)
		return
	}
	name := a.toolName(id)
	if name == WaitMessage {
		a.waitMessage(id)
		return
	}
	tool, known := a.rt.cfg.Tools.Lookup(name)
	serial := known && tool.Serial()
	if serial && !a.inTurn(id) {
		a.life.tool(id.step, id.tool).again = again
		return
	}
	c.State = a.stateView()
	a.spawn(id, serial, func(ctx context.Context) (tools.Result, error) { return a.rt.cfg.Tools.Call(ctx, name, c) })
}

// toolCall is what goes out for a tool call.
func (a *actor) toolCall(id toolID, again bool) *tools.Call {
	c := &tools.Call{
		Session: a.id, Tenant: a.life.created.Spec.Tenant, Step: int(id.step), Index: int(id.tool),
		Key: tools.Key(a.id, int(id.step), int(id.tool)), Tools: a.life.created.Spec.Tools, Bound: bound(a.life.created.Spec.Data), Again: again,
	}
	if a.life.open() {
		c.Arguments = json.RawMessage(a.life.step(id.step).answer.Calls[id.tool].Arguments)
	}
	return c
}

// play makes a recorded call as Config.Play says.
func (a *actor) play(id toolID, c *tools.Call) {
	how := a.rt.cfg.Play(&a.life.graph.Steps[id.step].Step.Tools[id.tool])
	switch {
	case how.Run != nil:
		a.spawn(id, false, func(ctx context.Context) (tools.Result, error) { return how.Run(ctx, c) })
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
func (a *actor) spawn(id toolID, serial bool, call func(ctx context.Context) (tools.Result, error)) {
	ctx, cancel := context.WithCancel(a.ctx)
	a.runs[id] = run{cancel: cancel, spawned: true, serial: serial}
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
				if serial {
					a.work()
					a.nextSerial()
				}
			}
		}})
	})
}

// inTurn says that a call of a tool that works on the session's state may begin;
// otherwise it does when the one before has ended.
func (a *actor) inTurn(id toolID) bool {
	for _, r := range a.runs {
		if r.serial {
			a.serial = append(a.serial, id)
			return false
		}
	}
	return true
}

// nextSerial begins the next of the calls that wait for their turn.
func (a *actor) nextSerial() {
	for len(a.serial) > 0 && !a.gone {
		id := a.serial[0]
		a.serial = a.serial[1:]
		if a.life.find(agent.RunTool, id.step, 0, id.tool) >= 0 {
			a.launch(id, a.life.tool(id.step, id.tool).again)
			return
		}
	}
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
		body, _ := json.Marshal(letter{Text: s.Text, Data: l.created.Spec.Data, Origin: l.created.Origin})
		a.batch.Sends = append(a.batch.Sends, journal.Message{ID: p.ID, To: p.To, Body: body})
	}
	if l.open() && l.machine.Status() == "" && l.toolsLeft(id.step) == 1 {
		l.tool(id.step, id.tool).end = r
		if v := l.circles(r).verdict; v.Action == ledger.Warn {
			l.said = append(l.said, warning(v))
			defer func() { l.said = l.said[:len(l.said)-1] }()
		}
		r.Next = a.count(l.prompt(id.step, l.step(id.step).answer))
	}
	return r
}

// toolEnds writes a call's end down. A session that goes in circles ends with it.
func (a *actor) toolEnds(id toolID, end toolEnd) {
	r := a.ended(id, end)
	if a.gone {
		return
	}
	if a.life.toolsLeft(id.step) == 1 && a.life.machine.Status() == "" && a.life.circles(r).verdict.Action == ledger.Stop {
		v := a.life.circles(r).verdict
		a.log(&killed{Why: v.String()})
		r.Next = 0
	}
	a.log(r)
	a.noticeTool(id)
}

// cancelTool calls a tool call off and says so at once.
func (a *actor) cancelTool(e *agent.Effect) {
	id := toolID{e.Step, e.Tool}
	if r, runs := a.runs[id]; runs {
		r.cancel()
		delete(a.runs, id)
	}
	a.serial = slices.DeleteFunc(a.serial, func(w toolID) bool { return w == id })
	a.waits = slices.DeleteFunc(a.waits, func(w toolID) bool { return w == id })
	a.ranCancelled(id)
}

func (a *actor) ranCancelled(id toolID) {
	if a.life.find(agent.RunTool, id.step, 0, id.tool) >= 0 {
		a.toolEnds(id, toolEnd{status: workloads.StatusCancelled, failure: "the session was stopped"})
	}
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
