package sched

import (
	"fmt"
	"math"
	"time"

	"tierlab/engine/kv"
)

// Commit takes in at now what came of the oldest plan in flight and appends
// what happened since the last Commit to ev. An outcome that does not fit that
// plan is a mistake of the driver's: Commit panics.
func (s *Scheduler) Commit(now time.Duration, o Outcome, ev []Event) []Event {
	f := &s.flight[s.head]
	times := max(o.Iterations, 1)
	s.checkOutcome(f, o, times)
	if times > 1 || o.Under {
		s.leap(now, f, times)
	} else {
		sampled := 0
		for _, r := range f.rows {
			var result *Sampled
			if r.sample && o.Sampled != nil {
				result = &o.Sampled[sampled]
				sampled++
			}
			s.land(now, r, result)
		}
	}
	more := times - 1
	if o.Under {
		more++
		s.again(f)
		f.id += uint64(times)
		f.stable -= times
	} else {
		s.head = (s.head + 1) % len(s.flight)
		s.flying--
	}
	s.plan += uint64(more)
	s.count.Plans += uint64(more)
	s.count.Rows += uint64(more * len(f.rows))
	ev = append(ev, s.events...)
	s.events = s.events[:0]
	return ev
}

func (s *Scheduler) checkOutcome(f *flight, o Outcome, times int) {
	if s.flying == 0 {
		panic(fmt.Sprintf("sched: Commit of plan %d with no plan in flight", o.Plan))
	}
	if o.Plan != f.id {
		panic(fmt.Sprintf("sched: Commit of plan %d, but the oldest in flight is %d", o.Plan, f.id))
	}
	ran := times - 1 // beyond the plan's own, the one under way too
	if o.Under {
		ran++
	}
	if ran > 0 && (ran > f.stable || o.Sampled != nil || s.flying > 1) {
		panic(fmt.Sprintf("sched: Commit of plan %d and %d iterations after it, but it is stable for %d, alone in flight and without tokens", f.id, ran, f.stable))
	}
	if o.Sampled == nil {
		return
	}
	samples := 0
	for _, r := range f.rows {
		if r.sample {
			samples++
		}
	}
	if samples != len(o.Sampled) {
		panic(fmt.Sprintf("sched: Commit of %d sampled tokens for plan %d, which samples %d", len(o.Sampled), f.id, samples))
	}
}

// land commits one row of a plan.
func (s *Scheduler) land(now time.Duration, r flown, result *Sampled) {
	q := &s.seqs[r.seq]
	if q.gen != r.gen {
		s.count.Discarded++
		return
	}
	if q.stay == r.stay {
		q.landed += r.n
	}
	if !r.sample {
		s.seal(q)
		return
	}
	id, end := kv.Made(q.Salt, int(q.out)), false
	if result != nil {
		id, end = uint64(uint32(result.Token)), result.End && !q.Forced
	}
	q.ahead--
	q.out++
	s.count.Produced++
	s.learn(q, id)
	s.seal(q)
	s.produced(now, r.seq, 1, end)
}

// produced reports that sequence i has n more tokens, and ends it after its
// last one.
func (s *Scheduler) produced(now time.Duration, i, n int32, end bool) {
	q := &s.seqs[i]
	s.event(now, Produced, q, n)
	switch {
	case int(q.out) == q.MaxTokens:
		s.event(now, Finished, q, q.out)
		s.count.Finished++
	case end:
		s.event(now, Stopped, q, q.out)
		s.count.Stopped++
	default:
		return
	}
	hint := kv.Keep{}
	if q.KeepFor > 0 {
		// What does not fit is without an end.
		hint = kv.Keep{Until: now + min(q.KeepFor, math.MaxInt64-now), Priority: q.KeepPriority}
	}
	s.end(now, i, hint)
}

// learn adds one token to what q knows.
func (s *Scheduler) learn(q *sequence, id uint64) {
	q.state = q.state.Fold(id)
	q.known++
	if int(q.known)%s.cache.BlockTokens != 0 {
		return
	}
	q.outs = append(q.outs, q.state)
	q.hashes = append(q.hashes, q.state)
}

// seal names the blocks of q that are computed and whose tokens are known.
func (s *Scheduler) seal(q *sequence) {
	for q.at < 0 && !q.table.Private() {
		i := q.table.Sealed()
		if int(q.landed) < (i+1)*s.cache.BlockTokens || i-int(q.base) >= len(q.hashes) {
			return
		}
		if s.cache.Seal(&q.table, q.hashes[i-int(q.base)]) {
			q.told = min(q.told, int32(i))
		}
	}
}
