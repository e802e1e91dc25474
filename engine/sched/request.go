package sched

import (
	"errors"
	"fmt"
	"time"

	"tierlab/engine/kv"
)

// Request is one model call.
type Request struct {
	ID       uint64 // unique among the requests that have not ended
	Session  uint64 // requests of one session share its clock
	Priority uint8  // a larger one is more urgent
	Prompt   kv.Chain
	// MaxTokens is the bound of the output; with Forced, its length, whatever is
	// sampled.
	MaxTokens int
	Forced    bool
	Host      bool   // each next token needs the host: the sequence is planned only after Commit
	Salt      uint64 // names the output tokens (kv.Made from 0) where an Outcome has none
	// KeepFor asks the cache to retain the context for that long after the
	// call's end, with KeepPriority.
	KeepFor      time.Duration
	KeepPriority uint8
	// Fork names a request with the same prompt whose blocks are shared if it
	// is still running; 0: none. Without it only full blocks are.
	Fork uint64
}

// The errors of Add. ErrFull is HTTP 429, the others are 400.
var (
	ErrFull      = errors.New("sched: the queue is full")
	ErrTooLong   = errors.New("sched: prompt and output exceed the context")
	ErrEmpty     = errors.New("sched: a prompt and an output have at least one token")
	ErrDuplicate = errors.New("sched: a request of this id has not ended")
	ErrBlockSize = errors.New("sched: the prompt's chain has another block size than the cache")
)

// sequence is a request that has not ended.
type sequence struct {
	Request
	urgency
	gen     uint32 // of the place in Scheduler.seqs
	stay    uint32 // how often the sequence has got or lost a table
	known   int32  // tokens known to the host: the prompt and committed output
	out     int32  // of them, output
	ahead   int32  // output tokens that plans in flight sample
	landed  int32  // tokens of the table whose computation has been committed
	took    uint64 // the plan for which it last took up resident blocks
	charged int32  // tokens computed, over all stays
	slot    int32
	told    int32 // blocks of the table that rows have named
	at      int32 // in the queue; -1: running
	table   kv.Table
	state   kv.Hash   // of all known tokens
	outs    []kv.Hash // of the blocks that end in the output
	hashes  []kv.Hash // of the known full blocks from the table's first hit on
	base    int32     // index of hashes[0]
}

// need is how many tokens the sequence is behind: 1 while it decodes.
func (q *sequence) need() int32 { return q.known + q.ahead - int32(q.table.Tokens()) }

// ready: the sequence has a token to compute that may be planned now.
func (q *sequence) ready() bool {
	return int(q.out+q.ahead) < q.MaxTokens && (q.ahead == 0 || !q.Host)
}

// Add queues a request at now. Sequences are planned by Next.
func (s *Scheduler) Add(now time.Duration, r Request) error {
	if err := s.admissible(r); err != nil {
		return err
	}
	if s.queue.len() >= s.cfg.Queue+len(s.slots) {
		s.count.Refused++
		return ErrFull
	}
	i := int32(len(s.seqs))
	if end := len(s.spare) - 1; end >= 0 {
		i = s.spare[end]
		s.spare = s.spare[:end]
	} else {
		s.seqs = append(s.seqs, sequence{})
	}
	q := &s.seqs[i]
	*q = sequence{
		Request: r, gen: q.gen, stay: q.stay, slot: -1,
		urgency: urgency{key: s.clocks.start(now, r.Session, s.cfg) - time.Duration(r.Priority)*s.cfg.Aging, order: s.order},
		known:   int32(r.Prompt.Len()), state: r.Prompt.State(),
		outs: q.outs[:0], hashes: q.hashes[:0],
	}
	s.order++
	s.byID[r.ID] = i
	s.queue.push(s.seqs, i)
	s.count.Added++
	return nil
}

func (s *Scheduler) admissible(r Request) error {
	switch {
	case r.Prompt.Len() < 1 || r.MaxTokens < 1:
		return ErrEmpty
	case r.Prompt.BlockTokens() != s.cache.BlockTokens:
		return fmt.Errorf("%w: %d, not %d", ErrBlockSize, r.Prompt.BlockTokens(), s.cache.BlockTokens)
	case r.MaxTokens > s.cfg.Context || r.Prompt.Len()+r.MaxTokens > s.cfg.Context:
		return fmt.Errorf("%w: %d + %d tokens in %d", ErrTooLong, r.Prompt.Len(), r.MaxTokens, s.cfg.Context)
	}
	if _, alive := s.byID[r.ID]; alive {
		return fmt.Errorf("%w: %d", ErrDuplicate, r.ID)
	}
	return nil
}

// Cancel ends a request at now and frees what it holds; rows of it that are in
// flight are discarded. It reports whether there was such a request.
func (s *Scheduler) Cancel(now time.Duration, id uint64) bool {
	i, alive := s.byID[id]
	if !alive {
		return false
	}
	s.end(now, i, kv.Keep{})
	s.count.Cancelled++
	return true
}

// end forgets sequence i.
func (s *Scheduler) end(now time.Duration, i int32, hint kv.Keep) {
	q := &s.seqs[i]
	if q.at >= 0 {
		s.queue.remove(s.seqs, i)
	} else {
		s.count.Released += uint64(q.table.Tokens())
		s.leave(now, i, hint)
	}
	s.clocks.charge(now, q.Session, time.Duration(q.charged+q.out)*s.cfg.Share, s.cfg)
	delete(s.byID, q.ID)
	q.gen++
	q.Prompt = kv.Chain{} // lets the collector have it
	s.spare = append(s.spare, i)
}

// leave takes sequence i out of the running ones.
func (s *Scheduler) leave(now time.Duration, i int32, hint kv.Keep) {
	q := &s.seqs[i]
	s.cache.Release(&q.table, now, hint)
	s.slots = append(s.slots, q.slot)
	q.slot, q.told, q.landed = -1, 0, 0
	q.stay++
	s.blockedOrder = 0
	at := s.place(q.urgency)
	s.run = append(s.run[:at], s.run[at+1:]...)
}
