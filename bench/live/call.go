package live

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tierlab/bench/target"
	"tierlab/reference/agent"
	"tierlab/workloads"
)

// start sends an attempt.
func (d *driver) start(e *agent.Effect) {
	id := callID{e.Step, e.Attempt}
	ctx, cancel := context.WithCancel(d.run.ctx)
	d.calls[id] = attempt{d.now, cancel}
	cfg := d.run.cfg
	prompt, answer := d.content.Call(e.Step)
	call := &target.Call{Prompt: prompt, MaxTokens: max(1, len(answer)), Extended: cfg.Extended, Tenant: d.graph.Session.Tenant}
	if cfg.Extended {
		call.Force, call.Session = answer, d.graph.Session.ID
		if len(d.graph.Steps[e.Step].Step.Tools) > 0 {
			call.Keep = cfg.Retain
		}
	}
	if e.Watch {
		call.OnFirst = func() {
			d.post(message{event: agent.Event{Kind: agent.FirstToken, Step: id.step, Attempt: id.attempt}, due: -1})
		}
	}
	f := finished{id: id, target: e.Target}
	server := cfg.Endpoint(e.Target)
	go func() {
		defer cancel()
		if server == nil {
			f.err = errors.New("no server for this deployment")
		} else {
			f.answer, f.err = server.Do(ctx, d.run.start, call)
		}
		d.post(message{call: &f, due: -1})
	}()
}

// settle tells the machine how an attempt ended. The way to the server and back
// is what lies between the session's clock and the server's account; without
// one, prefill lasts to the first token.
func (d *driver) settle(f *finished) {
	took := d.now - d.calls[f.id].sent
	delete(d.calls, f.id)
	d.run.done(&f.answer, f.err)
	call := agent.Call{Network: took}
	status := workloads.StatusOK
	if f.err != nil {
		status = statusOf(f.err)
	} else {
		call.First, call.Output, call.Cached = f.answer.First, f.answer.Output, f.answer.Cached
		call.Prefill, call.Decode = f.answer.First-f.answer.Sent, f.answer.Done-f.answer.First
		if s := f.answer.Server; s != nil {
			call.Queue, call.Prefill, call.Decode = millis(s.Queue), millis(s.Prefill), millis(s.Decode)
		}
		call.Network = took - call.Queue - call.Prefill - call.Decode
	}
	d.run.mu.Lock()
	d.run.router.Feedback(d.now, f.target, status, took)
	d.run.mu.Unlock()
	d.feed(&agent.Event{Kind: agent.AttemptDone, Step: f.id.step, Attempt: f.id.attempt, Status: status, Call: &call})
}

// cancel stops an attempt and says so at once.
func (d *driver) cancel(e *agent.Effect) {
	id := callID{e.Step, e.Attempt}
	a, ok := d.calls[id]
	if !ok {
		return
	}
	a.cancel()
	delete(d.calls, id)
	d.feed(&agent.Event{
		Kind: agent.AttemptDone, Step: e.Step, Attempt: e.Attempt, Status: e.Status, Call: &agent.Call{Network: d.now - a.sent},
	})
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func statusOf(err error) workloads.Status {
	var status *target.StatusError
	switch {
	case errors.As(err, &status) && status.Status == http.StatusTooManyRequests:
		return workloads.StatusRejected
	case errors.Is(err, context.DeadlineExceeded):
		return workloads.StatusTimeout
	default:
		return workloads.StatusError
	}
}
