package generate

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// counted is a value and how often it was observed.
type counted struct{ x, n float64 }

// observations are the values of one quantity in ascending order, each once.
type observations struct {
	values []counted
	n      float64
	// grain is the step to which the source rounds; a value x stands for
	// [x - grain/2, x + grain/2).
	grain float64
}

// observe sorts and counts values. Whole numbers have grain 1, seconds the
// coarsest decimal that all values are multiples of.
func observe(values []float64, whole bool) *observations {
	x := slices.Sorted(slices.Values(values))
	o := &observations{n: float64(len(x)), grain: 1}
	for _, v := range x {
		if last := len(o.values) - 1; last >= 0 && o.values[last].x == v {
			o.values[last].n++
		} else {
			o.values = append(o.values, counted{v, 1})
		}
	}
	for !whole && o.grain > 0.0011 && !o.multiples() {
		o.grain /= 10
	}
	return o
}

func (o *observations) multiples() bool {
	for _, v := range o.values {
		if k := v.x / o.grain; math.Abs(k-math.Round(k)) > 1e-6 {
			return false
		}
	}
	return true
}

func (o *observations) min() float64 { return o.values[0].x }
func (o *observations) max() float64 { return o.values[len(o.values)-1].x }

// quantile is the least value with at least p of the observations up to it.
func (o *observations) quantile(p float64) float64 {
	sum := 0.0
	for _, v := range o.values {
		if sum += v.n; sum >= p*o.n {
			return v.x
		}
	}
	return o.max()
}

// mean is that of f over the observations.
func (o *observations) mean(f func(x float64) float64) float64 {
	sum := 0.0
	for _, v := range o.values {
		sum += v.n * f(v.x)
	}
	return sum / o.n
}

func (o *observations) moments() (mean, sd float64) {
	mean = o.mean(func(x float64) float64 { return x })
	return mean, math.Sqrt(o.mean(func(x float64) float64 { return (x - mean) * (x - mean) }))
}

// above are the observations greater than x.
func (o *observations) above(x float64) *observations {
	i := len(o.values)
	for i > 0 && o.values[i-1].x > x {
		i--
	}
	part := &observations{values: o.values[i:], grain: o.grain}
	for _, v := range part.values {
		part.n += v.n
	}
	return part
}

// shifted are the observations less s.
func (o *observations) shifted(s float64) *observations {
	part := &observations{n: o.n, grain: o.grain}
	for _, v := range o.values {
		part.values = append(part.values, counted{v.x - s, v.n})
	}
	return part
}

// logNormalMLE: mu and sigma are mean and standard deviation of ln x.
func (o *observations) logNormalMLE() (mu, sigma float64) {
	mu = o.mean(math.Log)
	return mu, math.Sqrt(o.mean(func(x float64) float64 { return (math.Log(x) - mu) * (math.Log(x) - mu) }))
}

// gammaShape solves ln k - psi(k) = ln(mean) - mean(ln x) for the shape k by
// Newton's method on 1/k (Minka, Estimating a Gamma distribution, 2002). The
// trigamma function is Hurwitz's zeta function zeta(2, k).
func (o *observations) gammaShape() float64 {
	mean, _ := o.moments()
	s := math.Log(mean) - o.mean(math.Log)
	if !(s > 0) {
		return math.Inf(1)
	}
	k := (3 - s + math.Sqrt((s-3)*(s-3)+24*s)) / (12 * s)
	for range 50 {
		next := 1 / (1/k + (math.Log(k)-mathext.Digamma(k)-s)/(k*k*(1/k-mathext.Zeta(2, k))))
		if math.Abs(next-k) < 1e-12*k {
			return next
		}
		k = next
	}
	return k
}

// bodyMLE is the lognormal law of which only the values up to u are seen and
// the others are known to be above u: the EM iteration for a right-censored
// normal sample, with a = (ln u - mu)/sigma and h = phi(a)/(1 - Phi(a)):
//
//	E[z | z > ln u] = mu + sigma h,  Var = sigma^2 (1 + a h - h^2).
func (o *observations) bodyMLE(u float64) (mu, sigma float64) {
	mu, sigma = o.logNormalMLE()
	cut := math.Log(u)
	for range 200 {
		a := (cut - mu) / sigma
		h := math.Exp(distuv.UnitNormal.LogProb(a)) / distuv.UnitNormal.Survival(a)
		hidden := mu + sigma*h
		spread := sigma * sigma * (1 + a*h - h*h)
		m := o.mean(func(x float64) float64 {
			if x > u {
				return hidden
			}
			return math.Log(x)
		})
		v := o.mean(func(x float64) float64 {
			if x > u {
				return spread + (hidden-m)*(hidden-m)
			}
			return (math.Log(x) - m) * (math.Log(x) - m)
		})
		done := math.Abs(m-mu) < 1e-10 && math.Abs(math.Sqrt(v)-sigma) < 1e-10
		mu, sigma = m, math.Sqrt(v)
		if done {
			break
		}
	}
	return mu, sigma
}

// tailAlpha maximizes the likelihood of a Pareto law on [u, limit]:
//
//	ln a - ln(1 - (u/limit)^a) + a ln u - (a + 1) mean(ln x).
func (o *observations) tailAlpha(u, limit float64) float64 {
	logs := o.mean(math.Log)
	return maximize(func(logA float64) float64 {
		a := math.Exp(logA)
		return logA - math.Log1p(-math.Pow(u/limit, a)) + a*math.Log(u) - (a+1)*logs
	}, math.Log(0.02), math.Log(maxAlpha))
}

// negativeBinomialSize maximizes the likelihood of a negative binomial law
// with the observed mean over its size.
func (o *observations) negativeBinomialSize() float64 {
	mean, _ := o.moments()
	return maximize(func(logR float64) float64 {
		r := math.Exp(logR)
		return o.mean(func(x float64) float64 { return logCount(r, mean, x) })
	}, math.Log(0.02), math.Log(1e4))
}

// maximize finds exp of the place where a unimodal f is largest, by golden
// sections.
func maximize(f func(float64) float64, lo, hi float64) float64 {
	golden := (math.Sqrt(5) - 1) / 2
	a, b := hi-golden*(hi-lo), lo+golden*(hi-lo)
	fa, fb := f(a), f(b)
	for hi-lo > 1e-9 {
		if fa > fb {
			hi, b, fb = b, a, fa
			a = hi - golden*(hi-lo)
			fa = f(a)
		} else {
			lo, a, fa = a, b, fb
			b = lo + golden*(hi-lo)
			fb = f(b)
		}
	}
	return math.Exp((lo + hi) / 2)
}
