package sched

import (
	"math"
	"time"

	"tierlab/engine/kv"
)

// Next plans an iteration at now into p and reports whether there is one: not
// when Depth plans are ahead of the one that is due, and not when no sequence
// has a token to compute. Plans run, and are committed, in the order made.
func (s *Scheduler) Next(now time.Duration, p *Plan) bool {
	p.reset()
	if s.flying > s.cfg.Depth {
		return false
	}
	s.cache.Expire(now)
	s.short = false
	s.yield(now)
	f := &s.flight[(s.head+s.flying)%len(s.flight)]
	f.rows = f.rows[:0]
	bounded := s.decode(now, p, f)
	s.decoding = p.Shape.Rows
	s.prefill(now, p, f, bounded)
	s.admit(now, p, f, bounded)
	if len(p.Rows) == 0 {
		return false
	}
	s.name(p, f)
	s.plan++
	p.ID, f.id = s.plan, s.plan
	s.flying++
	p.StableFor, p.StableUntil = s.stable(p, f)
	f.stable = p.StableFor
	s.count.Plans++
	s.count.Rows += uint64(len(p.Rows))
	return true
}

// yield preempts the least urgent sequences of lower priority for the first
// waiting one, where that is due to be planned before them but lacks a slot or
// memory.
func (s *Scheduler) yield(now time.Duration) {
	for s.queue.len() > 0 {
		i := s.queue.heap[0]
		q := &s.seqs[i]
		if q.ahead > 0 {
			return
		}
		victim := -1
		for j := len(s.run) - 1; j >= 0 && q.before(s.seqs[s.run[j]].urgency); j-- {
			if s.seqs[s.run[j]].Priority < q.Priority {
				victim = j
				break
			}
		}
		if victim < 0 {
			return
		}
		if len(s.slots) > 0 {
			if hit, blocks := s.match(q); s.fits(q, hit, blocks) {
				return
			}
		}
		s.preempt(now, s.run[victim])
	}
}

// decode plans a token for each running sequence that is one behind, the most
// urgent first. Where memory lacks, the least urgent one is preempted. It
// reports whether any of them has begun its output: the stall bound is for
// these.
func (s *Scheduler) decode(now time.Duration, p *Plan, f *flight) (bounded bool) {
	for j := 0; j < len(s.run); j++ {
		i := s.run[j]
		q := &s.seqs[i]
		if q.need() != 1 {
			continue
		}
		bounded = bounded || q.out+q.ahead > 0
		if !q.ready() {
			continue
		}
		for s.grow(p, f, i, 1) == 0 {
			last := s.run[len(s.run)-1]
			s.preempt(now, last)
			if last == i {
				break
			}
		}
	}
	return bounded
}

// prefill plans chunks for the running sequences that are further behind, the
// most urgent first, in the rest of the budget.
func (s *Scheduler) prefill(now time.Duration, p *Plan, f *flight, bounded bool) {
	for j := 0; j < len(s.run); j++ {
		i := s.run[j]
		q := &s.seqs[i]
		if q.need() <= 1 {
			continue
		}
		s.adopt(q)
		n := s.chunk(p, int32(q.table.Tokens()), q.need(), bounded)
		if n == 0 {
			return
		}
		for s.grow(p, f, i, n) == 0 {
			last := s.run[len(s.run)-1]
			if q := &s.seqs[last]; last == i || s.planned(f, last) || q.need() == 1 {
				s.short = true
				return
			}
			s.preempt(now, last)
		}
	}
}

// planned: the plan has a row of sequence i.
func (s *Scheduler) planned(f *flight, i int32) bool {
	for _, r := range f.rows {
		if r.seq == i {
			return true
		}
	}
	return false
}

// adopt lets q go on with blocks that others have computed since it began.
func (s *Scheduler) adopt(q *sequence) {
	for q.need() > int32(s.cache.BlockTokens) {
		i := q.table.Len() - int(q.base)
		if i >= len(q.hashes) || !s.cache.Adopt(&q.table, q.hashes[i]) {
			return
		}
		q.landed, q.took = q.landed+int32(s.cache.BlockTokens), s.plan+1
		s.count.Cached += uint64(s.cache.BlockTokens)
	}
}

