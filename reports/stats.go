package reports

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// interval is a mean and the half width of its two-sided confidence interval;
// half is NaN when there are fewer than two values.
type interval struct{ mean, half float64 }

// tInterval is Student's interval for the mean of independent values:
// mean +- t(n-1, (1+level)/2) * s / sqrt(n).
func tInterval(xs []float64, level float64) interval {
	if len(xs) == 0 {
		return interval{math.NaN(), math.NaN()}
	}
	mean, sd := stat.MeanStdDev(xs, nil)
	n := float64(len(xs))
	if n < 2 {
		return interval{mean, math.NaN()}
	}
	return interval{mean, studentQuantile(n-1, level) * sd / math.Sqrt(n)}
}

// welch compares the means of two independent samples: the interval of
// mean(a) - mean(b) with Satterthwaite's degrees of freedom and the two-sided
// p-value (Welch, Biometrika 34, 1947). Half and p are NaN when a sample has
// fewer than two values.
func welch(a, b []float64, level float64) (interval, float64) {
	if len(a) == 0 || len(b) == 0 {
		return interval{math.NaN(), math.NaN()}, math.NaN()
	}
	meanA, sdA := stat.MeanStdDev(a, nil)
	meanB, sdB := stat.MeanStdDev(b, nil)
	diff, na, nb := meanA-meanB, float64(len(a)), float64(len(b))
	if na < 2 || nb < 2 {
		return interval{diff, math.NaN()}, math.NaN()
	}
	va, vb := sdA*sdA/na, sdB*sdB/nb
	switch {
	case va+vb == 0 && diff == 0:
		return interval{0, 0}, 1
	case va+vb == 0:
		return interval{diff, 0}, 0
	}
	se := math.Sqrt(va + vb)
	dof := (va + vb) * (va + vb) / (va*va/(na-1) + vb*vb/(nb-1))
	p := 2 * distuv.StudentsT{Sigma: 1, Nu: dof}.CDF(-math.Abs(diff/se))
	return interval{diff, studentQuantile(dof, level) * se}, p
}

func studentQuantile(dof, level float64) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: dof}.Quantile((1 + level) / 2)
}

// tTest is the two-sided p-value of the hypothesis that the mean of the
// population is zero: NaN for fewer than two values, and without any spread 1
// when all are zero, else 0.
func tTest(xs []float64) float64 {
	if len(xs) < 2 {
		return math.NaN()
	}
	mean, sd := stat.MeanStdDev(xs, nil)
	n := float64(len(xs))
	switch {
	case mean == 0:
		return 1
	case sd == 0:
		return 0
	}
	t := mean / (sd / math.Sqrt(n))
	return 2 * distuv.StudentsT{Sigma: 1, Nu: n - 1}.CDF(-math.Abs(t))
}

// holm gives the p-values of a family of tests, corrected so that the chance
// of any false rejection stays below the level that they are compared with
// (Holm, Scand. J. Statist. 6, 1979): the i-th smallest of m, from 0, times
// m - i, never below its predecessor and never above 1.
func holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	corrected := make([]float64, len(p))
	floor := 0.0
	for rank, i := range order {
		floor = max(floor, min(1, p[i]*float64(len(p)-rank)))
		corrected[i] = floor
	}
	return corrected
}

// differences pairs values by position.
func differences(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}
