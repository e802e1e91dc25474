package batching

import (
	"cmp"
	"slices"
	"time"

	"tierlab/sim/site"
)

// unset marks a moment that a job has not reached.
const unset = -1

// job is a slot of the slab that holds a server's jobs.
type job struct {
	Job
	arrived, started, first time.Duration
	seq                     uint64 // arrival number
	gen                     uint32 // of the slot: a handle from before is void
	held                    bool
	cached, output          int32
}

func handle(id int32, gen uint32) site.Handle { return site.Handle(gen)<<32 | site.Handle(id+1) }

// find resolves a handle; ok is false when its job is gone.
func (s *Server) find(h site.Handle) (id int32, ok bool) {
	id = int32(uint32(h)) - 1
	if id < 0 || int(id) >= len(s.slab) {
		return -1, false
	}
	j := &s.slab[id]
	return id, j.held && j.gen == uint32(h>>32)
}

// hold puts an arrival into the slab.
func (s *Server) hold(now time.Duration, j Job) int32 {
	var id int32
	if n := len(s.free); n > 0 {
		id = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		s.slab = append(s.slab, job{})
		id = int32(len(s.slab) - 1)
	}
	gen := s.slab[id].gen
	s.slab[id] = job{Job: j, arrived: now, started: unset, first: unset, seq: s.stats.Arrived, gen: gen, held: true}
	return id
}

// release frees a job's slot.
func (s *Server) release(id int32) {
	j := &s.slab[id]
	*j = job{gen: j.gen + 1}
	s.free = append(s.free, id)
}

// end reports a job's last transition and frees its slot.
func (s *Server) end(id int32, k site.Kind, at time.Duration, out []site.Transition) []site.Transition {
	j := &s.slab[id]
	if j.started == unset {
		s.stats.waiting--
		s.stats.queuedWork -= j.Work
	} else {
		s.stats.running--
		if j.first == unset {
			s.undue--
		}
	}
	out = append(out, s.transition(id, k, at))
	s.release(id)
	return out
}

// fail ends every job held, in order of arrival, and forgets the engine.
func (s *Server) fail(now time.Duration, out []site.Transition) []site.Transition {
	out = s.settle(now, out)
	var failing []int32
	for id := range s.slab {
		if s.slab[id].held {
			failing = append(failing, int32(id))
		}
	}
	slices.SortFunc(failing, func(a, b int32) int { return cmp.Compare(s.slab[a].seq, s.slab[b].seq) })
	if len(s.flights) > 0 {
		s.stats.Busy += now - s.flights[0].begin
	}
	for _, id := range failing {
		s.stats.Failing += uint64(s.sched.Resident(uint64(handle(id, s.slab[id].gen))))
		s.stats.Failed++
		out = s.end(id, site.Failed, now, out)
	}
	s.restart()
	return out
}

// transition describes a change about to be made to a job.
func (s *Server) transition(id int32, k site.Kind, at time.Duration) site.Transition {
	j := &s.slab[id]
	t := site.Transition{
		Kind: k, From: site.Waiting, Handle: handle(id, j.gen), Tag: j.Tag,
		At: at, Arrived: j.arrived, Started: at, First: at, Cached: j.cached, Output: j.output,
	}
	if j.started != unset {
		t.From, t.Started = site.Prefilling, j.started
	}
	if j.first != unset {
		t.From, t.First = site.Decoding, j.first
	}
	return t
}
