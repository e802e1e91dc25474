package site

import (
	"fmt"
	"math"
	"time"
)

// never is later than any event.
const never = time.Duration(math.MaxInt64)

// NoQueue is the queue limit of a server that only serves.
const NoQueue = -1

// Config is a server's fixed parameters.
type Config struct {
	Slots      int   // jobs in service at once; 0 is no limit
	QueueLimit int   // jobs waiting at once; 0 is no limit, NoQueue none
	Speed      Speed // nil is Fixed(1)
}

// Server is a limited-processor-sharing server; see the package comment. Use
// New. A Server is not safe for concurrent use.
type Server struct {
	slots, limit int
	speed        Speed
	now          time.Duration
	due          time.Duration // of the next transition, or never
	prefill      clock
	decode       clock
	down         bool

	slab       []job
	free       int32 // free list
	head, tail int32 // queue
	queued     int
	queuedWork time.Duration

	failing []int32 // kept for its room
	stats   Stats
}

// New returns an empty server at time zero. It panics on a negative limit
// other than NoQueue.
func New(c Config) *Server {
	if c.Slots < 0 || c.QueueLimit < NoQueue {
		panic(fmt.Sprintf("site: Slots %d, QueueLimit %d: want no negative limit but NoQueue", c.Slots, c.QueueLimit))
	}
	s := &Server{slots: c.Slots, limit: c.QueueLimit, speed: c.Speed, due: never, free: none, head: none, tail: none}
	if s.slots == 0 {
		s.slots = math.MaxInt
	}
	switch s.limit {
	case 0:
		s.limit = math.MaxInt
	case NoQueue:
		s.limit = 0
	}
	if s.speed == nil {
		s.speed = Fixed(1)
	}
	return s
}

// NextAt is the time of the next transition that will happen by itself; ok is
// false when there is none.
func (s *Server) NextAt() (at time.Duration, ok bool) { return s.due, s.due != never }

// NextDone is a time before which no job will be done by itself, for an owner
// that need not hear of first tokens when they happen: Advance reports them
// later, at their own times. ok is false when the server is empty. The bound
// holds for a Speed that gives both phases the same and depends on their sum
// alone, such as Batched, Fixed and Shared; it is exact when one job is in
// prefill.
func (s *Server) NextDone() (at time.Duration, ok bool) {
	wait := s.decode.wait()
	if len(s.prefill.jobs) > 0 && s.decode.rate > 0 {
		least := s.slab[s.prefill.jobs[0].job].Decode
		for i := range s.prefill.jobs {
			least = min(least, s.slab[s.prefill.jobs[i].job].Decode)
		}
		if begin := s.prefill.wait(); begin < never {
			wait = min(wait, begin+s.decode.least(least))
		}
	}
	if wait > never-s.now {
		return never, false
	}
	return s.now + wait, true
}

// Prefilling is the number of jobs in prefill.
func (s *Server) Prefilling() int { return len(s.prefill.jobs) }

// Decoding is the number of jobs in decode.
func (s *Server) Decoding() int { return len(s.decode.jobs) }

// InService is the number of jobs in service.
func (s *Server) InService() int { return len(s.prefill.jobs) + len(s.decode.jobs) }

// Queued is the number of jobs waiting.
func (s *Server) Queued() int { return s.queued }

// QueuedWork is the work of the jobs waiting, both phases.
func (s *Server) QueuedWork() time.Duration { return s.queuedWork }

// Down is true while the server refuses jobs.
func (s *Server) Down() bool { return s.down }

// Advance moves the server to the given time and appends the transitions that
// happen on the way to out, in order of time. It panics when time would run
// backwards, as all calls do that take a time.
func (s *Server) Advance(now time.Duration, out []Transition) []Transition {
	if now < s.now {
		panic(fmt.Sprintf("site: time runs backwards from %v to %v", s.now, now))
	}
	for s.due <= now {
		s.pass(s.due)
		out = s.settle(out)
	}
	s.pass(now)
	return out
}

// Arrive offers a job, after what is due by now. The handle is zero when the
// job was turned away. An admitted job's Started is among the transitions.
func (s *Server) Arrive(now time.Duration, j Job, out []Transition) (Handle, Outcome, []Transition) {
	if j.Prefill < 0 || j.Decode < 0 {
		panic(fmt.Sprintf("site: job %d has negative work: prefill %v, decode %v", j.Tag, j.Prefill, j.Decode))
	}
	out = s.Advance(now, out)
	s.stats.Arrived++
	room := s.InService() < s.slots
	switch {
	case s.down:
		s.stats.Refused++
		return 0, Refused, out
	case !room && s.queued >= s.limit:
		s.stats.Rejected++
		return 0, Rejected, out
	}
	id := s.hold(now, j)
	h := handle(id, s.slab[id].gen)
	if !room {
		s.enqueue(id)
		return h, Queued, out
	}
	out = s.start(id, out)
	return h, Admitted, s.settle(out)
}

// Cancel withdraws a job, after what is due by now. ok is false when the job
// is no longer held, having ended by now.
func (s *Server) Cancel(now time.Duration, h Handle, out []Transition) (ok bool, _ []Transition) {
	out = s.Advance(now, out)
	id, ok := s.find(h)
	if !ok {
		return false, out
	}
	s.stats.Cancelled++
	if s.slab[id].phase == Waiting {
		s.dequeue(id)
		return true, s.end(id, Cancelled, out)
	}
	s.leave(id)
	out = s.end(id, Cancelled, out)
	return true, s.settle(out)
}

// SetDown takes the server out of service or back into it, after what is due
// by now. Going down fails every job it holds, in order of arrival: those in
// service lose their state, those waiting their connection.
func (s *Server) SetDown(now time.Duration, down bool, out []Transition) []Transition {
	out = s.Advance(now, out)
	if down && !s.down {
		out = s.fail(out)
	}
	s.down = down
	s.retime()
	return out
}
