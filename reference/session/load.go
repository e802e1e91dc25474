package session

import (
	"fmt"
	"slices"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/tools"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// load makes the session the actor's: it takes the ownership, and lives through
// the records that there are.
func (a *actor) load() error {
	rt := a.rt
	if a.begin != nil {
		return a.create()
	}
	head, err := rt.cfg.Store.Head(rt.ctx, a.id)
	if err != nil {
		return err
	}
	if s := summaryOf(&head); s.Status != "" {
		v, err := Rebuild(rt.ctx, rt.cfg.Store, a.id, To{})
		if err == nil {
			rt.over(a.id, func() *View { return v })
			err = &EndedError{a.id, s.Status}
		}
		return err
	}
	if a.head, err = rt.cfg.Store.Own(rt.ctx, a.id, rt.cfg.Owner, false); err != nil {
		return err
	}
	if err := a.life.replay(rt.ctx, rt.cfg.Store, a.id, To{}); err != nil {
		return err
	}
	if a.life.seq != a.head.Seq {
		return fmt.Errorf("session %q: it has %d records, and %d could be read: %w", a.id, a.head.Seq, a.life.seq, journal.ErrConflict)
	}
	// Where the clock of the process before was ahead, time goes on from there.
	a.behind = max(0, a.life.now-rt.cfg.Now().Sub(a.life.begun))
	a.snapped = a.life.events - int(a.head.Seq-a.head.Snapshot)
	a.asleep = true
	if a.life.quiet+1 != a.head.Epoch { // an owner between may have begun something
		for i := range a.life.pending {
			p := &a.life.pending[i]
			p.fresh = p.Kind == agent.RunTool && a.life.tool(p.Step, p.Tool).consented(a.head.Epoch-1)
		}
	}
	return a.settleIn()
}

// create writes a session's first records.
func (a *actor) create() error {
	rt := a.rt
	head, err := rt.cfg.Store.Own(rt.ctx, a.id, rt.cfg.Owner, true)
	if err != nil {
		return err
	}
	if head.Seq > 0 {
		return &ExistsError{a.id}
	}
	a.head = head
	a.life.begun = time.Unix(0, rt.cfg.Now().UnixNano())
	a.log(a.begin)
	if a.life.err == nil {
		err = a.settleIn()
	}
	if a.life.err != nil {
		err = a.life.err
	}
	a.begin = nil
	if err != nil {
		return err
	}
	a.summarize("", false)
	a.log(&arrived{})
	a.work()
	return nil
}

// settleIn finds the runtime's numbers for what the session's records name.
func (a *actor) settleIn() error {
	w := a.rt.cfg.World
	a.life.atlas.bind(w)
	a.home = a.life.atlas.sites[0]
	if a.home == topology.None { // the topology has changed
		a.home = a.rt.place(a.life.atlas.origin, a.life.created.Spec.Data)
	}
	if a.home == topology.None {
		return fmt.Errorf("session %q: topology %q has no site where it may live", a.id, w.Name)
	}
	return nil
}

// recover asks again for what a process before was asked for.
func (a *actor) recover() {
	if a.life.finished && !a.life.over {
		a.finish(&agent.Effect{Kind: agent.Finish, Status: a.life.status})
		return
	}
	if !a.life.arrived {
		a.log(&arrived{})
		a.work()
		return
	}
	outstanding := slices.Clone(a.life.pending)
	for i := range outstanding {
		if a.gone {
			return
		}
		a.again(&outstanding[i])
		a.work()
	}
}

// again is what an effect comes to of which it is not known whether it has been
// carried out.
func (a *actor) again(p *pending) {
	switch p.Kind {
	case agent.Route:
		a.carryOut(&p.Effect)
	case agent.Commit:
		// It is durable, since it has been read; what follows may have begun.
		from := len(a.queue)
		a.log(&committed{Step: p.Step, Attempt: p.Attempt})
		next := append([]agent.Effect(nil), a.queue[from:]...)
		a.queue = a.queue[:from]
		for i := range next {
			a.again(&pending{Effect: next[i], fresh: p.fresh})
		}
	case agent.Start:
		if p.fresh {
			a.start(&p.Effect)
			return
		}
		a.lost(p.Step, p.Attempt)
	case agent.Validate:
		a.validate(&p.Effect)
	case agent.RunTool:
		a.toolAgain(p)
	default:
		a.carryOut(&p.Effect)
	}
}

// lost answers an attempt whose answer, if there was one, has gone to a process
// that is no more. It may have been charged, so all that was reserved for it is.
func (a *actor) lost(step, attempt int32) {
	a.log(&answered{
		Step: step, Attempt: attempt, Status: workloads.StatusLost, USD: a.life.step(step).reserve,
		Network: int64(a.time() - a.life.sentAt(step, attempt)), Error: "the process that waited for the answer has ended",
	})
}

// toolAgain is what becomes of a tool call that may have been made.
func (a *actor) toolAgain(p *pending) {
	l := &a.life
	t := l.tool(p.Step, p.Tool)
	id := toolID{p.Step, p.Tool}
	tool, _ := a.rt.cfg.Tools.Lookup(a.toolName(id))
	switch {
	case l.machine.Status() != "":
		a.ranCancelled(id)
	case !l.open(), tool == nil, p.fresh, a.rt.cfg.Ledger != nil && tool.USD > 0 && l.heldFor(p.Step, 0, p.Tool) == nil,
		a.toolName(id) == WaitMessage, tool.Approval && t.verdict == nil, t.verdict != nil && !t.verdict.OK:
		a.runTools([]agent.Effect{p.Effect})
	case tool.Repeat == tools.Once:
		c := a.toolCall(id, true)
		c.State = a.stateView()
		result, unknown := a.rt.cfg.Tools.Unknown(tool.Name, c)
		end := toolEnd{result: result, status: workloads.StatusError}
		if unknown != nil {
			end.failure = unknown.Error()
		}
		a.toolEnds(id, end)
	default:
		a.launch(id, true)
	}
}
