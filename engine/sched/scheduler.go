package sched

import (
	"fmt"
	"math"
	"time"

	"tierlab/engine/kv"
)

// Config says how an engine schedules.
type Config struct {
	Slots   int // sequences that run at once
	Budget  int // tokens computed in an iteration, at least Slots + the block size
	Queue   int // requests that wait; more are refused
	Context int // a sequence's longest context in tokens; 0: what the blocks hold
	Depth   int // plans ahead of Commit, beside the one that is due

	// Stall bounds an iteration by StepTime while a sequence is decoding: see
	// the package comment. 0: no bound.
	Stall time.Duration
	// Aging is how much later than a request of the next lower priority one may
	// arrive and still be planned before it.
	Aging time.Duration
	// Share is how far a token that was computed or produced for a session
	// moves its clock, Burst how far each request does. Lead bounds how far the
	// clock runs ahead of the time of arrival. 0 each: sessions are not told apart.
	Share, Burst, Lead time.Duration

	Tables bool // rows carry NewBlocks
}

// Fair is c with the fairness that engines have, real and simulated: a request
// may be overtaken by one of the next priority, or of a session that has had
// less, if that comes less than 10 s later. A token moves its session back by
// 100 us.
func (c Config) Fair() Config {
	c.Aging, c.Share, c.Lead = 10*time.Second, 100*time.Microsecond, 10*time.Second
	return c
}

// Check says which figure is out of range, for a scheduler over a cache of k.
func (c Config) Check(k kv.Config) error {
	switch {
	case c.Slots < 1 || c.Slots > 1<<16:
		return fmt.Errorf("sched: slots is %d, want 1..65536", c.Slots)
	case c.Budget < c.Slots+k.BlockTokens || c.Budget > math.MaxInt32/2:
		return fmt.Errorf("sched: budget is %d tokens, want at least slots + a block's tokens (%d)", c.Budget, c.Slots+k.BlockTokens)
	case c.Queue < 0 || c.Queue > math.MaxInt32:
		return fmt.Errorf("sched: queue is %d, want 0..%d", c.Queue, math.MaxInt32)
	case c.Context < 0:
		return fmt.Errorf("sched: context is %d, want 0 for what the blocks hold, or more", c.Context)
	case c.Depth < 0 || c.Depth > 16:
		return fmt.Errorf("sched: depth is %d, want 0..16", c.Depth)
	case min(c.Stall, c.Aging, c.Share, c.Burst, c.Lead) < 0:
		return fmt.Errorf("sched: stall, aging, share, burst and lead are not negative")
	}
	return nil
}

// Scheduler plans the iterations of one engine. It is used by one goroutine at
// a time.
type Scheduler struct {
	cfg    Config
	cache  *kv.Cache
	cost   Coster
	seqs   []sequence
	spare  []int32          // places in seqs that are not in use
	byID   map[uint64]int32 // looked up, never ranged over
	queue  queue
	run    []int32 // running sequences, most urgent first
	slots  []int32 // free ones, a stack
	flight []flight
	head   int // oldest in flight
	flying int // number in flight
	plan   uint64
	order  uint64 // of the next request
	clocks clocks
	phases []int32 // of a jump: first row by phase, -1: none
	events []Event // from Next, handed out by Commit
	// The request that lacked memory, and the cache's slack at that time.
	blockedOrder, blockedSlack uint64
	short                      bool  // a running prefill got no memory in this plan
	decoding                   int32 // rows of this plan that the stall bound protects
	count                      Counters
}

// flight is a plan that has not been committed.
type flight struct {
	id     uint64
	rows   []flown
	stable int
}

// flown is a row in flight. gen and stay tell whether its sequence is still
// the same, and still holds the table that the row wrote to.
type flown struct {
	seq       int32
	gen, stay uint32
	n         int32
	sample    bool
	next      int32 // row of the same phase, in a jump
	rode      int32 // iterations of the jump that are committed
}

// Counters count since the scheduler was made.
type Counters struct {
	Added, Refused, Finished, Stopped, Cancelled uint64 // requests; Refused by ErrFull
	Preempted                                    uint64 // sequences, each time
	Plans, Rows                                  uint64
	Discarded                                    uint64 // rows of sequences that had ended
	Computed                                     uint64 // tokens whose keys and values were computed
	Cached                                       uint64 // tokens taken from the cache instead
	Produced                                     uint64 // output tokens committed
	Released, Dropped                            uint64 // tokens computed or cached, of sequences that ended; that were preempted
}

// Add is the sum of two schedulers' counters, as of one that has taken the place
// of another.
func (c Counters) Add(d Counters) Counters {
	return Counters{
		Added: c.Added + d.Added, Refused: c.Refused + d.Refused, Finished: c.Finished + d.Finished,
		Stopped: c.Stopped + d.Stopped, Cancelled: c.Cancelled + d.Cancelled, Preempted: c.Preempted + d.Preempted,
		Plans: c.Plans + d.Plans, Rows: c.Rows + d.Rows, Discarded: c.Discarded + d.Discarded,
		Computed: c.Computed + d.Computed, Cached: c.Cached + d.Cached, Produced: c.Produced + d.Produced,
		Released: c.Released + d.Released, Dropped: c.Dropped + d.Dropped,
	}
}

// Stats are the scheduler's sequences by state.
type Stats struct {
	Running, Waiting, InFlight int // InFlight: plans
	Counters
}

// New makes a scheduler that plans for the given cache, which it alone changes
// from now on. Cost may be nil when Stall is 0.
func New(cfg Config, cache *kv.Cache, cost Coster) (*Scheduler, error) {
	if err := cfg.Check(cache.Config); err != nil {
		return nil, err
	}
	if cost == nil && cfg.Stall > 0 {
		return nil, fmt.Errorf("sched: a stall bound of %v needs a cost model", cfg.Stall)
	}
	if held := cache.Blocks * cache.BlockTokens; cfg.Context == 0 || cfg.Context > held {
		cfg.Context = held
	}
	s := &Scheduler{
		cfg: cfg, cache: cache, cost: cost,
		byID:   make(map[uint64]int32, cfg.Slots+min(cfg.Queue, 1<<12)),
		run:    make([]int32, 0, cfg.Slots),
		flight: make([]flight, cfg.Depth+1),
		clocks: clocks{ends: map[uint64]time.Duration{}},
	}
	for i := range cfg.Slots {
		s.slots = append(s.slots, int32(cfg.Slots-1-i))
	}
	return s, nil
}

// Stats counts in constant time.
func (s *Scheduler) Stats() Stats {
	return Stats{Running: len(s.run), Waiting: s.queue.len(), InFlight: s.flying, Counters: s.count}
}

// Resident is the number of tokens that a request's table has room for now: those
// whose keys and values are computed, planned or were found; 0 while it waits.
func (s *Scheduler) Resident(id uint64) int {
	i, alive := s.byID[id]
	if !alive {
		return 0
	}
	return s.seqs[i].table.Tokens()
}

// Cache is the cache that the scheduler plans for, to read its Stats.
func (s *Scheduler) Cache() *kv.Cache { return s.cache }
