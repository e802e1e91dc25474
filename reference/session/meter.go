package session

import (
	"errors"
	"slices"
	"strings"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// reserve sets an amount aside. The reservation becomes durable with the batch
// under way, which has to be written before what it is for begins.
func (a *actor) reserve(tool string, amount journal.Amount) (*ledger.Hold, error) {
	books := a.rt.cfg.Ledger
	if books == nil {
		return nil, nil
	}
	spec := &a.life.created.Spec
	h, err := books.Reserve(a.rt.cfg.Now(), ledger.Request{
		Session: a.id, Tenant: spec.Tenant, Tool: tool, Amount: amount, Budget: spec.Budget,
	})
	if err != nil {
		return nil, err
	}
	if amount == (journal.Amount{}) { // only the switches were asked
		books.Drop(h)
		return nil, nil
	}
	a.batch.Charges = append(a.batch.Charges, books.Reservation(h)...)
	a.after = append(a.after, func(err error) {
		if err != nil && !a.unsure { // it certainly was not written
			books.Drop(h)
		}
	})
	return &h, nil
}

// settleHold puts what was spent in the place of what was reserved.
func (a *actor) settleHold(h ledger.Hold, spent journal.Amount) {
	books := a.rt.cfg.Ledger
	if books == nil {
		return
	}
	a.batch.Charges = append(a.batch.Charges, books.Settle(h, spent)...)
	a.after = append(a.after, func(err error) {
		if err == nil {
			books.Settled(h, spent)
		}
	})
}

// charge settles the reservations that a record ends.
func (a *actor) charge(r record) {
	l := &a.life
	switch r := r.(type) {
	case *routed: // of a decision that came to nothing
		if h := l.heldFor(r.Step, r.Attempt, -1); h != nil {
			a.settleHold(*h, journal.Amount{})
		}
	case *answered:
		h := l.heldFor(r.Step, r.Attempt, -1)
		if h == nil {
			return
		}
		spent := journal.Amount{PicoUSD: ledger.Pico(r.USD + r.Egress), Units: r.Units}
		switch {
		case r.Status == workloads.StatusLost:
			spent = h.Amount
		case r.Status == "":
			spent.Steps = 1
			spent.Tokens = int64(l.machine.EffectiveInput(r.Step) + r.Output)
		case r.Output > 0 || r.USD > 0:
			spent.Tokens = int64(l.machine.EffectiveInput(r.Step) + r.Output)
		}
		a.settleHold(*h, spent)
	case *ran:
		if h := l.heldFor(r.Step, 0, r.Tool); h != nil {
			a.settleHold(*h, journal.Amount{PicoUSD: ledger.Pico(r.USD)})
		}
	case *ended:
		for i := range l.held {
			a.settleHold(l.held[i].hold, journal.Amount{})
		}
	}
}

func (l *life) heldFor(step, attempt, tool int32) *ledger.Hold {
	i := slices.IndexFunc(l.held, func(h held) bool { return h.step == step && h.attempt == attempt && h.tool == tool })
	if i < 0 {
		return nil
	}
	return &l.held[i].hold
}

// attemptAmount bounds what an attempt at a step uses.
func (a *actor) attemptAmount(step int32, t router.Target, usd float64) journal.Amount {
	input, output := a.life.machine.EffectiveInput(step), a.life.machine.EffectiveOutput(step)
	return journal.Amount{PicoUSD: ledger.Pico(usd), Steps: 1, Tokens: int64(input + output), Units: a.units(t, input, output)}
}

// units are the compute units of a call; a user's own device takes none.
func (a *actor) units(t router.Target, input, output int) int64 {
	w, books := a.rt.cfg.World, a.rt.cfg.Ledger
	if books == nil || t == router.NoTarget || w.Sites[t.Site].Tier == topology.Device {
		return 0
	}
	return books.Units(w.Models[t.Model].Name, input, output)
}

// switchedOff ends the session if an error says that it, or its tenant, was
// stopped. A tool that was stopped does not end it.
func (a *actor) switchedOff(err error) bool {
	var off *ledger.KilledError
	if !errors.As(err, &off) || strings.HasPrefix(off.Scope, "tool/") {
		return false
	}
	a.log(&killed{Why: off.Error()})
	return true
}

// settlesLater says that an amount will fit once others settle.
func settlesLater(err error) bool {
	var over *ledger.OverError
	return errors.As(err, &over) && over.Later
}

// retryFreed routes again when something has been freed in the ledger.
func (a *actor) retryFreed(e agent.Effect, freed <-chan struct{}) {
	a.rt.actors.Go(func() {
		select {
		case <-freed:
		case <-a.ctx.Done():
			return
		}
		a.box.put(input{do: func(a *actor) {
			if a.life.find(agent.Route, e.Step, e.Attempt, 0) >= 0 {
				a.carryOut(&e)
			}
		}})
	})
}
