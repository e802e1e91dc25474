package des

import "time"

// Wakeup tracks the one event that an entity has pending when the time it
// needs that event moves about. Its owner puts the generation into the event:
//
//	if at, ok := server.NextAt(); ok {
//		if gen, moved := w.Need(at); moved {
//			k.Schedule(at, event{kind: wake, a: site, b: int32(gen)})
//		}
//	}
//	...
//	case wake:
//		if !w[e.a].Fired(uint32(e.b)) { continue } // superseded
//
// When the need moves later the pending event is kept: it finds nothing to do
// and asks again, which costs less than an event for each change. The zero
// Wakeup has nothing pending.
type Wakeup struct {
	at      time.Duration
	gen     uint32
	pending bool
}

// Need says that the entity must be woken at the given time. moved is true
// when no event is pending that early: the caller schedules one that carries
// gen, and an event pending for later is superseded.
func (w *Wakeup) Need(at time.Duration) (gen uint32, moved bool) {
	if w.pending && w.at <= at {
		return w.gen, false
	}
	w.gen++
	w.at, w.pending = at, true
	return w.gen, true
}

// Fired takes note of a delivered event; it is false when that event has been
// superseded and is to be ignored.
func (w *Wakeup) Fired(gen uint32) bool {
	if !w.pending || gen != w.gen {
		return false
	}
	w.pending = false
	return true
}
