package sim

import (
	"time"

	"tierlab/reference/agent"
)

// timeouts holds the attempts' own limits. They all have the same length, so
// they fall due in the order in which they were set, and nearly all of them
// are void by then: a queue with one kernel event for its head keeps them off
// the calendar.
type timeouts struct {
	ring  []timeout
	head  int
	count int
	armed bool // the head has its kernel event
}

type timeout struct {
	at      time.Duration
	gen     uint32
	session int32
	step    int32
	attempt int32
}

// setTimeout starts an attempt's limit.
func (p *point) setTimeout(si int32, s *session, e *agent.Effect) {
	q := &p.timeouts
	if q.count == len(q.ring) {
		bigger := make([]timeout, max(64, 2*len(q.ring)))
		for i := range q.count {
			bigger[i] = q.ring[(q.head+i)%len(q.ring)]
		}
		q.ring, q.head = bigger, 0
	}
	q.ring[(q.head+q.count)%len(q.ring)] = timeout{at: e.At, gen: s.gen, session: si, step: e.Step, attempt: e.Attempt}
	q.count++
	p.armTimeout()
}

// armTimeout drops void limits from the head and puts the first that is not on
// the calendar.
func (p *point) armTimeout() {
	q := &p.timeouts
	for !q.armed && q.count > 0 {
		t := &q.ring[q.head]
		if p.pending(t) {
			q.armed = true
			p.kernel.Schedule(max(t.at, p.now), event{kind: expiry})
			return
		}
		q.pop()
	}
}

func (q *timeouts) pop() {
	q.head = (q.head + 1) % len(q.ring)
	q.count--
}

// expire tells the head's session that an attempt's limit has passed.
func (p *point) expire() {
	q := &p.timeouts
	t := q.ring[q.head]
	q.armed = false
	q.pop()
	if p.pending(&t) {
		p.tell(t.session, &agent.Event{Kind: agent.TimerFired, Timer: agent.Timeout, Step: t.step, Attempt: t.attempt})
	}
	p.armTimeout()
}

// pending says that a limit's attempt is still in flight.
func (p *point) pending(t *timeout) bool {
	s := p.sessions[t.session]
	if !s.live || s.gen != t.gen {
		return false
	}
	for _, i := range s.calls {
		if c := &p.calls[i]; c.step == t.step && c.attempt == t.attempt {
			return true
		}
	}
	return false
}
