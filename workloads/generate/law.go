package generate

import (
	"fmt"
	"math"
	"sort"

	"tierlab/internal/rng"
)

// z90 is the standard normal's 0.9 quantile.
const z90 = 1.2815515655446004

// maxCountMean bounds the mean of the counting laws, whose quantiles are
// found by walking up from 0.
const maxCountMean = 10_000

// inverse is a distribution as gonum's distuv has it.
type inverse interface {
	Quantile(p float64) float64
	CDF(x float64) float64
}

// Law is a Dist ready for use.
type Law struct {
	inner       inverse
	zero, shift float64
	min, max    float64
}

// Quantile is the inverse of CDF at p in (0, 1).
func (l *Law) Quantile(p float64) float64 {
	if p < l.zero {
		return 0
	}
	x := l.shift + l.inner.Quantile((p-l.zero)/(1-l.zero))
	if l.max != 0 && x > l.max {
		x = l.max
	}
	return max(x, l.min)
}

// CDF is P(X <= x).
func (l *Law) CDF(x float64) float64 {
	switch {
	case x < 0:
		return 0
	case x < l.min:
		return l.zero
	case l.max != 0 && x >= l.max:
		return 1
	}
	return l.zero + (1-l.zero)*l.inner.CDF(x-l.shift)
}

// Draw samples the law with one uniform.
func (l *Law) Draw(s rng.Stream) float64 { return l.Quantile(s.Uniform()) }

// Count samples the law and rounds to a whole number.
func (l *Law) Count(s rng.Stream) int { return int(math.Round(l.Draw(s))) }

// discreteLaw has values in ascending order and their cumulative
// probabilities.
type discreteLaw struct{ values, upTo []float64 }

func newDiscreteLaw(values, weights []float64) (inverse, error) {
	if len(values) == 0 || len(values) != len(weights) {
		return nil, fmt.Errorf("a discrete distribution needs values and as many weights")
	}
	total := 0.0
	for i, w := range weights {
		if !(w > 0) || !(values[i] >= 0) || i > 0 && values[i] <= values[i-1] {
			return nil, fmt.Errorf("a discrete distribution needs weights above 0 and ascending values >= 0")
		}
		total += w
	}
	upTo, sum := make([]float64, len(weights)), 0.0
	for i, w := range weights {
		sum += w
		upTo[i] = sum / total
	}
	upTo[len(upTo)-1] = 1
	return discreteLaw{values, upTo}, nil
}

func (d discreteLaw) Quantile(p float64) float64 {
	return d.values[min(sort.SearchFloat64s(d.upTo, p), len(d.values)-1)]
}

func (d discreteLaw) CDF(x float64) float64 {
	i := sort.Search(len(d.values), func(i int) bool { return d.values[i] > x })
	if i == 0 {
		return 0
	}
	return d.upTo[i-1]
}

// countLaw is the negative binomial law by its mean m and its size r, with
// variance m + m^2/r; an infinite r is the Poisson law. upTo[k] is P(X <= k),
// by the recurrences
//
//	p(0) = (r/(r+m))^r,  p(k+1) = p(k) (k+r)/(k+1) m/(r+m)
//	p(0) = exp(-m),      p(k+1) = p(k) m/(k+1)
//
// in logarithms, so that a large mean does not underflow.
type countLaw struct{ upTo []float64 }

func newCountLaw(r, m float64) inverse {
	var upTo []float64
	sum := 0.0
	for k := 0; sum < 1-1e-12 && k < 100*maxCountMean; k++ {
		sum += math.Exp(logCount(r, m, float64(k)))
		upTo = append(upTo, sum)
	}
	upTo[len(upTo)-1] = 1
	return countLaw{upTo}
}

// logCount is the logarithm of the probability of k.
func logCount(r, m, k float64) float64 {
	factorial, _ := math.Lgamma(k + 1)
	if math.IsInf(r, 1) {
		return k*math.Log(m) - m - factorial
	}
	rk, _ := math.Lgamma(r + k)
	r0, _ := math.Lgamma(r)
	return rk - r0 - factorial - r*math.Log1p(m/r) + k*(math.Log(m)-math.Log(r+m))
}

func (c countLaw) Quantile(p float64) float64 {
	return float64(min(sort.SearchFloat64s(c.upTo, p), len(c.upTo)-1))
}

func (c countLaw) CDF(x float64) float64 {
	if x < 0 {
		return 0
	}
	return c.upTo[int(min(math.Floor(x), float64(len(c.upTo)-1)))]
}
