package session

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/router"
	"tierlab/reference/session/content"
	"tierlab/reference/topology"
)

// actor is an awake session: one goroutine that takes one input at a time.
type actor struct {
	rt    *Runtime
	id    string
	begin *created // of a session that does not exist yet
	box   mailbox

	ctx    context.Context // ends with the actor
	cancel context.CancelFunc

	life    life
	home    topology.SiteID
	behind  time.Duration // by which the wall clock was behind the journal on waking
	head    journal.Head
	batch   journal.Batch // that is not written yet
	after   []func(error) // to be called when it is, or with why it is not
	parting []func(error) // to be called when the actor ends
	bound   bool          // the batch has more than Committed in it: it has to be
	// written before anything that can be seen follows
	unsure  bool // the batch may have been written
	snapped int  // events of the life at the last snapshot

	queue  []agent.Effect // that are to be carried out
	calls  map[callID]*flight
	runs   map[toolID]run
	serial []toolID // that wait for the one before to end
	waits  []toolID // for messages
	own    []later  // times of the actor's own
	bell   entry
	idle   time.Time
	asleep bool // the journal says that it hibernates
	parked []agent.Effect
	defs   []hub.Definition
	tokens *content.Session // of a recorded session's prompts
	why    error            // it is to leave at the next quiet point
	to     string           // to whom

	gone    bool
	request router.Request
	choice  router.Decision
}

// callID names an attempt, toolID a tool call.
type callID struct{ step, attempt int32 }
type toolID struct{ step, tool int32 }

// run is a tool call or a validation under way: in a goroutine, or by a timer.
type run struct {
	cancel  context.CancelFunc
	spawned bool
	serial  bool
}

// later is something that an actor does at a time of its session.
type later struct {
	at time.Duration
	do func()
}

func newActor(rt *Runtime, id string, begin *created) *actor {
	a := &actor{
		rt: rt, id: id, begin: begin, box: mailbox{bell: make(chan struct{}, 1)},
		calls: map[callID]*flight{}, runs: map[toolID]run{},
	}
	a.ctx, a.cancel = context.WithCancel(rt.ctx)
	a.bell = entry{index: -1, ring: func() { a.box.put(input{do: (*actor).tick}) }}
	return a
}

// run lives the session until it ends, hibernates or leaves.
func (a *actor) run() {
	born := a.begin != nil
	if err := a.load(); err != nil {
		a.quit(err)
		var there *ExistsError
		if errors.As(err, &there) { // whoever began it meanwhile is fenced: it goes on here
			_ = a.rt.post(a.id, input{do: func(*actor) {}})
		}
		return
	}
	if !born {
		a.recover()
	}
	a.settle()
	var spare []input
	for !a.gone {
		select {
		case <-a.box.bell:
		case <-a.rt.ctx.Done():
			a.leave(ErrClosed, "")
			a.abandon()
			return
		}
		list := a.box.take(spare)
		for i := range list {
			switch {
			case !a.gone:
				list[i].do(a)
				a.work()
			case list[i].fail != nil:
				list[i].fail(a.why)
			}
			list[i] = input{}
		}
		spare = list
		if !a.gone && a.box.empty() {
			a.settle()
		}
	}
}

// settle is what follows when an actor has nothing more to do for now: what is
// not durable becomes so, and the next timer is set.
func (a *actor) settle() {
	if a.bound || len(a.after) > 0 {
		if !a.flush() {
			return
		}
	}
	switch {
	case a.life.over:
		a.quit(nil)
	case a.why != nil && a.quiet():
		a.depart()
	default:
		a.rearm()
	}
}

// time is since the session's start, and never goes back.
func (a *actor) time() time.Duration {
	return max(a.life.now, a.rt.cfg.Now().Sub(a.life.begun)+a.behind)
}

// log writes a record into the batch and follows it.
func (a *actor) log(r record) {
	if a.gone {
		return
	}
	body, err := json.Marshal(r)
	if err != nil {
		a.fail(err)
		return
	}
	at := a.time()
	if a.life.created.Key == 0 {
		at = 0 // the session begins with its first record
	}
	a.batch.Records = append(a.batch.Records, journal.Entry{At: a.life.begun.Add(at), Kind: r.kind(), Body: body})
	if _, passing := r.(*committed); !passing {
		a.bound = true
	}
	a.charge(r)
	a.life.take(a.life.seq+1, at, r)
	if a.life.err != nil {
		a.fail(a.life.err)
		return
	}
	a.queue = append(a.queue, a.life.effects...)
	a.life.effects = a.life.effects[:0]
}

