package calibrate

import (
	"math"
	"testing"
	"time"

	"tierlab/engine/sched"
	"tierlab/internal/rng"
	"tierlab/sim/steptime"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// TestNonNegative: the conditions of Karush, Kuhn and Tucker say whether x is
// the minimum: no coefficient is negative, the gradient is 0 where it is
// positive, and points upwards where it is 0.
func TestNonNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 6).Draw(t, "cols")
		rows := cols + rapid.IntRange(0, 20).Draw(t, "more rows")
		number := rapid.Float64Range(-10, 10)
		a, b := mat.NewDense(rows, cols, nil), mat.NewVecDense(rows, nil)
		for i := range rows {
			for j := range cols {
				a.Set(i, j, number.Draw(t, "a")+1e-3*float64(i*j%7))
			}
			b.SetVec(i, number.Draw(t, "b"))
		}
		x, err := nonNegative(a, b)
		if err != nil {
			t.Skip(err) // drawn singular
		}
		var residual, gradient mat.VecDense
		residual.MulVec(a, mat.NewVecDense(cols, x))
		residual.SubVec(b, &residual)
		gradient.MulVec(a.T(), &residual)
		for j, v := range x {
			slope := gradient.AtVec(j)
			scale := 1e-6 * (1 + mat.Norm(a.ColView(j), 2)*(1+mat.Norm(b, 2)))
			if v < 0 || slope > scale || v > 1e-9 && math.Abs(slope) > scale {
				t.Fatalf("coefficient %d is %g with slope %g", j, v, slope)
			}
		}
	})
}

// shapes of decodes, prefills and both.
func shapes() []sched.Shape {
	var all []sched.Shape
	for _, batch := range []int32{0, 1, 3, 8, 16} {
		for _, context := range []int32{16, 500, 4000} {
			for _, chunk := range []int32{0, 16, 100, 512, 2048} {
				var s sched.Shape
				for range batch {
					s = s.With(context, 1, true)
				}
				if chunk > 0 {
					s = s.With(context, chunk, chunk < 100)
				}
				if s.Rows > 0 {
					all = append(all, s)
				}
			}
		}
	}
	return all
}

// TestFitFindsTheModel: iterations that a known model made, with noise of a few
// per cent, give back a model that is as right on shapes it has not seen.
func TestFitFindsTheModel(t *testing.T) {
	truth := steptime.Linear{
		steptime.Constant: 6e6, steptime.Rows: 2e4, steptime.Tokens: 2.5e5,
		steptime.Samples: 9e4, steptime.Context: 300, steptime.Pairs: 40,
	}
	var seen, unseen []Iteration
	for i, s := range shapes() {
		it := Iteration{Shape: s, Took: truth.StepTime(s)}
		if i%5 == 4 {
			unseen = append(unseen, it)
			continue
		}
		for k := range 8 {
			u := rng.New(1, uint64(i)).Fold(uint64(k)).Uniform()
			it.Took = time.Duration(float64(truth.StepTime(s)) * (0.97 + 0.06*u))
			seen = append(seen, it)
		}
	}
	l, err := fit(seen)
	if err != nil {
		t.Fatal(err)
	}
	r := residual(l, seen, unseen)
	if math.Abs(r.Mean) > 0.005 || r.P90 > 0.04 || r.HeldOut > 0.02 || r.R2 < 0.99 {
		t.Errorf("residuals %+v", r)
	}
	for _, c := range l {
		if c < 0 {
			t.Errorf("a negative coefficient: %v", l)
		}
	}
}

func TestFitNeedsIterations(t *testing.T) {
	if _, err := fit([]Iteration{{Shape: sched.Shape{}.With(1, 1, true), Took: 1}}); err == nil {
		t.Error("one iteration was enough for a model")
	}
}