// chunk is how many of the need tokens from start on are planned: what the
// budget and the stall bound leave, up to a block's border unless it is all.
// A plan's first chunk is at least what lies before the next border, so that a
// prompt gets on whatever the bound.
func (s *Scheduler) chunk(p *Plan, start, need int32, bounded bool) int32 {
	size := int32(s.cache.BlockTokens)
	room := min(need, int32(s.cfg.Budget)-p.Shape.Tokens)
	if room < need {
		room = (start+room)/size*size - start
	}
	if room <= 0 || !bounded || s.cfg.Stall == 0 || s.within(p, start, room, need) {
		return max(room, 0)
	}
	least := min(need, size-start%size)
	lo, hi := int32(0), (room-least+size-1)/size // in blocks beyond the least; hi is too many
	if hi == 0 || !s.within(p, start, least, need) {
		if p.Shape.Rows > s.decoding {
			return 0
		}
		return least
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; s.within(p, start, least+mid*size, need) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return least + lo*size
}

func (s *Scheduler) within(p *Plan, start, n, need int32) bool {
	return s.cost.StepTime(p.Shape.With(start, n, n == need)) <= s.cfg.Stall
}

// grow plans up to n tokens of sequence i, for which it returns how many there
// was memory.
func (s *Scheduler) grow(p *Plan, f *flight, i, n int32) int32 {
	q := &s.seqs[i]
	start := int32(q.table.Tokens())
	copies := len(p.Copies)
	var got int
	got, p.Copies = s.cache.Grow(&q.table, int(n), q.names(), p.Copies)
	if len(p.Copies) > copies { // in the place of a block that may have been named
		q.told = min(q.told, start/int32(s.cache.BlockTokens))
	}
	if got == 0 {
		return 0
	}
	n = int32(got)
	row := Row{Seq: q.ID, Slot: q.slot, Start: start, N: n,
		Sample: start+n == q.known+q.ahead, FromDevice: start+n > q.known, FirstBlock: q.told}
	p.Rows = append(p.Rows, row)
	p.Shape = p.Shape.With(start, n, row.Sample)
	f.rows = append(f.rows, flown{seq: i, gen: q.gen, stay: q.stay, n: n, sample: row.Sample})
	if row.Sample {
		q.ahead++
	}
	q.charged += n
	s.count.Computed += uint64(n)
	return n
}

// names are the hashes of the known blocks that the table has not sealed.
func (q *sequence) names() []kv.Hash {
	return q.hashes[min(len(q.hashes), q.table.Sealed()-int(q.base)):]
}

// preempt takes a running sequence's blocks and slot. It goes back to the
// queue, where its urgency still is what it was.
func (s *Scheduler) preempt(now time.Duration, i int32) {
	q := &s.seqs[i]
	s.event(now, Preempted, q, int32(q.table.Tokens()))
	s.count.Dropped += uint64(q.table.Tokens())
	s.leave(now, i, kv.Keep{})
	s.queue.push(s.seqs, i)
	s.count.Preempted++
}

func (s *Scheduler) event(now time.Duration, kind Kind, q *sequence, n int32) {
	s.events = append(s.events, Event{At: now, Seq: q.ID, Kind: kind, N: n})
}

// name fills in the rows' new blocks, if a backend wants them.
func (s *Scheduler) name(p *Plan, f *flight) {
	if !s.cfg.Tables {
		return
	}
	for j := range p.Rows {
		q := &s.seqs[f.rows[j].seq]
		p.blocks = s.cache.AppendBlocks(&q.table, int(q.told), p.blocks)
	}
	at := 0
	for j := range p.Rows { // the slice has its final place only now
		q := &s.seqs[f.rows[j].seq]
		end := at + q.table.Len() - int(q.told)
		p.Rows[j].NewBlocks = p.blocks[at:end:end]
		at, q.told = end, int32(q.table.Len())
	}
}

// stable says how long the plan stays valid, and until when.
func (s *Scheduler) stable(p *Plan, f *flight) (int, time.Duration) {
	until := time.Duration(math.MaxInt64)
	if t, ok := s.cache.NextExpiry(); ok {
		until = t
	}
	waits := s.queue.len() > 0 && len(s.slots) > 0 && !s.blocked(&s.seqs[s.queue.heap[0]])
	if s.flying > 1 || len(p.Rows) != len(s.run) || waits {
		return 0, until
	}
	left := math.MaxInt32
	for k, r := range f.rows {
		q := &s.seqs[r.seq]
		// One just admitted stands last here and by its urgency in the next plan,
		// and the order of rows is the order in which slots are freed.
		if !r.sample || r.n > 1 || r.seq != s.run[k] {
			return 0, until
		}
		left = min(left, q.MaxTokens-int(q.out+q.ahead))
	}
	for ; left > 0 && !s.cache.Available(s.growth(f, left), -1); left /= 2 {
	}
	return left, until
}

// growth is how many blocks the plan's rows take in the next n iterations.
func (s *Scheduler) growth(f *flight, n int) (blocks int) {
	for _, r := range f.rows {
		t := &s.seqs[r.seq].table
		blocks += s.cache.BlocksFor(t.Tokens()+n) - t.Len()
	}
	return blocks
}
