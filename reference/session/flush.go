package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tierlab/reference/journal"
)

// gate is the output gate: it returns when all that effects may follow from is
// durable, and says whether it is.
func (a *actor) gate() bool {
	if a.gone {
		return false
	}
	return !a.bound || a.flush()
}

// flush writes the batch. While the store cannot write, nothing else happens to
// the session; if that lasts too long, or another owner has taken it, the actor
// ends, and what was not written has not happened.
func (a *actor) flush() bool {
	b := &a.batch
	if len(b.Records)+len(b.Timers)+len(b.Sent)+len(b.Charges) == 0 && b.Summary == nil && b.Snapshot == nil {
		a.written(a.head)
		return true
	}
	b.Session, b.Epoch, b.After = a.id, a.head.Epoch, a.head.Seq
	if a.asleep {
		b.Timers = append(b.Timers, journal.Timer{Name: wakeTimer})
		a.asleep = false
		a.summarize("", false)
	}
	if a.life.events-a.snapped >= a.rt.cfg.Snapshot {
		a.snapshot()
	}
	var give time.Time
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		head, err := a.rt.cfg.Store.Append(a.rt.ctx, b)
		if err == nil {
			a.written(head)
			return true
		}
		if gone(err) {
			if head, ok := a.landed(); ok && a.unsure {
				a.written(head)
				return true
			}
			a.fenced(err)
			return false
		}
		a.unsure = true
		now := a.rt.cfg.Now()
		if give.IsZero() {
			give = now.Add(a.rt.cfg.Patience)
			a.rt.trouble(a.id, err)
		}
		if a.rt.ctx.Err() != nil || !now.Before(give) {
			a.quit(fmt.Errorf("session %q: it stops, since its journal cannot be written: %w", a.id, err))
			return false
		}
		select {
		case <-time.After(wait):
		case <-a.rt.ctx.Done():
		}
		if head, ok := a.landed(); ok {
			a.written(head)
			return true
		}
	}
}

// landed asks the store whether a batch has been written after all.
func (a *actor) landed() (journal.Head, bool) {
	head, err := a.rt.cfg.Store.Head(a.rt.ctx, a.id)
	there := err == nil && head.Epoch == a.head.Epoch && len(a.batch.Records) > 0 &&
		head.Seq == a.batch.After+uint64(len(a.batch.Records))
	return head, there
}

func (a *actor) written(head journal.Head) {
	sends := len(a.batch.Sends) > 0
	a.head = head
	a.batch = journal.Batch{Records: a.batch.Records[:0]}
	a.bound, a.unsure = false, false
	after := a.after
	a.after = nil
	for _, f := range after {
		f(nil)
	}
	if sends {
		a.rt.courier.ring()
	}
}

// fenced ends the actor: someone else has the session.
func (a *actor) fenced(err error) {
	head, lost := a.rt.cfg.Store.Head(a.rt.ctx, a.id)
	if lost == nil && head.Epoch != a.head.Epoch {
		err = errors.Join(&OwnedError{a.id, head.Owner, head.Epoch}, err)
	}
	a.quit(err)
}

// wakeTimer is the durable timer of a hibernated session.
const wakeTimer = "wake"

// summarize puts the session's summary into the batch.
func (a *actor) summarize(waiting string, asleep bool) {
	s := a.life.summary()
	s.Waiting, s.Asleep = waiting, asleep
	body, err := json.Marshal(&s)
	if err != nil {
		a.fail(err)
		return
	}
	a.batch.Summary = body
}

// beginning is the first line of a text, cut to 80 bytes.
func beginning(text string) string {
	for i, r := range text {
		if r == '\n' || i >= 80 {
			return text[:i]
		}
	}
	return text
}
