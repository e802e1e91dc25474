package session

import (
	"errors"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
)

// errAsleep is why an actor has ended that hibernates.
var errAsleep = errors.New("session: it hibernates")

// quiet says that nothing which the session has asked for is under way.
func (a *actor) quiet() bool {
	if len(a.calls) > 0 {
		return false
	}
	for _, r := range a.runs {
		if r.spawned {
			return false
		}
	}
	return true
}

// dozing says that the session may hibernate: all that it waits for is a timer,
// a message or a person.
func (a *actor) dozing() bool {
	return a.rt.cfg.Hibernate > 0 && a.quiet() && !a.life.over && a.why == nil && a.restful()
}

// restful says that everything outstanding is answered by a time, a message or a
// person.
func (a *actor) restful() bool {
	for i := range a.life.pending {
		if a.life.pending[i].Kind != agent.RunTool {
			return false
		}
	}
	return true
}

// hibernate lets go of the session, and leaves its next timer in the store.
func (a *actor) hibernate() {
	l := &a.life
	due := a.nextTimer()
	if due.At.IsZero() {
		a.batch.Timers = nil
	} else {
		a.batch.Timers = []journal.Timer{due}
	}
	a.asleep = false
	a.summarize(l.waiting(), true)
	if l.events-a.snapped > a.rt.cfg.Snapshot/4 {
		a.snapshot()
	}
	if !a.flush() {
		return
	}
	rt := a.rt
	rt.mu.Lock()
	_, empty := a.box.close(true)
	if empty {
		delete(rt.awake, a.id)
	}
	rt.mu.Unlock()
	if !empty { // something has come meanwhile
		a.asleep = true
		return
	}
	if !due.At.IsZero() {
		rt.dueAt(due.At)
	}
	a.quit(errAsleep)
}

// nextTimer is the earliest that the session waits for.
func (a *actor) nextTimer() journal.Timer {
	return journal.Timer{Name: wakeTimer, At: a.earliest()}
}

// earliest is when the first of the session's timers is due by the wall clock;
// zero: it has none.
func (a *actor) earliest() time.Time {
	var first time.Time
	sooner := func(at time.Duration) {
		if t := a.life.begun.Add(at - a.behind); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for i := range a.life.timers {
		sooner(a.life.timers[i].at)
	}
	for i := range a.own {
		sooner(a.own[i].at)
	}
	return first
}

// leave has the actor depart at the next quiet point: until then it begins no
// model call, and takes in how those under way end.
func (a *actor) leave(why error, to string) {
	if a.why == nil {
		a.why, a.to = why, to
	}
}

// depart writes the quiet point and lets go of the session.
func (a *actor) depart() {
	why := a.why
	a.log(&moved{To: a.to, Epoch: a.head.Epoch})
	a.summarize(a.life.waiting(), false)
	if a.asleep { // what the store has of the timers is replaced here, and not by flush
		a.asleep = false
		a.batch.Timers = []journal.Timer{{Name: wakeTimer}}
	}
	if due := a.nextTimer(); !due.At.IsZero() {
		a.batch.Timers = []journal.Timer{due}
	}
	if a.flush() {
		a.quit(why)
	}
}

// abandon ends the actor without a quiet point.
func (a *actor) abandon() { a.quit(a.why) }
