package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// flight is a model call under way.
type flight struct {
	target  router.Target // the runtime's
	sent    time.Duration
	cancel  context.CancelFunc
	stopped workloads.Status // why it was called off
	reserve float64
	input   int
}

// grace is how long a call that was called off may take to say what it has cost.
const grace = time.Second

// start makes an attempt.
func (a *actor) start(e *agent.Effect) {
	l, rt := &a.life, a.rt
	id := callID{e.Step, e.Attempt}
	target := l.atlas.out(e.Target)
	if !a.fund(e) || !a.gate() {
		return
	}
	if target == router.NoTarget {
		a.log(&answered{Step: e.Step, Attempt: e.Attempt, Status: workloads.StatusError, Error: "the topology has no such deployment any more"})
		return
	}
	ctx, cancel := context.WithCancel(a.ctx)
	f := &flight{target: target, sent: a.time(), cancel: cancel, reserve: l.step(e.Step).reserve, input: l.machine.EffectiveInput(e.Step)}
	a.calls[id] = f
	c := a.call(e)
	c.Site, c.Model = rt.cfg.World.Sites[target.Site].Name, rt.cfg.World.Models[target.Model].Name
	if e.Watch {
		c.First = func() { a.box.put(input{do: func(a *actor) { a.firstToken(id) }}) }
	}
	rt.busy(target, 1)
	rt.actors.Go(func() {
		answer, err := rt.cfg.Caller.Call(ctx, c)
		cancel()
		rt.busy(target, -1)
		a.box.put(input{do: func(a *actor) { a.landedCall(id, f, answer, err) }})
	})
}

// fund sees to it that something is reserved for an attempt: a step's first has
// that from its decision, a fallback or a hedge gets it here.
func (a *actor) fund(e *agent.Effect) bool {
	if a.rt.cfg.Ledger == nil || a.life.heldFor(e.Step, e.Attempt, -1) != nil {
		return true
	}
	hold, err := a.reserve("", a.attemptAmount(e.Step, a.life.atlas.out(e.Target), a.life.step(e.Step).reserve))
	if err != nil {
		a.switchedOff(err)
		a.log(&answered{Step: e.Step, Attempt: e.Attempt, Status: workloads.StatusBudget, Error: err.Error()})
		return false
	}
	a.log(&started{Step: e.Step, Attempt: e.Attempt, Hold: *hold})
	return true
}

// call is what goes out for an attempt.
func (a *actor) call(e *agent.Effect) *hub.Call {
	l := &a.life
	spec := &l.created.Spec
	c := &hub.Call{
		Session: a.id, Tenant: spec.Tenant, Step: int(e.Step), Attempt: int(e.Attempt),
		Key:       fmt.Sprintf("%s/%d/a%d", a.id, e.Step, e.Attempt),
		MaxTokens: max(1, l.machine.EffectiveOutput(e.Step)), Seed: l.machine.Draw(e.Step, e.Attempt).Uint64(),
	}
	if l.open() {
		c.Messages, c.Tools = l.messages[:len(l.messages):len(l.messages)], a.definitions()
		return c
	}
	if a.rt.cfg.Vocab > 0 {
		c.Prompt, c.Forced = a.contents(e.Step)
	}
	if len(l.graph.Steps[e.Step].Step.Tools) > 0 {
		c.KeepFor = a.rt.cfg.Retain
	}
	return c
}

func (a *actor) firstToken(id callID) {
	if f := a.calls[id]; f != nil && f.stopped == "" {
		a.log(&firstToken{Step: id.step, Attempt: id.attempt})
	}
}

// cancelCall calls an attempt off. What it has cost is known when it returns; if
// it does not do so soon, it is taken to have cost all that was reserved.
func (a *actor) cancelCall(e *agent.Effect) {
	id := callID{e.Step, e.Attempt}
	f := a.calls[id]
	if f == nil || f.stopped != "" {
		return
	}
	f.stopped = e.Status
	f.cancel()
	a.own = append(a.own, later{a.time() + grace, func() {
		if a.calls[id] == f {
			a.landedCall(id, f, nil, context.DeadlineExceeded)
		}
	}})
}

// landedCall takes in how an attempt ended.
func (a *actor) landedCall(id callID, f *flight, answer *hub.Answer, err error) {
	if a.calls[id] != f {
		return
	}
	delete(a.calls, id)
	took := a.time() - f.sent
	r := &answered{Step: id.step, Attempt: id.attempt, Network: int64(took)}
	if err != nil {
		a.failed(r, f, err)
	} else {
		a.answered(r, f, answer, took)
	}
	status := r.Status
	if status == "" {
		status = workloads.StatusOK
	}
	a.rt.feedback(f.target, status, took)
	a.log(r)
	a.noticeCall(r)
}

