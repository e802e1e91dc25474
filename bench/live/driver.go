package live

import (
	"context"
	"errors"
	"time"

	"tierlab/bench/target"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/session/content"
	"tierlab/workloads"
)

// driver lives one session: it waits for events, hands them to the machine and
// carries out what that asks for.
type driver struct {
	run     *run
	number  int
	graph   *workloads.Graph
	content *content.Session
	machine agent.Machine

	inbox   chan message
	over    chan struct{} // closed when the session is: whoever has news keeps them
	calls   map[callID]attempt
	now     time.Duration // of the message in hand
	effects []agent.Effect
	request router.Request
	choice  router.Decision
	outcome workloads.Outcome
}

// callID names an attempt under way.
type callID struct{ step, attempt int32 }

// attempt is a call under way.
type attempt struct {
	sent   time.Duration
	cancel context.CancelFunc
}

// message is news for a session: an event, and for an attempt's end what came of it.
type message struct {
	event agent.Event
	due   time.Duration // when it was to come; negative: when it comes
	call  *finished
}

// finished is an attempt that has ended by itself.
type finished struct {
	id     callID
	target router.Target
	answer target.Answer
	err    error
}

// live waits for the session's arrival and then for its events.
func (d *driver) live() {
	defer close(d.over)
	arrival := d.graph.Session.Arrival.D()
	select {
	case <-time.After(arrival - d.run.now()):
	case <-d.run.ctx.Done():
		return
	}
	d.handle(message{event: agent.Event{Kind: agent.Arrived}, due: arrival})
	for !d.machine.Finished() {
		select {
		case m := <-d.inbox:
			d.handle(m)
		case <-d.run.ctx.Done():
			for _, a := range d.calls {
				a.cancel()
			}
			return
		}
	}
}

// handle takes one message in and carries out what follows.
func (d *driver) handle(m message) {
	d.now = d.run.now()
	if m.due >= 0 {
		d.run.late(d.now - m.due)
	}
	if m.call != nil {
		if _, open := d.calls[m.call.id]; !open {
			return // it was called off, and has been answered
		}
		d.settle(m.call)
	} else if m.event.Kind != agent.ToolDone || d.machine.ToolRunning(m.event.Step, m.event.Tool) {
		d.feed(&m.event)
	}
	for i := 0; i < len(d.effects); i++ {
		d.carryOut(d.effects[i])
	}
	d.effects = d.effects[:0]
}

func (d *driver) feed(e *agent.Event) {
	d.effects = d.machine.Handle(d.now, e, d.effects)
}

// later posts an event at a time.
func (d *driver) later(at time.Duration, e agent.Event) {
	time.AfterFunc(at-d.run.now(), func() { d.post(message{event: e, due: at}) })
}

// post hands a message in, unless the session is over.
func (d *driver) post(m message) {
	select {
	case d.inbox <- m:
	case <-d.over:
	}
}

// carryOut does what the machine asks for.
func (d *driver) carryOut(e agent.Effect) {
	back := agent.Event{Step: e.Step, Attempt: e.Attempt, Tool: e.Tool}
	switch e.Kind {
	case agent.Route:
		d.route(&e)
	case agent.Start:
		d.start(&e)
	case agent.Cancel:
		d.cancel(&e)
	case agent.RunTool:
		back.Kind = agent.ToolDone
		tool := &d.graph.Steps[e.Step].Step.Tools[e.Tool]
		d.later(d.now+d.run.cfg.Agent.CapTool(tool.Duration.D()), back)
	case agent.CancelTool:
		back.Kind, back.Status = agent.ToolDone, workloads.StatusCancelled
		d.feed(&back)
	case agent.SetTimer:
		back.Kind, back.Timer = agent.TimerFired, e.Timer
		d.later(e.At, back)
	case agent.Commit:
		back.Kind = agent.Committed
		d.feed(&back)
	case agent.StepDone:
		d.machine.StepOutcome(e.Step, &d.outcome)
		d.sink(workloads.Sink.Step)
	case agent.Finish:
		d.machine.SessionOutcome(&d.outcome)
		d.outcome.Result.Measured = true
		d.sink(workloads.Sink.Session)
	}
}

// route asks the router where an attempt goes.
func (d *driver) route(e *agent.Effect) {
	r := d.run
	d.machine.Request(e.Step, &d.request)
	r.mu.Lock()
	r.router.Route(d.now, &d.request, &d.choice)
	r.mu.Unlock()
	d.feed(&agent.Event{Kind: agent.Routed, Step: e.Step, Attempt: e.Attempt, Decision: &d.choice})
}

// sink hands d.outcome on.
func (d *driver) sink(f func(workloads.Sink, *workloads.Outcome) error) {
	r := d.run
	o := &d.outcome
	o.Session, o.Template, o.Measured = d.graph.Session.ID, d.graph.Session.ID, true
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.Result != nil && o.Step == "" {
		r.report.Sessions++
	} else {
		r.report.Steps++
	}
	if r.cfg.Sink != nil {
		r.err = errors.Join(r.err, f(r.cfg.Sink, o))
	}
}
