package batching

import (
	"fmt"
	"time"

	"tierlab/engine/sched"
	"tierlab/sim/site"
)

// flight is a plan in flight, with the stable iterations after it that the
// server means to commit with it.
type flight struct {
	plan  uint64
	shape sched.Shape
	rows  int
	begin time.Duration // of the plan's own iteration
	more  int           // further iterations
	last  time.Duration // end of the last of them

	stableFor   int
	stableUntil time.Duration
}

// Advance moves the server to the given time and appends the transitions that
// happen on the way to out. It panics when time would run backwards.
func (s *Server) Advance(now time.Duration, out []site.Transition) []site.Transition {
	if now < s.now {
		panic(fmt.Sprintf("batching: time runs backwards from %v to %v", s.now, now))
	}
	for at, ok := s.NextAt(); ok && at <= now; at, ok = s.NextAt() {
		s.pass(at)
		if at == s.asks {
			s.asks = never
			out = s.fill(at, out)
			continue
		}
		out = s.commit(out)
		out = s.ask(at, out)
	}
	s.pass(now)
	return out
}

// advance is Advance for something that is handed in at now: a real engine takes
// it before it asks for a plan at that time.
func (s *Server) advance(now time.Duration, out []site.Transition) []site.Transition {
	if s.cfg.Device == nil {
		return s.Advance(now, out)
	}
	for at, ok := s.NextAt(); ok && at <= now && at != s.asks || at < now; at, ok = s.NextAt() {
		out = s.Advance(at, out)
	}
	s.pass(now)
	return out
}

// ask asks for the next plans when their time has come.
func (s *Server) ask(now time.Duration, out []site.Transition) []site.Transition {
	if s.cfg.Device == nil {
		return s.fill(now, out)
	}
	s.asks = max(now, s.cfg.Device.Asked(s.next, now))
	return out
}

// fill makes as many plans as the scheduler does now, each to begin when the
// one before it ends. A real device's are made one at a time.
func (s *Server) fill(now time.Duration, out []site.Transition) []site.Transition {
	for s.sched.Next(now, &s.plan) {
		p := &s.plan
		f := flight{plan: p.ID, shape: p.Shape, rows: len(p.Rows), begin: now, stableFor: p.StableFor, stableUntil: p.StableUntil}
		if n := len(s.flights); n > 0 {
			f.begin = s.flights[n-1].last
		}
		if s.cfg.OnPlan != nil {
			s.cfg.OnPlan(now, p)
		}
		f.last = f.begin + s.cfg.Cost.StepTime(f.shape)
		if s.cfg.Device != nil {
			f.last = max(f.begin, s.cfg.Device.Ended(f.plan))
		}
		s.next = p.ID + 1
		for _, r := range p.Rows[len(p.Rows)-p.Admitted:] {
			out = s.start(now, r, out)
		}
		s.flights = append(s.flights, f)
		if s.cfg.Device != nil {
			return s.ask(now, out)
		}
	}
	s.stretch()
	return out
}

// stretch lets a plan that is alone in flight run on while it is stable. One that
// gives a job its first token is not stretched, so that the time of that token
// is the end of a flight.
func (s *Server) stretch() {
	if s.cfg.Steps || s.cfg.Device != nil || s.undue > 0 || len(s.flights) != 1 {
		return
	}
	if f := &s.flights[0]; f.stableFor > 0 {
		s.run(f, f.stableUntil, 1+f.stableFor)
	}
}

// run lets iterations of a flight begin before until, at most most of them.
func (s *Server) run(f *flight, until time.Duration, most int) {
	if s.runner != nil {
		f.last, f.more = s.runner.Run(f.shape, f.begin, until, most)
		f.more--
		return
	}
	f.last = f.begin + s.cfg.Cost.StepTime(f.shape)
	for f.more = 0; f.more+1 < most && f.last < until; {
		f.more++
		f.last += s.cfg.Cost.StepTime(f.shape.After(f.more))
	}
}

// interrupt lets the plan in flight end with the iteration that runs at now: the
// next one may be another.
func (s *Server) interrupt(now time.Duration) {
	if len(s.flights) > 0 && s.flights[0].more > 0 {
		f := &s.flights[0]
		s.run(f, now+1, 1+f.more)
	}
}

// settle commits the iterations that have ended by now, of a plan in flight of
// which another one runs: what the jobs have got by now is known then.
func (s *Server) settle(now time.Duration, out []site.Transition) []site.Transition {
	s.interrupt(now)
	if len(s.flights) == 0 || s.flights[0].more == 0 {
		return out
	}
	f := &s.flights[0]
	n, last := f.more, f.last
	s.run(f, never, n)
	out = s.hear(f.last, f, sched.Outcome{Plan: f.plan, Iterations: n, Under: true}, out)
	f.plan, f.shape, f.begin, f.last, f.more = f.plan+uint64(n), f.shape.After(n), f.last, last, 0
	return out
}

// commit ends the oldest plan in flight, at its time.
func (s *Server) commit(out []site.Transition) []site.Transition {
	f := s.flights[0]
	s.pass(f.last)
	s.flights = append(s.flights[:0], s.flights[1:]...)
	o := sched.Outcome{Plan: f.plan, Iterations: 1 + f.more}
	if s.cfg.Device != nil {
		o.Sampled = s.cfg.Device.Sampled(f.plan)
	}
	return s.hear(f.last, &f, o, out)
}

// hear tells the scheduler of iterations that have ended at the given time, and
// what it says to that.
func (s *Server) hear(at time.Duration, f *flight, o sched.Outcome, out []site.Transition) []site.Transition {
	s.stats.Busy += at - f.begin
	s.stats.Iterations += uint64(o.Iterations)
	s.stats.Rows += uint64(o.Iterations * f.rows)
	s.events = s.sched.Commit(at, o, s.events[:0])
	for _, e := range s.events {
		out = s.take(at, e, out)
	}
	return out
}

// take follows one event of the scheduler.
func (s *Server) take(at time.Duration, e sched.Event, out []site.Transition) []site.Transition {
	id, ok := s.find(site.Handle(e.Seq))
	if !ok {
		return out // it was withdrawn
	}
	j := &s.slab[id]
	switch e.Kind {
	case sched.Produced:
		j.output += e.N
		if j.first == unset {
			s.undue--
			out = append(out, s.transition(id, site.FirstToken, at))
			j.first = at
		}
	case sched.Finished, sched.Stopped:
		s.stats.Done++
		s.stats.Kept += uint64(j.Prompt.Len() + int(e.N) - 1)
		out = s.end(id, site.Done, at, out)
	}
	return out
}

// start takes note of a row that has just been admitted.
func (s *Server) start(now time.Duration, r sched.Row, out []site.Transition) []site.Transition {
	id, ok := s.find(site.Handle(r.Seq))
	if !ok || s.slab[id].started != unset { // it was preempted and is back
		return out
	}
	j := &s.slab[id]
	j.cached = r.Start
	out = append(out, s.transition(id, site.Started, now))
	j.started = now
	s.undue++
	s.stats.waiting--
	s.stats.running++
	s.stats.Started++
	s.stats.queuedWork -= j.Work
	return out
}
