package engine

import (
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
)

// Observer is told what an engine does, from the engine's own goroutine: it
// counts and returns.
type Observer interface {
	// Iteration is called after each. It took from the end of the one before, or
	// from when there was work again, to its own end: planning, the backend, and
	// handing out the tokens of the one before.
	Iteration(shape sched.Shape, took time.Duration)
	// RequestDone is called when a request that was let in has ended.
	RequestDone(u Usage, f Finish)
}

// Stats are an engine's figures at the end of its last iteration. What counts,
// counts from the engine's start.
type Stats struct {
	Sched sched.Stats // Running, Waiting, and what was planned; Produced are the output tokens
	Cache kv.Stats    // blocks by state, evictions, retentions

	Iterations uint64
	Busy       time.Duration // of all iterations
	// Prompt tokens of the requests that have started, and those of them that
	// were found in the cache: its queries and hits.
	Prompt, Cached uint64
	Stopped        uint64 // requests that ended with FinishStop
	Length         uint64 // with FinishLength
	Aborted        uint64 // with FinishAborted
}

// Add is the sum of two engines' figures, as of one.
func (s Stats) Add(o Stats) Stats {
	return Stats{
		Sched: sched.Stats{
			Running: s.Sched.Running + o.Sched.Running, Waiting: s.Sched.Waiting + o.Sched.Waiting, InFlight: s.Sched.InFlight + o.Sched.InFlight,
			Counters: s.Sched.Counters.Add(o.Sched.Counters),
		},
		Cache: kv.Stats{
			Free: s.Cache.Free + o.Cache.Free, Cached: s.Cache.Cached + o.Cache.Cached, Referenced: s.Cache.Referenced + o.Cache.Referenced,
			Tables: s.Cache.Tables + o.Cache.Tables, Charge: s.Cache.Charge + o.Cache.Charge,
			Counters: s.Cache.Counters.Add(o.Cache.Counters),
		},
		Iterations: s.Iterations + o.Iterations, Busy: s.Busy + o.Busy, Prompt: s.Prompt + o.Prompt, Cached: s.Cached + o.Cached,
		Stopped: s.Stopped + o.Stopped, Length: s.Length + o.Length, Aborted: s.Aborted + o.Aborted,
	}
}

// Stats are the engine's figures. It costs a copy.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// publish lets Stats show how things stand.
func (e *Engine) publish() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.show()
}

func (e *Engine) show() {
	e.stats.Sched, e.stats.Cache = e.sched.Stats(), e.sched.Cache().Stats()
}

// count adds an iteration.
func (e *Engine) count(shape sched.Shape, took time.Duration) {
	e.mu.Lock()
	e.stats.Iterations++
	e.stats.Busy += took
	e.show()
	e.mu.Unlock()
	if e.cfg.Observer != nil {
		e.cfg.Observer.Iteration(shape, took)
	}
}

// begun adds a request that has entered its first plan.
func (e *Engine) begun(s *sequence) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.Prompt += uint64(s.usage.Prompt)
	e.stats.Cached += uint64(s.usage.Cached)
}

// gone adds a request that has ended.
func (e *Engine) gone(s *sequence, why Finish) {
	e.mu.Lock()
	e.show()
	switch why {
	case FinishStop:
		e.stats.Stopped++
	case FinishLength:
		e.stats.Length++
	default:
		e.stats.Aborted++
	}
	e.mu.Unlock()
	if e.cfg.Observer != nil {
		e.cfg.Observer.RequestDone(s.usage, why)
	}
}
