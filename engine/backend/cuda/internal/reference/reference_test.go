package reference

import (
	"math"
	"slices"
	"testing"

	"tierlab/engine/bf16"
)

func TestError(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		got, want []float64
		off       float64
	}{
		{[]float64{3, 4}, []float64{3, 4}, 0},
		{[]float64{3, 5}, []float64{3, 4}, 0.2},
		{[]float64{0, 0}, []float64{0, 0}, 0},
		{[]float64{0, 1}, []float64{0, 0}, inf},
		{[]float64{nan, 4}, []float64{3, 4}, inf},
		{[]float64{3, -inf}, []float64{3, 4}, inf},
	} {
		if off := Error(c.got, c.want); math.Abs(off-c.off) > 1e-15 && off != c.off {
			t.Errorf("%v for %v is off by %v, want %v", c.got, c.want, off, c.off)
		}
	}
}

func numbers(v ...float32) []bf16.Number {
	n := make([]bf16.Number, len(v))
	for i, x := range v {
		n[i] = bf16.Of(x)
	}
	return n
}

// TestByHand has results that can be followed with a pencil.
func TestByHand(t *testing.T) {
	sum, x := Norm([]float32{1, 5}, numbers(2, -1), []float32{1, 10}, 0)
	if !slices.Equal(sum, []float32{3, 4}) || math.Abs(x[0]-3/math.Sqrt(12.5)) > 1e-15 || math.Abs(x[1]-40/math.Sqrt(12.5)) > 1e-14 {
		t.Errorf("norm: %v, %v", sum, x)
	}
	if got := SiLU(bf16.Of(0), bf16.Of(7)); got != 0 {
		t.Errorf("silu(0) * 7 = %v", got)
	}
	// A quarter turn takes a pair (a, b) to (-b, a).
	out, magnitude := Head(numbers(1, 2, 3, 4), []float32{1, 0, 0, 0}, nil, 0, []float64{math.Pi / 2, 0})
	for i, want := range []float64{-3, 2, 2, 4} {
		if math.Abs(out[i]-want) > 1e-15 || math.Abs(magnitude[i]-math.Abs(want)) > 1e-15 {
			t.Errorf("element %d of a turned head: %v of magnitude %v, want %v", i, out[i], magnitude[i], want)
		}
	}
	// Of two equal keys each value has half the weight.
	values := [][]bf16.Number{numbers(2, 0), numbers(4, 6)}
	got := Attend(numbers(1, 1), 2, func(int) []bf16.Number { return numbers(3, 5) }, func(i int) []bf16.Number { return values[i] })
	if !slices.Equal(got, []float64{3, 3}) {
		t.Errorf("attention: %v", got)
	}
}
