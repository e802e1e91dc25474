package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"tierlab/reference/journal"
)

// copies are the latest views that this runtime has made, for reads that may be
// stale.
type copies struct {
	mu   sync.Mutex
	byID map[string]*reading
}

// reading is a view and when it was true.
type reading struct {
	view       *View
	at         time.Time
	refreshing bool
}

// maxCopies bounds how many views are kept; which of them goes is left to chance.
const maxCopies = 4096

// fresh is how old a copy may grow before Eventual has it made anew, for those
// who come after.
const fresh = time.Second

// Read shows a session, as fresh as asked for, and says how old that is. Strong
// is what the owner has made durable: by its actor if it is awake here, and by
// its journal otherwise.
func (rt *Runtime) Read(ctx context.Context, id string, c Consistency) (*View, time.Duration, error) {
	if c.Level != Strong {
		if v, age, ok := rt.copy(id, c); ok {
			return v, age, nil
		}
	}
	at := rt.cfg.Now()
	v, err := rt.strong(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	rt.keep(id, v, at)
	if c.Level == Strong {
		return v, 0, nil
	}
	return v, rt.cfg.Now().Sub(at), nil
}

func (rt *Runtime) copy(id string, c Consistency) (*View, time.Duration, bool) {
	rt.copies.mu.Lock()
	defer rt.copies.mu.Unlock()
	r := rt.copies.byID[id]
	if r == nil {
		return nil, 0, false
	}
	age := rt.cfg.Now().Sub(r.at)
	if r.view.Status != "" {
		return r.view, 0, true // it does not change any more
	}
	if c.Level == Bounded && age > c.Staleness {
		return nil, 0, false
	}
	if c.Level == Eventual && age > fresh && !r.refreshing {
		rt.mu.Lock()
		if !rt.closing {
			r.refreshing = true
			rt.chores.Go(func() { rt.refresh(id, r) })
		}
		rt.mu.Unlock()
	}
	return r.view, age, true
}

func (rt *Runtime) refresh(id string, r *reading) {
	at := rt.cfg.Now()
	v, err := rt.strong(rt.ctx, id)
	if err == nil {
		rt.keep(id, v, at)
		return
	}
	rt.copies.mu.Lock()
	defer rt.copies.mu.Unlock()
	r.refreshing = false
}

func (rt *Runtime) keep(id string, v *View, at time.Time) {
	rt.copies.mu.Lock()
	defer rt.copies.mu.Unlock()
	if had := rt.copies.byID[id]; had != nil && had.view.Record > v.Record {
		return
	}
	if len(rt.copies.byID) >= maxCopies {
		for other := range rt.copies.byID {
			delete(rt.copies.byID, other)
			break
		}
	}
	rt.copies.byID[id] = &reading{view: v, at: at}
}

// strong shows what is durable now.
func (rt *Runtime) strong(ctx context.Context, id string) (*View, error) {
	rt.mu.Lock()
	a := rt.awake[id]
	rt.mu.Unlock()
	if a != nil {
		v, err := a.read(ctx)
		var over *EndedError
		if err == nil || !errors.As(err, &over) && !errors.Is(err, errAsleep) && !errors.Is(err, ErrClosed) && !gone(err) {
			return v, err
		}
	}
	return Rebuild(ctx, rt.cfg.Store, id, To{})
}

// owns asks the store whether the session is still the actor's.
func (a *actor) owns() bool {
	head, err := a.rt.cfg.Store.Head(a.rt.ctx, a.id)
	if err == nil && head.Epoch != a.head.Epoch {
		a.fenced(journal.ErrFenced)
		return false
	}
	return true
}

// read has an actor show its session.
func (a *actor) read(ctx context.Context) (*View, error) {
	type answer struct {
		view *View
		err  error
	}
	done := make(chan answer, 1)
	put := a.box.put(input{
		do: func(a *actor) {
			var v *View
			if a.gate() && a.owns() {
				v = a.view()
			}
			a.afterwards(func(err error) { done <- answer{v, err} })
		},
		fail: func(err error) { done <- answer{nil, err} },
	})
	if !put {
		return nil, errAsleep
	}
	select {
	case r := <-done:
		return r.view, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
