package calibrate

import (
	"fmt"
	"math"
	"slices"
	"time"

	"tierlab/engine/sched"
	"tierlab/sim/steptime"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Iteration is one of the engine's: what it computed and how long it took, from
// the end of the one before to its own.
type Iteration struct {
	Shape sched.Shape
	Took  time.Duration
}

// slowest is the multiple of a first model's figure beyond which an iteration
// was stopped by something else on the machine.
const slowest = 4

// refits is how often the fit weighs its errors anew.
const refits = 4

// fit finds the step-time model of the iterations. Errors count relative to how
// long an iteration of that shape takes, so that a decode of 10 ms weighs as
// much as a prefill of a second. The first time that is what was measured, and
// then what the last model says: durations have a long tail upwards, and errors
// relative to the durations themselves would make a model that is too quick on
// average.
func fit(seen []Iteration) (steptime.Linear, error) {
	var l steptime.Linear
	a := mat.NewDense(len(seen), int(steptime.Features), nil)
	b := mat.NewVecDense(len(seen), nil)
	for round := range 1 + refits {
		for i, it := range seen {
			scale := float64(it.Took)
			if round > 0 {
				scale = float64(l.StepTime(it.Shape))
			}
			for f, v := range steptime.Values(it.Shape) {
				a.Set(i, f, v/scale)
			}
			b.SetVec(i, float64(it.Took)/scale)
		}
		x, err := nonNegative(a, b)
		if err != nil {
			return l, fmt.Errorf("fitting the step-time model: %w", err)
		}
		l = steptime.Linear(x)
		l[steptime.Constant] = max(1, l[steptime.Constant]) // no iteration takes no time, whatever the loads left undecided
	}
	return l, nil
}

// relative is a model's error on each iteration, as a share of what was
// measured.
func relative(l steptime.Linear, seen []Iteration) []float64 {
	errs := make([]float64, len(seen))
	for i, it := range seen {
		errs[i] = float64(l.StepTime(it.Shape))/float64(it.Took) - 1
	}
	return errs
}

// residual says how well a model fits the iterations that it was fitted to, and
// those kept out.
func residual(l steptime.Linear, seen, heldOut []Iteration) steptime.Residual {
	errs := relative(l, seen)
	abs := absolute(errs)
	estimates, values := make([]float64, len(seen)), make([]float64, len(seen))
	for i, it := range seen {
		estimates[i], values[i] = float64(l.StepTime(it.Shape)), float64(it.Took)
	}
	r := steptime.Residual{
		Iterations: len(seen), Mean: stat.Mean(errs, nil),
		P50: stat.Quantile(0.5, stat.Empirical, abs, nil),
		P90: stat.Quantile(0.9, stat.Empirical, abs, nil),
		P99: stat.Quantile(0.99, stat.Empirical, abs, nil),
		R2:  stat.RSquaredFrom(estimates, values, nil),
	}
	if len(heldOut) > 0 {
		r.HeldOut = stat.Quantile(0.5, stat.Empirical, absolute(relative(l, heldOut)), nil)
	}
	return r
}

// absolute are the sizes of errors, sorted.
func absolute(errs []float64) []float64 {
	abs := make([]float64, len(errs))
	for i, e := range errs {
		abs[i] = math.Abs(e)
	}
	slices.Sort(abs)
	return abs
}

// measured is the range of each feature.
func measured(seen []Iteration) map[string]steptime.Range {
	ranges := map[string]steptime.Range{}
	for i, it := range seen {
		for f, v := range steptime.Values(it.Shape) {
			name := steptime.Feature(f).String()
			r := ranges[name]
			if i == 0 {
				r = steptime.Range{Low: v, High: v}
			}
			ranges[name] = steptime.Range{Low: min(r.Low, v), High: max(r.High, v)}
		}
	}
	return ranges
}
