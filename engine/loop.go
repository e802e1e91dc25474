package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/sched"
)

// flight is a step under way with the memory that it refers to.
type flight struct {
	plan sched.Plan
	step backend.Step
}

// run is the engine's one goroutine: whatever has to do with the scheduler, its
// cache and the backend happens here. Where the backend wants one thread, it has
// this goroutine's, which ends with it: what is bound to a thread stays with it.
func (e *Engine) run() {
	defer close(e.done)
	if e.caps.Locked {
		runtime.LockOSThread()
	}
	err := e.guard(e.serve)
	e.mail.end(err)
	for _, s := range e.live {
		e.leave(s, FinishAborted, err)
	}
	e.refuse(err)
	e.letters, _ = e.mail.take()
	e.refuse(err)
	e.publish()
	e.closed = errors.Join(e.guard(e.cfg.Backend.Close), e.trace.Close())
}

// guard turns a panic into an error.
func (e *Engine) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	return f()
}

// serve runs iterations until it is told to close, which is ErrClosed, or until
// something fails.
func (e *Engine) serve() error {
	for {
		if closing := e.receive(); closing {
			return e.settle()
		}
		for e.flying <= e.caps.Depth {
			planned, err := e.plan()
			if err != nil {
				return err
			}
			if !planned {
				break
			}
		}
		if e.flying > 0 {
			if err := e.commit(); err != nil {
				return err
			}
			if !e.caps.Locked {
				yield()
			}
			continue
		}
		if len(e.live) > 0 {
			return fmt.Errorf("engine: %d requests have not ended and none can be planned: %+v", len(e.live), e.sched.Stats())
		}
		<-e.mail.wake
		e.ended = e.Now()
	}
}

// yield lets those run who were woken with a token, and those whom they wake,
// before a step takes the processors again: where as many threads compute as
// there are processors, tokens would else leave in pairs, and requests come an
// iteration late.
func yield() {
	runtime.Gosched()
	runtime.Gosched()
}

// receive hands what came in to the scheduler.
func (e *Engine) receive() (closing bool) {
	if e.letters, closing = e.mail.take(); closing {
		return true
	}
	for ; len(e.letters) > 0; e.letters = e.letters[1:] {
		l := e.letters[0]
		if l.add != nil {
			e.add(l.add)
		} else if s := e.live[l.cancel]; s != nil {
			now := e.Now()
			e.sched.Cancel(now, s.id)
			e.trace.Cancel(now, s.id)
			e.leave(s, FinishAborted, context.Canceled)
		}
		e.letters[0] = letter{}
	}
	return false
}

// refuse answers the requests that the scheduler was not asked about.
func (e *Engine) refuse(err error) {
	for _, l := range e.letters {
		if l.add != nil {
			l.add.admitted <- err
			e.mail.leave()
		}
	}
	clear(e.letters)
}

func (e *Engine) add(s *sequence) {
	now, r := e.Now(), s.forSched()
	err := e.sched.Add(now, r)
	e.trace.Add(now, &r, s.traced, err)
	switch {
	case errors.Is(err, sched.ErrFull):
		err = ErrFull
	case errors.Is(err, sched.ErrTooLong):
		err = badParam("max_tokens", "%v", err)
	}
	if err != nil {
		e.mail.leave()
	} else {
		e.live[s.id] = s
	}
	s.chain, s.traced = kv.Chain{}, nil // they have been handed on
	e.publish()
	s.admitted <- err
}

// plan asks for a step and submits it.
func (e *Engine) plan() (bool, error) {
	f := &e.ring[(e.head+e.flying)%len(e.ring)]
	now := e.Now()
	planned := e.sched.Next(now, &f.plan)
	e.trace.Plan(now, &f.plan, planned)
	if !planned {
		return false, nil
	}
	e.fill(f)
	if err := e.cfg.Backend.Submit(&f.step); err != nil {
		return false, fmt.Errorf("engine: %s backend: %w", e.caps.Name, err)
	}
	e.flying++
	return true, nil
}

