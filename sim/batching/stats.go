package batching

import (
	"fmt"
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
)

// Stats count what a server did since time zero.
type Stats struct {
	Arrived   uint64
	Refused   uint64 // while down
	Rejected  uint64 // the queue was full
	TooLong   uint64 // for the context, or for the cache
	Started   uint64
	Done      uint64
	Cancelled uint64
	Failed    uint64

	Iterations uint64
	Rows       uint64 // sequence-iterations
	Kept       uint64 // tokens of done jobs, but each one's last
	Withdrawn  uint64 // tokens with keys and values, of jobs at their withdrawal
	Failing    uint64 // the same, of jobs at a failure

	QueueTime   time.Duration // sum over jobs of time before their start
	ServiceTime time.Duration // and after it
	Busy        time.Duration // with an iteration running

	Sched  sched.Counters
	Blocks kv.Counters

	waiting, running int
	queuedWork       time.Duration
}

// Held is the number of jobs that have not ended.
func (t *Stats) Held() int { return t.waiting + t.running }

// pass lets time go by in which nothing changes.
func (s *Server) pass(to time.Duration) {
	d := to - s.now
	s.stats.QueueTime += d * time.Duration(s.stats.waiting)
	s.stats.ServiceTime += d * time.Duration(s.stats.running)
	s.now = to
}

// Stats reports what happened up to the time of the last call.
func (s *Server) Stats() Stats {
	st := s.stats
	st.Sched, st.Blocks = s.counters()
	return st
}

func (s *Server) counters() (sched.Counters, kv.Counters) {
	c, b := s.before, s.blocks
	if s.sched != nil {
		c = c.Add(s.sched.Stats().Counters)
		b = b.Add(s.sched.Cache().Stats().Counters)
	}
	return c, b
}

// Check verifies B1, B3, B4 and B5 of the package comment.
func (s *Server) Check() error {
	t := s.Stats()
	if t.Arrived != t.Refused+t.Rejected+t.TooLong+uint64(t.Held())+t.Done+t.Cancelled+t.Failed {
		return fmt.Errorf("B1: %d jobs arrived: %d refused, %d rejected, %d too long, %d held, %d done, %d cancelled, %d failed",
			t.Arrived, t.Refused, t.Rejected, t.TooLong, t.Held(), t.Done, t.Cancelled, t.Failed)
	}
	held := uint64(0)
	for id := range s.slab {
		if j := &s.slab[id]; j.held {
			held += uint64(s.sched.Resident(uint64(handle(int32(id), j.gen))))
		}
	}
	if c := &t.Sched; c.Computed+c.Cached != c.Released+c.Dropped+t.Failing+held {
		return fmt.Errorf("B3: %d tokens computed and %d found resident, but %d released, %d dropped by preemptions, %d lost by failures and %d held",
			c.Computed, c.Cached, c.Released, c.Dropped, t.Failing, held)
	}
	if s.cfg.Sched.Depth == 0 && t.Sched.Released != t.Kept+t.Withdrawn {
		return fmt.Errorf("B3: %d tokens released, but %d are of jobs that are done and %d of withdrawn ones", t.Sched.Released, t.Kept, t.Withdrawn)
	}
	if s.sched == nil {
		return nil
	}
	if k := s.sched.Cache().Stats(); k.Free+k.Cached+k.Referenced != s.cfg.KV.Blocks || t.Held() == 0 && k.Tables > 0 {
		return fmt.Errorf("B4: %d blocks free, %d cached and %d referenced of %d, and %d tables with %d jobs", k.Free, k.Cached, k.Referenced, s.cfg.KV.Blocks, k.Tables, t.Held())
	}
	if n := s.InService(); n > s.cfg.Sched.Slots || t.Busy > s.now {
		return fmt.Errorf("B5: %d jobs run in %d slots, busy for %v of %v", n, s.cfg.Sched.Slots, t.Busy, s.now)
	}
	return nil
}
