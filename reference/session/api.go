package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tierlab/reference/journal"
)

// Wake makes a session awake here, and its owner this runtime, whoever had it.
// One that has ended, now or before, stays as it is.
func (rt *Runtime) Wake(ctx context.Context, id string) error {
	done := make(chan error, 1)
	err := rt.post(id, input{do: func(*actor) { done <- nil }, fail: func(err error) {
		var over *EndedError
		if errors.As(err, &over) {
			err = nil
		}
		done <- err
	}})
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Recover wakes all sessions that have not ended and that no timer, message or
// person will wake, and says how many. What is wrong with one of them does not
// keep the others asleep.
func (rt *Runtime) Recover(ctx context.Context) (int, error) {
	return rt.wakeAll(ctx, func(*journal.Head) bool { return true })
}

// TakeOver wakes those of them that an owner has left behind which is no more.
func (rt *Runtime) TakeOver(ctx context.Context, owner string) (int, error) {
	return rt.wakeAll(ctx, func(h *journal.Head) bool { return h.Owner == owner })
}

func (rt *Runtime) wakeAll(ctx context.Context, which func(*journal.Head) bool) (int, error) {
	var names []string
	err := eachSession(ctx, rt.cfg.Store, func(h journal.Head) error {
		if s := summaryOf(&h); h.Seq > 0 && s.Status == "" && !s.Asleep && which(&h) {
			names = append(names, h.Session)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	n := 0
	var errs []error
	for _, name := range names {
		if err := rt.Wake(ctx, name); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}

// Wait waits until a session has ended and shows it. A session of this owner's
// is woken for it. The error may be an *OwnedError: another owner has it now.
func (rt *Runtime) Wait(ctx context.Context, id string) (*View, error) {
	done := make(chan result, 1)
	rt.mu.Lock()
	rt.waiters[id] = append(rt.waiters[id], done)
	rt.mu.Unlock()
	defer rt.unwait(id, done)
	err := rt.own(ctx, id)
	var over *EndedError
	switch {
	case errors.As(err, &over):
		return Rebuild(ctx, rt.cfg.Store, id, To{})
	case err == nil:
		err = rt.post(id, input{do: func(*actor) {}})
	}
	if err != nil {
		return nil, err
	}
	select {
	case r := <-done:
		return r.view, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (rt *Runtime) unwait(id string, done chan result) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.waiters[id] = slices.DeleteFunc(rt.waiters[id], func(c chan result) bool { return c == done })
	if len(rt.waiters[id]) == 0 {
		delete(rt.waiters, id)
	}
}

// Watch calls tell with a session's notices, one at a time and in order, until
// stop is called; "" stands for all sessions awake here. tell must not wait for
// the session.
func (rt *Runtime) Watch(id string, tell func(Notice)) (stop func()) {
	w := &watcher{tell}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.watchers[id] = append(rt.watchers[id], w)
	return func() {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.watchers[id] = slices.DeleteFunc(slices.Clone(rt.watchers[id]), func(x *watcher) bool { return x == w })
		if len(rt.watchers[id]) == 0 {
			delete(rt.watchers, id)
		}
	}
}

// Say adds a person's message to an open session: a call that waits for one gets
// it, and otherwise it comes before the next step.
func (rt *Runtime) Say(ctx context.Context, id, text string) error {
	return rt.ask(ctx, id, func(a *actor) error {
		switch {
		case !a.life.open():
			return fmt.Errorf("session %q: it replays a recording, which nobody can speak to", id)
		case a.life.finished:
			return &EndedError{id, a.life.status}
		}
		a.say(text)
		return nil
	})
}

// Approve records what a person says of a tool call that waits for approval.
// step and tool count from 1.
func (rt *Runtime) Approve(ctx context.Context, id string, step, tool int, ok bool, by, why string) error {
	if by == "" {
		return fmt.Errorf("session %q: an approval needs the name of who gives it", id)
	}
	return rt.ask(ctx, id, func(a *actor) error { return a.approve(toolID{int32(step) - 1, int32(tool) - 1}, ok, by, why) })
}

// Kill ends a session. What is under way is called off.
func (rt *Runtime) Kill(ctx context.Context, id, why string) error {
	return rt.ask(ctx, id, func(a *actor) error {
		if a.life.finished {
			return &EndedError{id, a.life.status}
		}
		a.log(&killed{Why: why})
		return nil
	})
}

// Hibernate lets a session go that waits for nothing but a timer, a message or a
// person; it is ErrAwake if it does not.
func (rt *Runtime) Hibernate(ctx context.Context, id string) error {
	rt.mu.Lock()
	awake := rt.awake[id] != nil
	rt.mu.Unlock()
	if !awake {
		return rt.own(ctx, id)
	}
	return rt.part(ctx, id, func(a *actor) {
		if !a.quiet() || !a.restful() {
			return
		}
		a.hibernate()
	}, errAsleep, ErrAwake)
}

// Move brings a session to a quiet point and lets go of it, for the named owner
// to wake it.
func (rt *Runtime) Move(ctx context.Context, id, owner string) error {
	if owner == "" || owner == rt.cfg.Owner {
		return fmt.Errorf("session %q: it cannot move to %q from %q", id, owner, rt.cfg.Owner)
	}
	if err := rt.own(ctx, id); err != nil {
		return err
	}
	return rt.part(ctx, id, func(a *actor) { a.leave(errMoved, owner) }, errMoved, nil)
}

var errMoved = errors.New("session: it has moved to another owner")

// part has an actor end for a reason. If it has not by the end of its turn,
// still is the answer; nil waits for it.
func (rt *Runtime) part(ctx context.Context, id string, do func(*actor), why, still error) error {
	done := make(chan error, 1)
	err := rt.post(id, input{
		do: func(a *actor) {
			a.parting = append(a.parting, func(err error) { done <- err })
			if do(a); !a.gone && still != nil {
				a.parting = a.parting[:len(a.parting)-1]
				done <- still
			}
		},
		fail: func(err error) { done <- err },
	})
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		if errors.Is(err, why) {
			return nil
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
