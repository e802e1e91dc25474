package validate

import (
	"sync"
	"time"

	"tierlab/bench/calibrate"
	"tierlab/engine"
	"tierlab/engine/sched"
	"tierlab/sim/steptime"
)

// Iterations holds a profile's model against the iterations of an engine, whose
// observer it is: an error that is left when both sides see the same shapes.
type Iterations struct {
	Model steptime.Linear
	Next  engine.Observer // told as well, if not nil

	mu   sync.Mutex
	fit  Fit
	seen []calibrate.Iteration
}

// Fit is the time that iterations took and that the model gives them, of those
// that only decode and those with a part of a prompt.
type Fit struct {
	Decode, Prefill Took
}

// Took sums iterations up.
type Took struct {
	Iterations int           `json:"iterations"`
	Real       time.Duration `json:"real_ns"`
	Model      time.Duration `json:"model_ns"`
}

// Error is the model's, as a share of the real time; 0 without iterations.
func (t Took) Error() float64 {
	if t.Real == 0 {
		return 0
	}
	return float64(t.Model)/float64(t.Real) - 1
}

// Iteration implements engine.Observer.
func (i *Iterations) Iteration(shape sched.Shape, took time.Duration) {
	i.mu.Lock()
	t := &i.fit.Decode
	if shape.Prefill > 0 {
		t = &i.fit.Prefill
	}
	t.Iterations, t.Real, t.Model = t.Iterations+1, t.Real+took, t.Model+i.Model.StepTime(shape)
	i.seen = append(i.seen, calibrate.Iteration{Shape: shape, Took: took})
	i.mu.Unlock()
	if i.Next != nil {
		i.Next.Iteration(shape, took)
	}
}

// RequestDone implements engine.Observer.
func (i *Iterations) RequestDone(u engine.Usage, f engine.Finish) {
	if i.Next != nil {
		i.Next.RequestDone(u, f)
	}
}

// take returns what has been kept, and begins anew.
func (i *Iterations) take() (Fit, []calibrate.Iteration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	fit, seen := i.fit, i.seen
	i.fit, i.seen = Fit{}, nil
	return fit, seen
}
