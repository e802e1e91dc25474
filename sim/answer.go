package sim

import (
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// callAnswered hands an attempt's answer to its session.
func (p *point) callAnswered(i int32, gen uint32) {
	c := &p.calls[i]
	if !c.live || c.gen != gen {
		return
	}
	s := p.sessions[c.session]
	p.totals.Answered++
	p.took = c.took(p.now)
	ev := agent.Event{Kind: agent.AttemptDone, Step: c.step, Attempt: c.attempt, Status: c.status, Call: &p.took}
	switch c.status {
	case workloads.StatusOK:
		p.took.First = c.first + (p.now - c.done)
		right := p.rightAnswer(s, c.step, c.attempt, c.target.Site, c.target.Model)
		p.took.Correct = verdict(right)
		ev.Fatal = !right && p.quality.fatalIfAccepted(s.stepKey(c.step))
		p.totals.InputTokens += int64(c.input)
		p.totals.CachedTokens += int64(c.cached)
		p.totals.OutputTokens += int64(c.output)
	case workloads.StatusRejected:
		p.totals.Rejected++
	default:
		p.totals.Failed++
	}
	p.closeCall(i, s)
	p.tell(c.session, &ev)
}

// took is what an attempt has taken by now, by what it spent the time on.
func (c *call) took(now time.Duration) agent.Call {
	reached := func(t, after time.Duration) time.Duration {
		if t == unset {
			return now
		}
		return min(max(t, after), now)
	}
	arrived := reached(c.arrived, c.sent)
	started := reached(c.started, arrived)
	first := reached(c.first, started)
	done := reached(c.done, first)
	t := agent.Call{
		Queue: started - arrived, Prefill: first - started, Decode: done - first,
		Cached: c.cached, Output: c.output, USD: c.usd, Egress: c.egress, Joules: c.joules,
	}
	t.Network = now - c.sent - t.Queue - t.Prefill - t.Decode
	return t
}

// closeCall books an attempt that is over and forgets it. The slot may be read
// until the next attempt starts.
func (p *point) closeCall(i int32, s *session) {
	c := &p.calls[i]
	s.dropCall(i)
	p.totals.USD += c.usd + c.egress
	p.router.Feedback(p.now, c.target, c.status, p.now-c.sent)
	p.freeCall(i)
}

var yes, no = true, false

func verdict(right bool) *bool {
	if right {
		return &yes
	}
	return &no
}

// rightAnswer says whether an attempt's answer is right. What a response cache
// holds is.
func (p *point) rightAnswer(s *session, step, attempt int32, at topology.SiteID, m topology.ModelID) bool {
	return p.inCache(s, step, at) ||
		p.quality.correct(s.call(step), p.difficulty(s, step), m, s.stepKey(step), attempt)
}

// cancelCall calls an attempt off and says at once what it has taken. What its
// site has done by then is paid: the prompt once prefill has begun, and the
// tokens decoded, and streamed, so far at the replica's present pace.
func (p *point) cancelCall(si int32, e *agent.Effect) {
	s := p.sessions[si]
	for _, i := range s.calls {
		c := &p.calls[i]
		if c.step != e.Step || c.attempt != e.Attempt {
			continue
		}
		p.totals.Cancelled++
		p.withdraw(i)
		c.status = e.Status
		if c.status == workloads.StatusTimeout {
			p.totals.Timeouts++
		}
		p.took = c.took(p.now)
		p.took.First = 0
		p.closeCall(i, s)
		p.feed(s, &agent.Event{
			Kind: agent.AttemptDone, Step: e.Step, Attempt: e.Attempt, Status: c.status, Call: &p.took,
		})
		return
	}
}

// withdraw takes a cancelled attempt off its replica and prices what was done.
func (p *point) withdraw(i int32) {
	c := &p.calls[i]
	if c.handle == 0 { // on its way, or served already
		if c.done == unset {
			c.output, c.cached = 0, 0
		}
		return
	}
	r := &p.replicas[c.target.Replica]
	_, moved := r.server.Cancel(p.now, c.handle, p.moved[:0])
	if r.engine.server != nil {
		p.afterMove(int32(c.target.Replica), moved)
		p.withdrawn(i)
		return
	}
	pace := r.d.StepBase + time.Duration(max(1, r.server.InService()))*r.d.StepPerSeq
	p.afterMove(int32(c.target.Replica), moved)
	if c.handle == 0 { // it was done at this very moment
		return
	}
	c.handle = 0
	switch {
	case c.started == p.now: // it never ran
		c.output, c.cached = 0, 0
		return
	case c.first == p.now:
		c.output = 0
	case pace > 0:
		c.output = min(c.output, 1+int((p.now-c.first)/pace))
	}
	p.price(c)
	p.priceBytes(c, p.sessions[c.session])
}
