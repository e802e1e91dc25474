package session

import (
	"errors"
	"time"

	"tierlab/reference/journal"
)

// watch looks after timers of sessions that are not awake anywhere.
func (rt *Runtime) watch() {
	tick := time.NewTicker(rt.cfg.Watchdog)
	defer tick.Stop()
	for {
		rt.wakeDue()
		select {
		case <-rt.stop:
			return
		case <-tick.C:
		case <-rt.due:
		}
	}
}

// wakeDue wakes the sessions whose timer is due: this owner's at once, another's
// when they are so late that their owner must be gone.
func (rt *Runtime) wakeDue() {
	now := rt.cfg.Now()
	var names []journal.Due
	var next time.Time
	err := rt.cfg.Store.Due(rt.ctx, now.Add(time.Hour), func(d journal.Due) error {
		if d.At.After(now) {
			next = d.At
			return journal.ErrStop
		}
		names = append(names, d)
		return nil
	})
	if err != nil {
		if rt.ctx.Err() == nil {
			rt.trouble("", err)
		}
		return
	}
	for _, d := range names {
		rt.mu.Lock()
		awake := rt.awake[d.Session] != nil
		rt.mu.Unlock()
		if awake {
			continue
		}
		var other *OwnedError
		var over *EndedError
		err := rt.own(rt.ctx, d.Session)
		if errors.As(err, &over) || errors.As(err, &other) && now.Sub(d.At) < rt.cfg.Overdue {
			continue
		}
		if err := rt.post(d.Session, input{do: func(*actor) {}}); err != nil && !errors.Is(err, ErrClosed) {
			rt.trouble(d.Session, err)
		}
	}
	if !next.IsZero() {
		rt.dueAt(next)
	}
}

// dueAt has the store asked for due timers at a time, if not before.
func (rt *Runtime) dueAt(at time.Time) {
	rt.clock.set(&rt.next, at)
}

func (rt *Runtime) ringDue() {
	select {
	case rt.due <- struct{}{}:
	default:
	}
}
