package sched

import (
	"fmt"
	"time"

	"tierlab/engine/kv"
)

// leap commits a stable plan's iteration and times-1 further ones, in the order
// in which they would be committed one by one. Only rows that fill a block cost
// anything before the last iteration: each row does so once in as many
// iterations as a block has tokens, so a jump costs O(rows + blocks filled),
// and the naming of its tokens.
func (s *Scheduler) leap(now time.Duration, f *flight, times int) {
	size := s.cache.BlockTokens
	s.sortByPhase(f, times)
	for k := range times - 1 {
		phase := k % size
		for at := s.phases[phase]; at >= 0; at = f.rows[at].next {
			q := &s.seqs[f.rows[at].seq]
			s.ride(q, &f.rows[at], k+1)
			s.seal(q)
		}
		for at := s.phases[phase]; at >= 0; at = f.rows[at].next {
			s.step(&s.seqs[f.rows[at].seq], 1)
		}
	}
	for j := range f.rows {
		r := &f.rows[j]
		q := &s.seqs[r.seq]
		if q.gen != r.gen {
			s.count.Discarded += uint64(times)
			continue
		}
		s.ride(q, r, times)
		s.seal(q)
		s.produced(now, r.seq, int32(times), false)
	}
}

// sortByPhase lists, by iteration modulo the block size, the rows that fill
// their block in that iteration, in the plan's order.
func (s *Scheduler) sortByPhase(f *flight, times int) {
	size := s.cache.BlockTokens
	if s.phases == nil {
		s.phases = make([]int32, size)
	}
	for k := range min(size, times) {
		s.phases[k] = -1
	}
	for j := len(f.rows) - 1; j >= 0; j-- {
		r := &f.rows[j]
		r.rode = 0
		q := &s.seqs[r.seq]
		if q.gen != r.gen {
			continue
		}
		if k := (size - q.table.Tokens()%size) % size; k < times {
			r.next, s.phases[k] = s.phases[k], int32(j)
		}
	}
}

// ride commits iterations of row r up to number upTo. The table has room for
// the first of them; further ones fit into its last block.
func (s *Scheduler) ride(q *sequence, r *flown, upTo int) {
	n := upTo - int(r.rode)
	if more := int(q.known) + n - 1 - q.table.Tokens(); more > 0 {
		s.step(q, more)
	}
	r.rode = int32(upTo)
	q.landed += int32(n)
	q.ahead -= int32(n)
	s.count.Produced += uint64(n)
	for range n {
		q.out++
		s.learn(q, kv.Made(q.Salt, int(q.out)-1))
	}
}

// step plans n more tokens of a row of a stable plan.
func (s *Scheduler) step(q *sequence, n int) {
	if got, _ := s.cache.Grow(&q.table, n, q.names(), nil); got != n {
		panic(fmt.Sprintf("sched: a stable plan ran out of memory: %d of %d tokens", got, n))
	}
	q.ahead += int32(n)
	q.charged += int32(n)
	s.count.Computed += uint64(n)
}

// again plans the rows of a stable plan's next iteration.
func (s *Scheduler) again(f *flight) {
	for _, r := range f.rows {
		if q := &s.seqs[r.seq]; q.gen == r.gen {
			s.step(q, 1)
		}
	}
}
