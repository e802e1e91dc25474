package session

import (
	"context"
	"errors"
	"strconv"
	"time"

	"tierlab/reference/journal"
)

// courier carries messages from the outbox to their receivers. A message stays
// in the outbox until its receiver has made it durable, and a receiver drops what
// it has had, so each takes effect once.
type courier struct{ bell chan struct{} }

func (c *courier) ring() {
	select {
	case c.bell <- struct{}{}:
	default:
	}
}

// deliver runs until the runtime stops: after each write with messages in it,
// and every so often for what others have left.
func (rt *Runtime) deliver() {
	tick := time.NewTicker(rt.cfg.Watchdog)
	defer tick.Stop()
	for {
		select {
		case <-rt.stop:
			return
		case <-tick.C:
		case <-rt.courier.bell:
		}
		if err := rt.rounds(); err != nil && rt.ctx.Err() == nil {
			rt.trouble("", err)
		}
	}
}

// rounds goes through the outbox once. A message goes to its receiver if that is
// this owner's; otherwise its owner fetches it, and leaves word of it in the
// receiver's state. That word is the highest number had from a sender, so one
// sender's messages to one receiver go in order: none before those ahead of it
// have been taken, or have been refused in a way that the sender's journal knows.
func (rt *Runtime) rounds() error {
	var list []journal.Message
	err := rt.cfg.Store.Outbox(rt.ctx, "", func(m journal.Message) error {
		list = append(list, m)
		return nil
	})
	if err != nil {
		return err
	}
	type way struct{ from, to string }
	held := map[way]bool{} // a message that has not gone through holds up the later ones
	for i := range list {
		m := &list[i]
		if held[way{m.From, m.To}] {
			continue
		}
		select {
		case <-rt.stop:
			return nil
		default:
		}
		refusal, had, err := rt.carry(m)
		if err != nil {
			rt.trouble(m.To, err)
		}
		taken := had && refusal == ""
		if had {
			had = rt.carried(m, refusal)
		}
		held[way{m.From, m.To}] = !taken && !had
	}
	return nil
}

// carry hands a message to its receiver, and says whether that has had it, or
// why it has refused it.
func (rt *Runtime) carry(m *journal.Message) (refusal string, had bool, err error) {
	head, err := rt.cfg.Store.Head(rt.ctx, m.To)
	if errors.Is(err, journal.ErrUnknown) {
		return "there is no such session", true, nil
	}
	if err != nil {
		return "", false, err
	}
	last, err := rt.cfg.Store.Get(rt.ctx, m.To, hadKey(m.From))
	if err != nil {
		return "", false, err
	}
	if id, _ := strconv.ParseUint(string(last), 10, 64); id >= m.ID {
		return "", true, nil
	}
	if s := summaryOf(&head); s.Status != "" {
		return "the session has ended", true, nil
	}
	ctx, cancel := context.WithTimeout(rt.ctx, rt.cfg.Patience)
	defer cancel()
	err = rt.ask(ctx, m.To, func(a *actor) error {
		refusal = a.receive(m)
		return nil
	})
	var other *OwnedError
	var over *EndedError
	switch {
	case errors.As(err, &other):
		return "", false, nil
	case errors.As(err, &over):
		return "the session has ended", true, nil
	}
	return refusal, err == nil, err
}

// carried takes a message out of its sender's outbox, and says whether it has.
// The sender's owner does that; an ended sender is written to without being
// woken.
func (rt *Runtime) carried(m *journal.Message, refusal string) bool {
	err := rt.ask(rt.ctx, m.From, func(a *actor) error {
		if refusal != "" {
			a.log(&refused{ID: m.ID, To: m.To, Why: refusal})
		}
		a.batch.Sent = append(a.batch.Sent, m.ID)
		return nil
	})
	var over *EndedError
	if errors.As(err, &over) {
		err = rt.strike(m)
	}
	var other *OwnedError
	if err != nil && !errors.As(err, &other) && rt.ctx.Err() == nil {
		rt.trouble(m.From, err)
	}
	return err == nil
}

// strike takes a message out of an ended session's outbox.
func (rt *Runtime) strike(m *journal.Message) error {
	head, err := rt.cfg.Store.Own(rt.ctx, m.From, rt.cfg.Owner, false)
	if err != nil {
		return err
	}
	_, err = rt.cfg.Store.Append(rt.ctx, &journal.Batch{Session: m.From, Epoch: head.Epoch, After: head.Seq, Sent: []uint64{m.ID}})
	return err
}
