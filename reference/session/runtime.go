package session

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Runtime keeps the awake sessions of one owner. Its methods may be called by
// many goroutines.
type Runtime struct {
	cfg    Config
	start  time.Time
	ctx    context.Context // ends when Close gives up waiting
	cancel context.CancelFunc
	actors sync.WaitGroup
	clock  clock
	stop   chan struct{} // ends the clock, the watchdog and the courier
	chores sync.WaitGroup

	mu       sync.Mutex
	awake    map[string]*actor
	waiters  map[string][]chan result
	watchers map[string][]*watcher
	closing  bool
	next     entry // when the store's next timer of a hibernated session is due

	routing sync.Mutex // guards the router and running
	running []int32    // calls under way, by replica

	due     chan struct{} // rings when a hibernated session's timer is
	copies  copies
	courier courier
}

// result is how a session ended, for one that waits for it.
type result struct {
	view *View
	err  error
}

// watcher is told of notices.
type watcher struct{ tell func(Notice) }

// New makes a Runtime. It wakes nothing by itself but sessions whose timer is
// due: Recover wakes those that a process before has left.
func New(cfg Config) (*Runtime, error) {
	cfg.fill()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	rt := &Runtime{
		cfg: cfg, start: cfg.Now(), stop: make(chan struct{}), due: make(chan struct{}, 1),
		awake: map[string]*actor{}, waiters: map[string][]chan result{}, watchers: map[string][]*watcher{},
		running: make([]int32, len(cfg.World.Replicas)),
	}
	rt.ctx, rt.cancel = context.WithCancel(context.Background())
	rt.clock = clock{now: cfg.Now, bell: make(chan struct{}, 1)}
	rt.next = entry{index: -1, ring: rt.ringDue}
	rt.copies.byID = map[string]*reading{}
	rt.courier.bell = make(chan struct{}, 1)
	rt.chores.Go(func() { rt.clock.run(rt.stop) })
	rt.chores.Go(rt.watch)
	rt.chores.Go(rt.deliver)
	return rt, nil
}

// Close lets every session come to a quiet point, makes what it has done
// durable, and returns. Calls that are still under way when ctx ends are
// broken off: their sessions treat them as lost when they wake again.
func (rt *Runtime) Close(ctx context.Context) error {
	rt.mu.Lock()
	already := rt.closing
	rt.closing = true
	list := make([]*actor, 0, len(rt.awake))
	for _, a := range rt.awake {
		list = append(list, a)
	}
	rt.mu.Unlock()
	if already {
		return ErrClosed
	}
	for _, a := range list {
		a.box.put(input{do: func(a *actor) { a.leave(ErrClosed, "") }})
	}
	quiet := make(chan struct{})
	go func() {
		rt.actors.Wait()
		close(quiet)
	}()
	var err error
	select {
	case <-quiet:
	case <-ctx.Done():
		err = ctx.Err()
		rt.cancel()
		<-quiet
	}
	close(rt.stop)
	rt.chores.Wait()
	rt.cancel()
	return err
}

// post hands an input to a session's actor, which is woken if it is not awake.
func (rt *Runtime) post(id string, in input) error {
	for {
		a, err := rt.reach(id, nil)
		if err != nil {
			return err
		}
		if a.box.put(in) {
			return nil
		}
	}
}

// reach is a session's actor, begun if it is not awake; spec, if not nil, is
// that of a session to be created, and then first is its first input.
func (rt *Runtime) reach(id string, spec *created, first ...input) (*actor, error) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if a := rt.awake[id]; a != nil {
		if spec != nil {
			return nil, &ExistsError{id}
		}
		return a, nil
	}
	if rt.closing {
		return nil, ErrClosed
	}
	a := newActor(rt, id, spec)
	for _, in := range first {
		a.box.put(in)
	}
	rt.awake[id] = a
	rt.actors.Go(a.run)
	return a, nil
}

// ask has a session's actor do something and waits until what that changed is
// durable. Only a session of this owner's is woken for it.
func (rt *Runtime) ask(ctx context.Context, id string, do func(a *actor) error) error {
	if err := rt.own(ctx, id); err != nil {
		return err
	}
	done := make(chan error, 1)
	err := rt.post(id, input{
		do: func(a *actor) {
			if err := do(a); err != nil {
				done <- err
				return
			}
			a.afterwards(func(err error) { done <- err })
		},
		fail: func(err error) { done <- err },
	})
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

// own says whether a session is awake here, or may be woken here: it has not
// ended, and no other owner has it.
func (rt *Runtime) own(ctx context.Context, id string) error {
	rt.mu.Lock()
	awake := rt.awake[id] != nil
	rt.mu.Unlock()
	if awake {
		return nil
	}
	head, err := rt.cfg.Store.Head(ctx, id)
	if err != nil {
		return err
	}
	if s := summaryOf(&head); s.Status != "" {
		return &EndedError{id, s.Status}
	}
	if head.Owner != rt.cfg.Owner && head.Owner != "" {
		return &OwnedError{id, head.Owner, head.Epoch}
	}
	return nil
}

// now is the router's time.
func (rt *Runtime) now() time.Duration { return rt.cfg.Now().Sub(rt.start) }

func (rt *Runtime) trouble(id string, err error) {
	if rt.cfg.Trouble != nil {
		rt.cfg.Trouble(id, err)
	}
}

// Summary is what a journal's head says of its session (journal.Head.Summary):
// as of its begin, its last snapshot, its hibernation or its end.
type Summary struct {
	Begun   time.Time        `json:"begun"`
	Tenant  string           `json:"tenant,omitempty"`
	Task    string           `json:"task,omitempty"` // its beginning
	Steps   int              `json:"steps,omitempty"`
	USD     float64          `json:"usd,omitempty"`
	Status  workloads.Status `json:"status,omitempty"` // "": it has not ended
	Waiting string           `json:"waiting,omitempty"`
	// Asleep says that the session hibernates: a timer, a message or a person
	// wakes it.
	Asleep bool   `json:"asleep,omitempty"`
	Parent string `json:"parent,omitempty"` // that it was branched from
}

// Summarize reads a head's summary.
func Summarize(h *journal.Head) (Summary, error) {
	var s Summary
	if len(h.Summary) == 0 {
		return s, nil
	}
	err := json.Unmarshal(h.Summary, &s)
	return s, err
}

func summaryOf(h *journal.Head) Summary {
	s, _ := Summarize(h)
	return s
}

// place is the home of a session from an origin, None if its data may live
// nowhere.
func (rt *Runtime) place(origin topology.OriginID, data *workloads.DataRules) topology.SiteID {
	return rt.cfg.Home.PlaceFor(rt.cfg.World, origin, data)
}

// over shows a session's end to those who wait for it.
func (rt *Runtime) over(id string, view func() *View) {
	if list := rt.waiting(id); len(list) > 0 {
		v := view()
		for _, w := range list {
			w <- result{view: v}
		}
	}
}

// broken tells those who wait for a session that it has no end here.
func (rt *Runtime) broken(id string, err error) {
	for _, w := range rt.waiting(id) {
		w <- result{err: err}
	}
}

func (rt *Runtime) waiting(id string) []chan result {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	list := rt.waiters[id]
	delete(rt.waiters, id)
	return list
}

// gone says that an error is the session's end here, not a passing trouble.
func gone(err error) bool {
	return errors.Is(err, journal.ErrFenced) || errors.Is(err, journal.ErrConflict) || errors.Is(err, journal.ErrUnknown)
}
