package fidelity

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestTauB: worked examples, among them one with ties in both (Kendall 1948,
// chapter 3: tau-b is the correlation of the pairs' signs).
func TestTauB(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4}, []float64{10, 20, 30, 40}, 1},
		{[]float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}, -1},
		{[]float64{1, 2, 3, 4}, []float64{1, 3, 2, 4}, 4. / 6},
		{[]float64{1, 1, 2, 3}, []float64{1, 2, 2, 3}, 4 / math.Sqrt(5*5)},
		{[]float64{1, 2, 2, 3}, []float64{1, 2, 3, 4}, 5 / math.Sqrt(5*6)},
	} {
		if got := TauB(c.x, c.y); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("tau-b of %v and %v is %g, want %g", c.x, c.y, got, c.want)
		}
	}
	if got := TauB([]float64{1, 1}, []float64{1, 2}); !math.IsNaN(got) {
		t.Errorf("tau-b of a ranking that ties all is %g", got)
	}
}

// TestTauBIsACorrelation: it is that of the pairs' signs, whatever the values.
func TestTauBIsACorrelation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(t, "n")
		draw := func(name string) []float64 {
			var v []float64
			for range n {
				v = append(v, float64(rapid.IntRange(0, 4).Draw(t, name)))
			}
			return v
		}
		x, y := draw("x"), draw("y")
		var xy, xx, yy float64
		sign := func(d float64) float64 { return float64(b2i(d > 0) - b2i(d < 0)) }
		for i := range x {
			for j := range y {
				a, b := sign(x[i]-x[j]), sign(y[i]-y[j])
				xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
			}
		}
		want, got := xy/math.Sqrt(xx*yy), TauB(x, y)
		if math.Abs(want-got) > 1e-12 || math.IsNaN(want) != math.IsNaN(got) {
			t.Fatalf("tau-b of %v and %v is %g, by signs %g", x, y, got, want)
		}
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestCompare: of three policies, one pair is certain and the same in both
// models, one is certain and opposite, and one is not certain.
func TestCompare(t *testing.T) {
	first := Values{{1, 2, 3, 4}, {2, 3.1, 4, 5}, {2.2, 3.2, 4.2, 4.8}}
	second := Values{{5, 6, 7, 8}, {4, 5, 6, 7.1}, {9, 10, 11, 12.1}}
	a, err := Compare(first, second)
	if err != nil {
		t.Fatal(err)
	}
	if a.Same != 1 || a.Opposite != 1 || a.TauSeparated() != 0 || len(a.Pairs) != 3 {
		t.Errorf("%+v", a)
	}
	p := a.Pairs[0]
	// Differences -1, -1.1, -1, -1: mean -1.025, deviation 0.05, t(3, 0.975) = 3.182.
	if p.A != 0 || p.B != 1 || math.Abs(p.First.Mean+1.025) > 1e-12 || math.Abs(p.First.Half-3.182*0.05/2) > 1e-4 || !p.Opposite() {
		t.Errorf("%+v", p)
	}
	for _, bad := range [][2]Values{{first, second[:2]}, {first[:1], second[:1]}, {{{1}, {2}}, {{1}, {2}}}, {first, {{1, 2}, {1, 2}, {1, 2}}}} {
		if _, err := Compare(bad[0], bad[1]); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
