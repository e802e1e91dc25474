package sched

import (
	"sort"
	"time"
)

// urgency orders sequences: by key, and by order of arrival within it. It
// never changes, so no sequence is reordered while it waits.
type urgency struct {
	key   time.Duration
	order uint64
}

func (a urgency) before(b urgency) bool {
	return a.key < b.key || a.key == b.key && a.order < b.order
}

// place is where a sequence of that urgency stands, or would stand, in s.run.
func (s *Scheduler) place(u urgency) int {
	return sort.Search(len(s.run), func(j int) bool { return !s.seqs[s.run[j]].urgency.before(u) })
}

// queue is a binary heap of waiting sequences, the most urgent first.
// sequence.at is the place in it.
type queue struct{ heap []int32 }

func (q *queue) len() int { return len(q.heap) }

func (q *queue) push(seqs []sequence, i int32) {
	q.heap = append(q.heap, i)
	q.settle(seqs, len(q.heap)-1, i)
}

func (q *queue) remove(seqs []sequence, i int32) {
	at := int(seqs[i].at)
	end := len(q.heap) - 1
	moved := q.heap[end]
	q.heap = q.heap[:end]
	if at != end {
		q.settle(seqs, at, moved)
	}
	seqs[i].at = -1
}

// settle puts sequence i at place at or where the order demands it.
func (q *queue) settle(seqs []sequence, at int, i int32) {
	u := seqs[i].urgency
	for at > 0 {
		up := (at - 1) / 2
		if !u.before(seqs[q.heap[up]].urgency) {
			break
		}
		q.set(seqs, at, q.heap[up])
		at = up
	}
	for {
		down := 2*at + 1
		if down >= len(q.heap) {
			break
		}
		if right := down + 1; right < len(q.heap) && seqs[q.heap[right]].urgency.before(seqs[q.heap[down]].urgency) {
			down = right
		}
		if !seqs[q.heap[down]].urgency.before(u) {
			break
		}
		q.set(seqs, at, q.heap[down])
		at = down
	}
	q.set(seqs, at, i)
}

func (q *queue) set(seqs []sequence, at int, i int32) {
	q.heap[at] = i
	seqs[i].at = int32(at)
}

// clocks are the sessions' virtual clocks of start-time fair queueing (Goyal,
// Vin and Cheng, IEEE/ACM ToN 5(5), 1997), in time of the run: a session whose
// clock is ahead has had more than its share.
type clocks struct {
	ends  map[uint64]time.Duration // looked up; ranged over only to forget
	limit int                      // entries at which those in the past are forgotten
}

// start is the time that a request arriving at now counts as its arrival, at
// most now + Lead.
func (c *clocks) start(now time.Duration, session uint64, cfg Config) time.Duration {
	if cfg.Lead == 0 {
		return now
	}
	start := max(now, c.ends[session])
	c.charge(now, session, cfg.Burst, cfg)
	return start
}

// charge moves a session's clock on, to at most now + Lead.
func (c *clocks) charge(now time.Duration, session uint64, by time.Duration, cfg Config) {
	if cfg.Lead == 0 || by == 0 {
		return
	}
	end := max(now, c.ends[session])
	c.ends[session] = min(end+by, max(end, now+cfg.Lead))
	if len(c.ends) <= c.limit {
		return
	}
	for id, end := range c.ends {
		if end <= now {
			delete(c.ends, id)
		}
	}
	c.limit = max(1024, 2*len(c.ends))
}
