package sched

import (
	"slices"
	"time"

	"tierlab/engine/kv"
)

// admit lets waiting sequences in, the most urgent first, while there is a
// slot, memory and budget. The first that does not fit ends it: nobody less
// urgent may take what it waits for.
func (s *Scheduler) admit(now time.Duration, p *Plan, f *flight, bounded bool) {
	for s.queue.len() > 0 && len(s.slots) > 0 && !s.short {
		i := s.queue.heap[0]
		q := &s.seqs[i]
		if q.ahead > 0 || s.blocked(q) {
			return
		}
		source := s.source(q)
		hit, blocks := s.match(q)
		start := int32(blocks * s.cache.BlockTokens)
		if source != nil {
			start = q.known - 1
		}
		n := s.chunk(p, start, q.known-start, bounded)
		if n == 0 || !s.fits(q, hit, blocks) {
			return
		}
		s.enter(i, hit, blocks, source)
		s.event(now, Started, q, int32(q.table.Tokens()))
		s.count.Cached += uint64(q.table.Tokens())
		if s.grow(p, f, i, n) > 0 {
			p.Admitted++
		}
	}
}

// match finds the longest resident prefix of what q knows, less its last
// token, which must be computed for its logits.
func (s *Scheduler) match(q *sequence) (hit kv.Block, blocks int) {
	size := int32(s.cache.BlockTokens)
	limit, full := int((q.known-1)/size), q.Prompt.Len()/int(size)
	for i := min(len(q.outs), limit-full) - 1; i >= 0; i-- {
		if b, ok := s.cache.Find(q.outs[i]); ok {
			return b, full + i + 1
		}
	}
	return s.cache.Match(q.Prompt, limit)
}

// fits: there is memory for q, for what the running sequences' prompts still
// take, and for a block more of each running sequence. When nothing runs, a
// request that Add let in always fits.
func (s *Scheduler) fits(q *sequence, hit kv.Block, blocks int) bool {
	if s.blocked(q) {
		return false
	}
	want := s.cache.BlocksFor(int(q.known)) - blocks + len(s.run)
	for _, i := range s.run {
		r := &s.seqs[i]
		want += max(0, s.cache.BlocksFor(int(r.known))-r.table.Len())
	}
	if s.cache.Available(want, hit) {
		return true
	}
	s.blockedOrder, s.blockedSlack = q.order+1, s.cache.Slack()
	return false
}

// blocked: q lacked memory, and since then no sequence has left and no block
// has lost its last reference. So a request that waits for memory is looked at
// when there may be some, and a plan stays stable meanwhile.
func (s *Scheduler) blocked(q *sequence) bool {
	return s.blockedOrder == q.order+1 && s.blockedSlack == s.cache.Slack()
}

// source is the running sequence that q may share even a partly filled block
// with, or nil. What q does not share of that block is copied before the plan's
// rows run, so the block must not be one that a row of this plan fills: a
// sequence that has taken up resident blocks for this plan is no source.
func (s *Scheduler) source(q *sequence) *sequence {
	if q.Fork == 0 || q.out > 0 || q.known == 1 {
		return nil
	}
	i, alive := s.byID[q.Fork]
	if !alive || s.seqs[i].at >= 0 {
		return nil
	}
	r := &s.seqs[i]
	if r.took == s.plan+1 || r.landed < q.known-1 || r.Prompt.Len() != q.Prompt.Len() || r.Prompt.State() != q.Prompt.State() {
		return nil
	}
	return r
}

// enter makes sequence i a running one, with its resident prefix.
func (s *Scheduler) enter(i int32, hit kv.Block, blocks int, source *sequence) {
	q := &s.seqs[i]
	s.queue.remove(s.seqs, i)
	end := len(s.slots) - 1
	q.slot = s.slots[end]
	s.slots = s.slots[:end]
	s.run = slices.Insert(s.run, s.place(q.urgency), i)
	q.stay++
	switch {
	case source != nil:
		s.cache.Fork(&source.table, &q.table, int(q.known-1))
	case blocks > 0:
		s.cache.Take(&q.table, hit, blocks)
	}
	q.landed, q.took = int32(q.table.Tokens()), s.plan+1
	q.base = int32(q.table.Sealed())
	full := q.Prompt.Len() / s.cache.BlockTokens
	q.hashes = q.Prompt.Hashes(int(q.base), q.hashes[:0])
	q.hashes = append(q.hashes, q.outs[min(len(q.outs), max(0, int(q.base)-full)):]...)
}
