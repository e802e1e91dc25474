package calibrate

import (
	"sync"
	"time"

	"tierlab/engine"
	"tierlab/engine/sched"
)

// Recorder keeps what an engine does: it is the engine's Observer while it is
// calibrated.
type Recorder struct {
	// Next, if not nil, is told as well.
	Next engine.Observer

	mu         sync.Mutex
	iterations []Iteration
	requests   []engine.Usage
}

// Iteration implements engine.Observer.
func (r *Recorder) Iteration(shape sched.Shape, took time.Duration) {
	r.mu.Lock()
	r.iterations = append(r.iterations, Iteration{shape, took})
	r.mu.Unlock()
	if r.Next != nil {
		r.Next.Iteration(shape, took)
	}
}

// RequestDone implements engine.Observer.
func (r *Recorder) RequestDone(u engine.Usage, f engine.Finish) {
	r.mu.Lock()
	r.requests = append(r.requests, u)
	r.mu.Unlock()
	if r.Next != nil {
		r.Next.RequestDone(u, f)
	}
}

// take returns what has been kept, and forgets it.
func (r *Recorder) take() ([]Iteration, []engine.Usage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	its, reqs := r.iterations, r.requests
	r.iterations, r.requests = nil, nil
	return its, reqs
}
