package site

import (
	"cmp"
	"slices"
	"time"
)

// pass lets time go by in which nothing changes.
func (s *Server) pass(to time.Duration) {
	d := to - s.now
	if d == 0 {
		return
	}
	p, q := len(s.prefill.jobs), len(s.decode.jobs)
	s.stats.QueueTime += d * time.Duration(s.queued)
	s.stats.PrefillTime += d * time.Duration(p)
	s.stats.DecodeTime += d * time.Duration(q)
	if p+q > 0 {
		s.stats.Busy += d
		s.prefill.advance(d)
		s.decode.advance(d)
	}
	if s.down {
		s.stats.Down += d
	}
	s.now = to
}

// settle carries out everything that is due at this instant: first
// completions, then first tokens, then admissions, until nothing is left.
func (s *Server) settle(out []Transition) []Transition {
	for {
		switch {
		case s.decode.ripe():
			id := s.decode.jobs[0].job
			s.decode.remove(s.slab, 0)
			s.stats.Done++
			out = s.end(id, Done, out)
		case s.prefill.ripe():
			id := s.prefill.jobs[0].job
			s.prefill.remove(s.slab, 0)
			out = s.firstToken(id, out)
		case s.head != none && s.InService() < s.slots:
			id := s.head
			s.dequeue(id)
			out = s.start(id, out)
		default:
			s.retime()
			return out
		}
	}
}

// retime sets the speeds for the present occupancy, and the time of the next
// transition that follows from them.
func (s *Server) retime() {
	p, d := len(s.prefill.jobs), len(s.decode.jobs)
	if p+d == 0 {
		s.due = never
		return
	}
	ps, ds := s.speed(p, d)
	s.prefill.rate, s.decode.rate = rate(ps), rate(ds)
	wait := min(s.prefill.wait(), s.decode.wait())
	if wait > never-s.now {
		s.due = never
		return
	}
	s.due = s.now + wait
}

// start takes a job into service.
func (s *Server) start(id int32, out []Transition) []Transition {
	j := &s.slab[id]
	s.stats.Started++
	out = append(out, s.transition(id, Started))
	j.phase, j.started = Prefilling, s.now
	s.prefill.add(s.slab, id, j.Prefill)
	return out
}

// firstToken moves a job from prefill to decode.
func (s *Server) firstToken(id int32, out []Transition) []Transition {
	j := &s.slab[id]
	out = append(out, s.transition(id, FirstToken))
	j.phase, j.first = Decoding, s.now
	s.decode.add(s.slab, id, j.Decode)
	return out
}

// leave takes a job in service off its clock.
func (s *Server) leave(id int32) {
	j := &s.slab[id]
	if j.phase == Prefilling {
		s.prefill.remove(s.slab, int(j.place))
	} else {
		s.decode.remove(s.slab, int(j.place))
	}
}

// end reports a job's last transition and frees its slot.
func (s *Server) end(id int32, k Kind, out []Transition) []Transition {
	out = append(out, s.transition(id, k))
	s.release(id)
	return out
}

// fail ends every job held, in order of arrival.
func (s *Server) fail(out []Transition) []Transition {
	s.failing = s.failing[:0]
	for id := range s.slab {
		if s.slab[id].held {
			s.failing = append(s.failing, int32(id))
		}
	}
	slices.SortFunc(s.failing, func(a, b int32) int { return cmp.Compare(s.slab[a].seq, s.slab[b].seq) })
	for _, id := range s.failing {
		s.stats.Failed++
		out = s.end(id, Failed, out)
	}
	s.prefill.jobs, s.decode.jobs = s.prefill.jobs[:0], s.decode.jobs[:0]
	s.head, s.tail, s.queued, s.queuedWork = none, none, 0, 0
	return out
}

// transition describes a change about to be made to a job.
func (s *Server) transition(id int32, k Kind) Transition {
	j := &s.slab[id]
	t := Transition{
		Kind: k, From: j.phase, Handle: handle(id, j.gen), Tag: j.Tag,
		At: s.now, Arrived: j.arrived, Started: s.now, First: s.now,
	}
	if j.phase != Waiting {
		t.Started = j.started
	}
	if j.phase == Decoding {
		t.First = j.first
	}
	return t
}