// work carries out what the machine asks for, and what it asks for in answer.
func (a *actor) work() {
	for i := 0; i < len(a.queue) && !a.gone; i++ {
		e := a.queue[i]
		if e.Kind != agent.RunTool {
			a.carryOut(&e)
			continue
		}
		first := i // the calls of one step begin together
		for i+1 < len(a.queue) && a.queue[i+1].Kind == agent.RunTool {
			i++
		}
		a.runTools(a.queue[first : i+1 : i+1])
	}
	a.queue = a.queue[:0]
	a.closeRoutes()
}

// closeRoutes answers the decisions that a stopped session still waits for: for
// room in a budget, or since it is about to leave.
func (a *actor) closeRoutes() {
	if a.gone || a.life.machine.Status() == "" {
		return
	}
	for {
		i := slices.IndexFunc(a.life.pending, func(p pending) bool { return p.Kind == agent.Route })
		if i < 0 {
			return
		}
		p := a.life.pending[i]
		a.log(&routed{Step: p.Step, Attempt: p.Attempt, Reason: "the session was stopped"})
		a.work()
	}
}

func (a *actor) carryOut(e *agent.Effect) {
	switch e.Kind {
	case agent.Route:
		if a.why != nil {
			a.parked = append(a.parked, *e)
			return
		}
		a.route(e)
	case agent.Commit:
		if a.gate() {
			a.log(&committed{Step: e.Step, Attempt: e.Attempt})
		}
	case agent.Start:
		a.start(e)
	case agent.Cancel:
		a.cancelCall(e)
	case agent.Validate:
		a.validate(e)
	case agent.CancelTool:
		a.cancelTool(e)
	case agent.StepDone:
		a.stepDone(e.Step)
	case agent.Finish:
		a.finish(e)
	}
}

// afterwards calls f when all that has happened up to now is durable.
func (a *actor) afterwards(f func(error)) {
	if a.gone {
		f(a.why)
		return
	}
	a.after = append(a.after, f)
}

// rearm sets the actor's place in the runtime's clock.
func (a *actor) rearm() {
	first := a.earliest()
	a.idle = time.Time{}
	if a.dozing() {
		a.idle = a.rt.cfg.Now().Add(a.rt.cfg.Hibernate)
		if first.IsZero() || a.idle.Before(first) {
			first = a.idle
		}
	}
	if !first.IsZero() {
		a.rt.clock.set(&a.bell, first)
	}
}

// tick does what is due.
func (a *actor) tick() {
	now := a.time()
	for i := 0; i < len(a.life.timers); {
		t := a.life.timers[i]
		if t.at > now {
			i++
			continue
		}
		a.log(&timed{Timer: t.Timer, Step: t.Step, Attempt: t.Attempt}) // takes it off the list
		a.work()
		if a.gone {
			return
		}
		i = 0
	}
	for i := 0; i < len(a.own); {
		if a.own[i].at > now {
			i++
			continue
		}
		do := a.own[i].do
		a.own = append(a.own[:i], a.own[i+1:]...)
		do()
		a.work()
		if a.gone {
			return
		}
		i = 0
	}
	if !a.idle.IsZero() && !a.rt.cfg.Now().Before(a.idle) && a.dozing() {
		a.hibernate()
	}
}

// fail ends the actor for a fault of its own.
func (a *actor) fail(err error) {
	a.rt.trouble(a.id, err)
	a.quit(err)
}

// quit takes the actor out of the runtime: err says why, nil that the session
// has ended.
func (a *actor) quit(err error) {
	if a.gone {
		return
	}
	a.gone, a.why = true, err
	if err == nil {
		a.why = &EndedError{a.id, a.life.status}
	}
	rt := a.rt
	rt.clock.drop(&a.bell)
	a.cancel()
	if books := a.rt.cfg.Ledger; books != nil {
		defer books.Forget(a.id)
	}
	rt.mu.Lock()
	if rt.awake[a.id] == a {
		delete(rt.awake, a.id)
	}
	left, _ := a.box.close(false)
	rt.mu.Unlock()
	for _, f := range a.after {
		f(a.why)
	}
	for _, f := range a.parting {
		f(a.why)
	}
	a.after, a.parting = nil, nil
	for _, in := range left {
		if in.fail != nil {
			in.fail(a.why)
		}
	}
	switch {
	case err == nil:
		rt.over(a.id, a.view)
	case !errors.Is(err, errAsleep):
		rt.broken(a.id, err)
	}
}