// fill writes a plan's tokens and picks.
func (e *Engine) fill(f *flight) {
	tokens, picks := f.step.Tokens[:0], f.step.Picks[:0]
	for _, r := range f.plan.Rows {
		s := e.live[r.Seq]
		known := min(r.Start+r.N, int32(len(s.ids)))
		tokens = append(tokens, s.ids[r.Start:known]...)
		if r.FromDevice {
			tokens = append(tokens, 0)
		}
		if r.Sample {
			picks = append(picks, s.pick(int(r.Start+r.N)-s.prompt))
		}
	}
	f.step = backend.Step{Plan: &f.plan, Tokens: tokens, Picks: picks}
}

// commit waits for the oldest step under way and hands out what came of it.
func (e *Engine) commit() error {
	f := &e.ring[e.head]
	if err := e.cfg.Backend.Wait(&e.result); err != nil {
		return fmt.Errorf("engine: %s backend: %w", e.caps.Name, err)
	}
	now := e.Now()
	e.head = (e.head + 1) % len(e.ring)
	e.flying--
	if e.result.Plan != f.plan.ID || len(e.result.Choices) != len(f.step.Picks) {
		return fmt.Errorf("engine: %s backend: plan %d came back with %d choices, want plan %d with %d",
			e.caps.Name, e.result.Plan, len(e.result.Choices), f.plan.ID, len(f.step.Picks))
	}
	if err := e.hand(now, f); err != nil {
		return err
	}
	outcome := sched.Outcome{Plan: f.plan.ID, Sampled: e.sample}
	e.trace.Commit(now, &outcome)
	e.events = e.sched.Commit(now, outcome, e.events[:0])
	e.count(f.plan.Shape, now-e.ended)
	e.ended = now
	for _, ev := range e.events {
		if s := e.live[ev.Seq]; s != nil {
			e.follow(s, ev)
		}
	}
	return nil
}

// hand gives each sequence its token and writes down what the scheduler is to
// know of it. The rows of sequences that have ended meanwhile are discarded.
func (e *Engine) hand(now time.Duration, f *flight) error {
	e.sample = e.sample[:0]
	k := 0
	for _, r := range f.plan.Rows {
		if !r.Sample {
			continue
		}
		c := &e.result.Choices[k]
		k++
		if c.Token < 0 || int(c.Token) >= e.caps.Vocab {
			return fmt.Errorf("engine: %s backend: token %d is outside the vocabulary of %d", e.caps.Name, c.Token, e.caps.Vocab)
		}
		end := false
		if s := e.live[r.Seq]; s != nil {
			end = s.take(now, c)
		}
		e.sample = append(e.sample, sched.Sampled{Token: c.Token, End: end})
	}
	return nil
}

// follow is what an event of the scheduler means for a request.
func (e *Engine) follow(s *sequence, ev sched.Event) {
	switch ev.Kind {
	case sched.Started:
		if s.starts++; s.starts == 1 {
			s.usage.Started, s.usage.Cached = ev.At, int(ev.N)
			e.begun(s)
		}
	case sched.Preempted:
		s.usage.Preempted++
	case sched.Finished, sched.Stopped:
		e.trace.Ended(s.session, s.id, s.ids)
		switch {
		case s.broken != nil:
			e.leave(s, FinishAborted, s.broken)
		case s.over:
			e.leave(s, FinishStop, nil)
		default:
			e.leave(s, FinishLength, nil)
		}
	}
}

// leave ends a request.
func (e *Engine) leave(s *sequence, why Finish, err error) {
	delete(e.live, s.id)
	s.usage.Done = e.Now()
	e.gone(s, why) // first, so that whoever sees the end sees it counted
	s.stream.end(why, err, &s.usage)
	e.mail.leave()
}

// settle waits for the steps under way.
func (e *Engine) settle() error {
	for ; e.flying > 0; e.flying-- {
		if err := e.cfg.Backend.Wait(&e.result); err != nil {
			return fmt.Errorf("engine: %s backend: %w", e.caps.Name, err)
		}
	}
	return ErrClosed
}
