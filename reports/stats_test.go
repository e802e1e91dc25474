package reports

import (
	"math"
	"testing"

	"tierlab/internal/rng"
)

// The additional hours of sleep under two drugs of the same ten patients
// (Student, Biometrika 6, 1908): the worked example of R's t.test, whose
// output gives the expected figures.
var (
	drug1 = []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	drug2 = []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestStudentsSleep(t *testing.T) {
	d := differences(drug1, drug2)
	paired := tInterval(d, 0.95)
	near(t, "paired mean", paired.mean, -1.58, 1e-12)
	near(t, "paired lower bound", paired.mean-paired.half, -2.4598858, 1e-7)
	near(t, "paired p", tTest(d), 0.002833, 5e-7)
	apart, p := welch(drug1, drug2, 0.95)
	near(t, "Welch lower bound", apart.mean-apart.half, -3.3654832, 1e-7)
	near(t, "Welch upper bound", apart.mean+apart.half, 0.2054832, 1e-7)
	near(t, "Welch p", p, 0.07939, 5e-6)
}

func TestIntervalsOfFewOrEqualValues(t *testing.T) {
	for n, xs := range [][]float64{{}, {4}} {
		i := tInterval(xs, 0.95)
		if !math.IsNaN(i.half) || !math.IsNaN(tTest(xs)) {
			t.Errorf("%d values give the interval %v and p %v", n, i, tTest(xs))
		}
	}
	if i := tInterval([]float64{4, 4, 4}, 0.95); i != (interval{4, 0}) {
		t.Errorf("equal values give %v", i)
	}
	if i, p := welch([]float64{1, 1}, []float64{2, 2}, 0.95); i != (interval{-1, 0}) || p != 0 {
		t.Errorf("two samples without spread give %v, p %v", i, p)
	}
	if p := tTest([]float64{0, 0, 0}); p != 1 {
		t.Errorf("no difference at all has p %v", p)
	}
	if p := tTest([]float64{2, 2, 2}); p != 0 {
		t.Errorf("the same difference every time has p %v", p)
	}
}

func TestHolm(t *testing.T) {
	// By hand: sorted 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 x 1 raised to
	// its predecessor.
	got := holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		near(t, "corrected p", got[i], want, 1e-15)
	}
	for _, p := range holm([]float64{0.9, 0.8}) {
		near(t, "capped p", p, 1, 0)
	}
	if len(holm(nil)) != 0 {
		t.Error("an empty family has p-values")
	}
}

// Intervals must hold the truth about 95 times in 100; with 2,000 trials the
// share found has a standard deviation of 0.5 %.
func TestIntervalCoverage(t *testing.T) {
	const trials, n, truth = 2000, 8, 3.0
	var covered, coveredPaired, coveredWelch int
	var paired, apart float64
	for trial := range trials {
		a, b := make([]float64, n), make([]float64, n)
		for r := range n {
			draw := rng.New(11, uint64(trial)).Fold(uint64(r))
			common := 5 * draw.Fold(0).Normal()
			a[r] = truth + common + draw.Fold(1).Normal()
			b[r] = common + draw.Fold(2).Normal()
		}
		hit := func(i interval) int {
			if math.Abs(i.mean-truth) <= i.half {
				return 1
			}
			return 0
		}
		p := tInterval(differences(a, b), 0.95)
		w, _ := welch(a, b, 0.95)
		covered += hit(tInterval(a, 0.95))
		coveredPaired += hit(p)
		coveredWelch += hit(w)
		paired, apart = paired+p.half, apart+w.half
	}
	near(t, "coverage of the mean", float64(covered)/trials, 0.95, 0.015)
	near(t, "coverage of the paired difference", float64(coveredPaired)/trials, 0.95, 0.015)
	if coveredWelch < trials*99/100 {
		t.Errorf("ignoring the pairs should be far too careful here; it covered %d of %d", coveredWelch, trials)
	}
	// The common part has five times the spread of the policies' own.
	if apart < 3*paired {
		t.Errorf("pairing narrows the interval only from %.2f to %.2f", apart/trials, paired/trials)
	}
}

// With no difference between any of six policies, Holm over all pairs names a
// winner in at most one study of twenty.
func TestHolmKeepsFalseWinnersRare(t *testing.T) {
	const studies, policies, n = 1000, 6, 10
	wrong := 0
	for study := range studies {
		values := make([][]float64, policies)
		for i := range values {
			values[i] = make([]float64, n)
			for r := range n {
				values[i][r] = rng.New(5, uint64(study)).Fold(uint64(i)).Fold(uint64(r)).Normal()
			}
		}
		var p []float64
		for i := range values {
			for j := range i {
				p = append(p, tTest(differences(values[i], values[j])))
			}
		}
		for _, corrected := range holm(p) {
			if corrected < 0.05 {
				wrong++
				break
			}
		}
	}
	if wrong > studies*65/1000 || wrong == 0 {
		t.Errorf("%d of %d studies without a difference find one; at most about 5 %% should, and some will", wrong, studies)
	}
}