// answered fills in an attempt that has an answer. The parts of its time sum to
// what it took: what the server does not account for was the way there and back,
// and without an account all up to the first token was prefill.
func (a *actor) answered(r *answered, f *flight, answer *hub.Answer, took time.Duration) {
	r.Message, r.Cached, r.Output = &answer.Message, answer.Cached, answer.Output
	queue, prefill, decode := answer.Queue, answer.Prefill, answer.Decode
	first := min(max(answer.First, 0), took)
	if queue == 0 && prefill == 0 && decode == 0 {
		prefill, decode = first, took-first
	}
	rest := took
	for _, p := range []*time.Duration{&queue, &prefill, &decode} {
		*p = min(max(*p, 0), rest)
		rest -= *p
	}
	r.Queue, r.Prefill, r.Decode, r.Network = int64(queue), int64(prefill), int64(decode), int64(rest)
	if first > 0 {
		r.First = int64(f.sent + first)
	}
	input := answer.Input
	if input <= 0 {
		input = f.input
	}
	r.USD, r.Egress = a.price(f.target, input, answer.Cached, answer.Output)
	r.Joules = a.joules(f.target, answer.Output)
	r.Units = a.units(f.target, input, answer.Output)
	if !a.life.open() {
		r.Message = &hub.Message{Role: "assistant"} // the recorded turn stands in its place
	}
	if f.stopped != "" {
		r.Status = f.stopped
		return
	}
	if a.life.open() && len(answer.Message.Calls) == 0 && len(a.life.said) > 0 && !a.rt.cfg.Agent.Validate {
		r.Next = a.count(a.life.prompt(r.Step, &answer.Message))
	}
}

// failed fills in an attempt that has none.
func (a *actor) failed(r *answered, f *flight, err error) {
	r.Status, r.Error = workloads.StatusError, err.Error()
	var known *hub.Error
	switch {
	case errors.As(err, &known):
		r.Status, r.Output = known.Status, known.Output
		r.USD, r.Egress = a.price(f.target, known.Input, 0, known.Output)
	case errors.Is(err, context.DeadlineExceeded):
		r.Status = workloads.StatusTimeout
	case errors.Is(err, context.Canceled):
		r.Status = workloads.StatusCancelled
	}
	if f.stopped != "" {
		r.Status = f.stopped
	}
	unknown := known == nil || known.Input == 0
	if unknown && (r.Status == workloads.StatusTimeout || r.Status == workloads.StatusCancelled) {
		r.USD = f.reserve
	}
}

// validate has an answer looked at.
func (a *actor) validate(e *agent.Effect) {
	ask := a.rt.cfg.Validate
	step, attempt := e.Step, e.Attempt
	answer := a.life.step(step).answer
	if ask == nil || answer == nil {
		a.log(&validated{Step: step, Attempt: attempt, Pass: true})
		return
	}
	if !a.gate() {
		return
	}
	c := a.call(e)
	ctx, cancel := context.WithCancel(a.ctx)
	id := toolID{step, -attempt}
	a.runs[id] = run{cancel: cancel, spawned: true}
	a.rt.actors.Go(func() {
		v := ask(ctx, c, answer)
		cancel()
		a.box.put(input{do: func(a *actor) {
			if _, waits := a.runs[id]; waits {
				delete(a.runs, id)
				a.log(&validated{Step: step, Attempt: attempt, Pass: v.Pass, Why: v.Why, USD: v.USD})
			}
		}})
	})
}

// count is the length of a conversation as the Caller has it, at least 1.
func (a *actor) count(messages []hub.Message) int {
	c := &hub.Call{Session: a.id, Tenant: a.life.created.Spec.Tenant, Messages: messages, Tools: a.definitions()}
	return max(1, a.rt.cfg.Caller.Count(c))
}

// definitions are the tools that the session's model is told of.
func (a *actor) definitions() []hub.Definition {
	if a.defs == nil {
		for _, name := range a.life.created.Spec.Tools {
			if t, ok := a.rt.cfg.Tools.Lookup(name); ok {
				a.defs = append(a.defs, hub.Definition{Name: t.Name, Description: t.Description, Parameters: t.Input})
			}
		}
	}
	return a.defs
}
