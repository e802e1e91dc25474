package batching

import (
	"errors"
	"fmt"
	"math"
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
	"tierlab/sim/site"
)

// never is later than any event.
const never = time.Duration(math.MaxInt64)

// Config is a server's fixed parameters.
type Config struct {
	Sched sched.Config
	KV    kv.Config
	// Cost is how long an iteration takes, and what the scheduler believes of
	// it.
	Cost sched.Coster
	// Device, if set, is a real one whose run is played again; without it the
	// server runs on Cost.
	Device Device
	// OnPlan, if set, is shown each plan that the scheduler is asked for.
	OnPlan func(at time.Duration, p *sched.Plan)
	// Steps asks the scheduler for every iteration instead of jumping.
	Steps bool
}

// Device knows when a real engine did what. Plans are told by their number.
type Device interface {
	// Asked is when the plan was asked for, in a run that has got to now; never
	// is a time that no run reaches.
	Asked(plan uint64, now time.Duration) time.Duration
	// Ended is when the plan had run.
	Ended(plan uint64) time.Duration
	// Sampled are the tokens that came of it; nil stands for those that the
	// jobs' salts name.
	Sampled(plan uint64) []sched.Sampled
}

// Check says what is wrong with a configuration.
func (c *Config) Check() error {
	if c.Cost == nil {
		return fmt.Errorf("batching: no model of an iteration's duration")
	}
	if err := c.KV.Check(); err != nil {
		return err
	}
	return c.Sched.Check(c.KV)
}

// Job is a model call. Its request's ID is the server's to give, and Fork names
// a job by its handle.
type Job struct {
	Tag uint64 // the caller's own name for it
	sched.Request
	Work time.Duration // its unloaded service, as far as the caller knows
}

// Server runs jobs on an engine's scheduler in modelled time. Use New. It is
// not safe for concurrent use.
type Server struct {
	cfg   Config
	now   time.Duration
	down  bool
	sched *sched.Scheduler // nil until it is needed, and after a restart
	// runner, if the model has it, adds up a stable plan's iterations faster
	// than one by one, with the same result.
	runner runner

	plan    sched.Plan
	asks    time.Duration // when the next plan is asked for; never: with the next commit or arrival
	next    uint64        // its number, on a real device
	flights []flight      // in flight, oldest first
	events  []sched.Event
	undue   int // jobs that have started and have no first token yet

	slab   []job
	free   []int32
	stats  Stats
	before sched.Counters // of schedulers before a restart
	blocks kv.Counters    // of their caches
}

// runner is a Coster that adds up the iterations of a stable plan; see
// steptime.Linear.
type runner interface {
	Run(s sched.Shape, begin, until time.Duration, most int) (end time.Duration, ran int)
}

// New returns an empty server at time zero. Its memory is taken with the first
// job.
func New(cfg Config) (*Server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, asks: never, next: 1}
	s.runner, _ = cfg.Cost.(runner)
	return s, nil
}

// wake makes the scheduler and its cache.
func (s *Server) wake() {
	if s.sched != nil {
		return
	}
	cache, err := kv.New(s.cfg.KV)
	if err == nil {
		s.sched, err = sched.New(s.cfg.Sched, cache, s.cfg.Cost)
	}
	if err != nil {
		panic(err) // New has checked the configuration
	}
}

// Clear empties the cache, as a restart does. The server must hold no job.
func (s *Server) Clear() {
	if s.stats.Held() > 0 {
		panic("batching: Clear of a server that holds jobs")
	}
	s.restart()
}

// restart forgets the scheduler and the cache, but not what they counted.
func (s *Server) restart() {
	s.before, s.blocks = s.counters()
	s.sched, s.flights, s.undue, s.asks = nil, s.flights[:0], 0, never
}

// NextAt is the time of the next transition that will happen by itself; ok is
// false when there is none.
func (s *Server) NextAt() (at time.Duration, ok bool) {
	at = s.asks
	if len(s.flights) > 0 {
		at = min(at, s.flights[0].last)
	}
	return at, at != never
}

// NextDone is a time before which no job will be done by itself: the same.
func (s *Server) NextDone() (at time.Duration, ok bool) { return s.NextAt() }

// InService is the number of jobs that hold a slot.
func (s *Server) InService() int {
	if s.sched == nil {
		return 0
	}
	return s.sched.Stats().Running
}

// Queued is the number of jobs that wait, preempted ones among them.
func (s *Server) Queued() int {
	if s.sched == nil {
		return 0
	}
	return s.sched.Stats().Waiting
}

// QueuedWork is the work of the jobs that have not started.
func (s *Server) QueuedWork() time.Duration { return s.stats.queuedWork }

// Down is true while the server refuses jobs.
func (s *Server) Down() bool { return s.down }

// Resident is how many tokens at the start of a context the cache holds now. It
// leaves no trace.
func (s *Server) Resident(ch kv.Chain) int {
	if s.sched == nil {
		return 0
	}
	_, blocks := s.sched.Cache().Match(ch, math.MaxInt)
	return blocks * s.cfg.KV.BlockTokens
}

// Arrive offers a job, after what is due by now. The handle is zero when the
// job was turned away.
func (s *Server) Arrive(now time.Duration, j Job, out []site.Transition) (site.Handle, site.Outcome, []site.Transition) {
	out = s.advance(now, out)
	s.stats.Arrived++
	if s.down {
		s.stats.Refused++
		return 0, site.Refused, out
	}
	s.wake()
	id := s.hold(now, j)
	h := handle(id, s.slab[id].gen)
	j.ID = uint64(h)
	if err := s.sched.Add(now, j.Request); err != nil {
		s.release(id)
		return 0, s.turnedAway(err), out
	}
	s.stats.waiting++
	s.stats.queuedWork += j.Work
	if len(s.flights) > 0 {
		s.interrupt(now)
		return h, site.Queued, out
	}
	out = s.ask(now, out)
	if s.slab[id].started == unset {
		return h, site.Queued, out
	}
	return h, site.Admitted, out
}

// turnedAway books a job that the scheduler does not take.
func (s *Server) turnedAway(err error) site.Outcome {
	if errors.Is(err, sched.ErrFull) {
		s.stats.Rejected++
		return site.Rejected
	}
	s.stats.TooLong++
	return site.TooLong
}

// Cancel withdraws a job, after what is due by now. ok is false when the job is
// no longer held, having ended by now.
func (s *Server) Cancel(now time.Duration, h site.Handle, out []site.Transition) (ok bool, _ []site.Transition) {
	out = s.advance(now, out)
	id, ok := s.find(h)
	if !ok {
		return false, out
	}
	out = s.settle(now, out)
	s.stats.Withdrawn += uint64(s.sched.Resident(uint64(h)))
	s.sched.Cancel(now, uint64(h))
	s.stats.Cancelled++
	return true, s.end(id, site.Cancelled, now, out)
}

// SetDown takes the server out of service or back into it, after what is due by
// now. Going down fails every job it holds, in order of arrival, and empties
// the cache.
func (s *Server) SetDown(now time.Duration, down bool, out []site.Transition) []site.Transition {
	out = s.Advance(now, out)
	if down && !s.down {
		out = s.fail(now, out)
	}
	s.down = down
	return out
}
