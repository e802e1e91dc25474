package validate

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

// TestTauIsKendalls: where all pairs are separated and nothing is tied, tau is
// that of gonum.
func TestTauIsKendalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "settings")
		order := func(name string) []float64 {
			all := make([]float64, n)
			for i := range all {
				all[i] = float64(i + 1)
			}
			return rapid.Permutation(all).Draw(t, name)
		}
		x, y := order("simulated"), order("real")
		var tau Tau
		for i := range x {
			tau.Points = append(tau.Points, Point{Simulated: x[i], Real: y[i], Runs: []float64{y[i] - 0.1, y[i] + 0.1}})
		}
		tau.rank()
		if want := stat.Kendall(x, y, nil); tau.Pairs != n*(n-1)/2 || tau.Separated != tau.Pairs || math.Abs(tau.Tau-want) > 1e-12 {
			t.Fatalf("%+v, want %g", tau, want)
		}
	})
}

// TestTauOfSeparatedPairs: a pair whose runs differ as much among themselves is
// not asked for its order, and a simulated tie counts against.
func TestTauOfSeparatedPairs(t *testing.T) {
	tau := Tau{Points: []Point{
		{Simulated: 1, Real: 10, Runs: []float64{9, 11}},
		{Simulated: 0.5, Real: 12, Runs: []float64{12, 12}}, // 2 from the first, whose runs are 2 apart
		{Simulated: 1, Real: 20, Runs: []float64{19, 21}},   // tied with the first
		{Simulated: 0.7, Real: 30, Runs: []float64{30, 30}}, // below the first and the third
	}}
	tau.rank()
	if tau.Pairs != 6 || tau.Separated != 5 || tau.Concordant != 2 || tau.Discordant != 2 || tau.Tau != 0 {
		t.Errorf("%+v", tau)
	}
	none := Tau{Points: []Point{{Simulated: 1, Real: 1, Runs: []float64{1}}}}
	none.rank()
	if none.Pairs != 0 || none.Tau != 0 {
		t.Errorf("%+v", none)
	}
}
