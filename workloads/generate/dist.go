package generate

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Dist states a distribution of non-negative numbers. The key that holds it
// names the unit. The package comment lists the families and their fields.
type Dist struct {
	Family    string    `yaml:"dist"`
	Value     float64   `yaml:"value,omitempty"`
	P50       float64   `yaml:"p50,omitempty"`
	P90       float64   `yaml:"p90,omitempty"`
	Mean      float64   `yaml:"mean,omitempty"`
	CV        float64   `yaml:"cv,omitempty"`
	TailShare float64   `yaml:"tail_share,omitempty"`
	TailTotal float64   `yaml:"tail_total,omitempty"`
	TailAlpha float64   `yaml:"tail_alpha,omitempty"`
	Values    []float64 `yaml:"values,omitempty,flow"`
	Weights   []float64 `yaml:"weights,omitempty,flow"`
	// Zero is the probability of exactly 0, beside the family.
	Zero float64 `yaml:"zero,omitempty"`
	// Shift is added to what the family gives.
	Shift float64 `yaml:"shift,omitempty"`
	// Min and Max clamp the result; Max 0 is no limit.
	Min float64 `yaml:"min,omitempty"`
	Max float64 `yaml:"max,omitempty"`
}

// The families of Dist.
const (
	Constant         = "constant"
	Uniform          = "uniform"
	LogNormal        = "lognormal"
	Gamma            = "gamma"
	Exponential      = "exponential"
	Poisson          = "poisson"
	NegativeBinomial = "negative_binomial"
	Discrete         = "discrete"
	Spliced          = "spliced"
)

// familyFields are the fields that each family reads, beside the common
// zero, shift, min and max.
var familyFields = map[string][]string{
	Constant:         {"value"},
	Uniform:          {},
	LogNormal:        {"p50", "p90", "mean"},
	Gamma:            {"mean", "cv"},
	Exponential:      {"mean"},
	Poisson:          {"mean"},
	NegativeBinomial: {"mean", "cv"},
	Discrete:         {"values", "weights"},
	Spliced:          {"p50", "p90", "tail_share", "tail_total", "tail_alpha"},
}

// Given says that the profile states this distribution.
func (d Dist) Given() bool { return d.Family != "" }

// set lists the family fields that d gives.
func (d Dist) set() []string {
	var s []string
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"value", d.Value != 0}, {"p50", d.P50 != 0}, {"p90", d.P90 != 0}, {"mean", d.Mean != 0}, {"cv", d.CV != 0},
		{"tail_share", d.TailShare != 0}, {"tail_total", d.TailTotal != 0}, {"tail_alpha", d.TailAlpha != 0},
		{"values", d.Values != nil}, {"weights", d.Weights != nil},
	} {
		if f.given {
			s = append(s, f.name)
		}
	}
	return s
}

// Law checks d and works out its parameters.
func (d Dist) Law() (*Law, error) {
	allowed, ok := familyFields[d.Family]
	if !ok {
		return nil, fmt.Errorf("dist %q is not one of constant, uniform, lognormal, gamma, exponential, poisson, negative_binomial, discrete, spliced", d.Family)
	}
	for _, f := range d.set() {
		if !slices.Contains(allowed, f) {
			return nil, fmt.Errorf("a %s distribution has no %q; it reads %v, zero, shift, min and max", d.Family, f, allowed)
		}
	}
	for _, x := range []float64{d.Value, d.P50, d.P90, d.Mean, d.CV, d.TailShare, d.TailTotal, d.TailAlpha, d.Zero, d.Shift, d.Min, d.Max} {
		if !(x >= 0) || math.IsInf(x, 1) {
			return nil, fmt.Errorf("a %s distribution needs finite numbers >= 0, not %v", d.Family, x)
		}
	}
	if d.Zero >= 1 {
		return nil, fmt.Errorf("zero %v must be a probability below 1", d.Zero)
	}
	if d.Max != 0 && d.Max < d.Min {
		return nil, fmt.Errorf("max %v is below min %v", d.Max, d.Min)
	}
	inner, err := d.inner()
	if err != nil {
		return nil, err
	}
	return &Law{inner: inner, zero: d.Zero, shift: d.Shift, min: d.Min, max: d.Max}, nil
}

func (d Dist) inner() (inverse, error) {
	switch d.Family {
	case Constant:
		return discreteLaw{[]float64{d.Value}, []float64{1}}, nil
	case Uniform:
		if d.Max <= d.Min {
			return nil, fmt.Errorf("a uniform distribution needs max above min")
		}
		return distuv.Uniform{Min: d.Min, Max: d.Max}, nil
	case LogNormal:
		return d.logNormal()
	case Gamma:
		if d.Mean == 0 || d.CV == 0 {
			return nil, fmt.Errorf("a gamma distribution needs mean and cv above 0")
		}
		alpha := 1 / (d.CV * d.CV)
		return distuv.Gamma{Alpha: alpha, Beta: alpha / d.Mean}, nil
	case Exponential:
		if d.Mean == 0 {
			return nil, fmt.Errorf("an exponential distribution needs mean above 0")
		}
		return distuv.Exponential{Rate: 1 / d.Mean}, nil
	case Poisson:
		if d.Mean == 0 || d.Mean > maxCountMean {
			return nil, fmt.Errorf("a poisson distribution needs a mean above 0 and up to %v", float64(maxCountMean))
		}
		return newCountLaw(math.Inf(1), d.Mean), nil
	case NegativeBinomial:
		return d.negativeBinomial()
	case Discrete:
		return newDiscreteLaw(d.Values, d.Weights)
	}
	return d.spliced()
}

// logNormal takes the median and one of p90 and mean:
// sigma = ln(p90/p50) / z(0.9), or sigma^2 = 2 ln(mean/p50).
func (d Dist) logNormal() (inverse, error) {
	if d.P50 == 0 || (d.P90 == 0) == (d.Mean == 0) {
		return nil, fmt.Errorf("a lognormal distribution needs p50 above 0 and one of p90 and mean")
	}
	if d.P90 != 0 && d.P90 <= d.P50 || d.Mean != 0 && d.Mean <= d.P50 {
		return nil, fmt.Errorf("a lognormal distribution needs p90 or mean above p50 %v", d.P50)
	}
	sigma := math.Log(d.P90/d.P50) / z90
	if d.Mean != 0 {
		sigma = math.Sqrt(2 * math.Log(d.Mean/d.P50))
	}
	return distuv.LogNormal{Mu: math.Log(d.P50), Sigma: sigma}, nil
}

// negativeBinomial takes mean m and cv c: the variance (cm)^2 = m + m^2/r
// gives r = m^2 / ((cm)^2 - m), which needs (cm)^2 > m.
func (d Dist) negativeBinomial() (inverse, error) {
	variance := d.CV * d.CV * d.Mean * d.Mean
	if d.Mean == 0 || d.Mean > maxCountMean || variance <= d.Mean {
		return nil, fmt.Errorf("a negative_binomial distribution needs a mean above 0 and up to %v, and a cv above 1/sqrt(mean); for less spread use poisson", float64(maxCountMean))
	}
	return newCountLaw(d.Mean*d.Mean/(variance-d.Mean), d.Mean), nil
}
