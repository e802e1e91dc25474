package claims

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// level is the confidence of every interval.
const level = 0.95

// Estimate is a mean over replications and the half width of its two-sided
// confidence interval; Half is NaN with fewer than two replications, and 0 for
// a figure that is computed exactly.
type Estimate struct{ Mean, Half float64 }

// exactly is a figure without an interval.
func exactly(x float64) Estimate { return Estimate{x, 0} }

// estimate is Student's interval for the mean of independent values.
func estimate(xs []float64) Estimate {
	if len(xs) == 0 {
		return Estimate{math.NaN(), math.NaN()}
	}
	mean, sd := stat.MeanStdDev(xs, nil)
	n := float64(len(xs))
	if n < 2 {
		return Estimate{mean, math.NaN()}
	}
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile((1 + level) / 2)
	return Estimate{mean, t * sd / math.Sqrt(n)}
}

// paired estimates the mean of a-b over the replications that both share.
func paired(a, b []float64) Estimate {
	d := make([]float64, min(len(a), len(b)))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return estimate(d)
}

// saved estimates by which share of b the values a are lower.
func saved(a, b []float64) Estimate {
	d := make([]float64, min(len(a), len(b)))
	for i := range d {
		d[i] = 1 - a[i]/b[i]
	}
	return estimate(d)
}

// quantile is the p-quantile of values with weights; nil weighs all alike.
func quantile(p float64, values, weights []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	x := slices.Clone(values)
	var w []float64
	if weights != nil {
		w = slices.Clone(weights)
		stat.SortWeighted(x, w)
	} else {
		slices.Sort(x)
	}
	return stat.Quantile(p, stat.Empirical, x, w)
}

// times changes the unit of an estimate.
func (e Estimate) times(k float64) Estimate { return Estimate{e.Mean * k, e.Half * math.Abs(k)} }

// text writes the estimate and its half width, with as many decimals as show
// two significant digits of the half width.
func (e Estimate) text(unit string) string {
	if math.IsNaN(e.Mean) || math.IsInf(e.Mean, 0) {
		return "none"
	}
	if !(e.Half > 1e-9*max(1, math.Abs(e.Mean))) { // none, or rounding
		return short(e.Mean) + unit
	}
	decimals := max(0, 1-int(math.Floor(math.Log10(e.Half))))
	if e.Half >= 10 {
		decimals = 0
	}
	return fmt.Sprintf("%.*f ± %.*f%s", decimals, e.Mean, decimals, e.Half, unit)
}

// Text writes the estimate without a unit.
func (e Estimate) Text() string { return e.text("") }

// short writes a number with three significant digits and no exponent.
func short(x float64) string {
	if math.Abs(x) < 1e-9 { // nothing, or rounding
		return "0"
	}
	// Up to the last digit shown 99.99 is 100.
	decimals := min(8, max(0, 2-int(math.Floor(math.Log10(math.Abs(x)*(1+5e-4))))))
	return fmt.Sprintf("%.*f", decimals, x)
}

// MarshalJSON writes what is not a number as null.
func (e Estimate) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Mean *float64 `json:"mean"`
		Half *float64 `json:"half"`
	}{finite(e.Mean), finite(e.Half)})
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// whole writes a number without decimals, and never as -0.
func whole(x float64) string { return fmt.Sprintf("%.0f", math.Round(x)+0) }
