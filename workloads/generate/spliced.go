package generate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// splicedLaw is a lognormal body with a Pareto tail. Its parameters follow
// from figures that measurements of tool calls publish: the median m, the
// 0.9 quantile, and that the longest share q of the calls takes share w of
// the total time.
//
// Body: lognormal with mu = ln m and sigma = ln(p90/m)/z(0.9), cut at its own
// 1-q quantile u = exp(mu + sigma z(1-q)), so that the distribution function
// is continuous there. The body's part of the mean is
//
//	B = E[X; X <= u] = exp(mu + sigma^2/2) Phi(z(1-q) - sigma).
//
// Tail: with probability q a Pareto variable on [u, max] with exponent a,
// whose mean for k = max/u is
//
//	M(a) = u a/(1 - k^-a) (1 - k^(1-a))/(a - 1),  M(1) = u ln k/(1 - 1/k).
//
// The tail holds share w of the total when q M(a) / (B + q M(a)) = w, that is
// M(a) = B w / ((1 - w) q). M falls with a, so bisection finds a.
//
// For TraceLab's pooled tool calls (arXiv 2606.30560: m = 0.285 s, p90 =
// 13.6 s, 4 % of the calls with 84.7 % of the time) this gives sigma = 3.02,
// u = 56 s and B = 2.77 s. Two figures that were not used confirm the form:
// the paper's 4 % are the calls above one minute, and its mean of 18.4 s
// leaves (1 - 0.847) 18.4 = 2.82 s to the others.
type splicedLaw struct {
	body   distuv.LogNormal
	q      float64 // the tail's probability
	u      float64 // where the tail begins
	alpha  float64
	max    float64 // +Inf: no limit
	atMax  float64 // (u/max)^alpha
	bodyTo float64 // the body's distribution function at u
}

// maxAlpha is the steepest tail that the bisection considers.
const maxAlpha = 60

func (d Dist) spliced() (inverse, error) {
	if d.P50 == 0 || d.P90 <= d.P50 || !(d.TailShare > 0 && d.TailShare < 0.1) {
		return nil, fmt.Errorf("a spliced distribution needs p50 above 0, p90 above p50 and tail_share in (0, 0.1)")
	}
	if (d.TailTotal == 0) == (d.TailAlpha == 0) || d.TailTotal >= 1 {
		return nil, fmt.Errorf("a spliced distribution needs one of tail_total (in (0, 1)) and tail_alpha")
	}
	s := newSpliced(math.Log(d.P50), math.Log(d.P90/d.P50)/z90, d.TailShare, d.Max)
	if s.u >= s.max {
		return nil, fmt.Errorf("the tail begins at %.6g, not below max %.6g", s.u, s.max)
	}
	if d.TailAlpha != 0 {
		s.setAlpha(d.TailAlpha)
		return s, nil
	}
	want := s.bodyMean() * d.TailTotal / ((1 - d.TailTotal) * s.q)
	lo, hi := 1e-6, float64(maxAlpha)
	if math.IsInf(s.max, 1) {
		lo = 1 + 1e-9
	}
	if want >= s.tailMean(lo) || want <= s.tailMean(hi) {
		return nil, fmt.Errorf("no Pareto tail from %.6g to %.6g holds %.3g of the total", s.u, s.max, d.TailTotal)
	}
	for range 200 {
		mid := (lo + hi) / 2
		if s.tailMean(mid) > want {
			lo = mid
		} else {
			hi = mid
		}
	}
	s.setAlpha((lo + hi) / 2)
	return s, nil
}

// newSpliced lacks only alpha. A limit of 0 is none.
func newSpliced(mu, sigma, q, limit float64) *splicedLaw {
	s := &splicedLaw{body: distuv.LogNormal{Mu: mu, Sigma: sigma}, q: q, max: limit, bodyTo: 1 - q}
	if limit == 0 {
		s.max = math.Inf(1)
	}
	s.u = s.body.Quantile(1 - q)
	return s
}

func (s *splicedLaw) setAlpha(a float64) {
	s.alpha, s.atMax = a, math.Pow(s.u/s.max, a)
}

// bodyMean is E[X; X <= u].
func (s *splicedLaw) bodyMean() float64 {
	z := distuv.UnitNormal.Quantile(1 - s.q)
	return math.Exp(s.body.Mu+s.body.Sigma*s.body.Sigma/2) * distuv.UnitNormal.CDF(z-s.body.Sigma)
}

// tailMean is E[X | X > u] for exponent a.
func (s *splicedLaw) tailMean(a float64) float64 {
	k := s.max / s.u
	if math.IsInf(k, 1) {
		return s.u * a / (a - 1)
	}
	if math.Abs(a-1) < 1e-9 {
		return s.u * math.Log(k) / (1 - 1/k)
	}
	return s.u * a / (1 - math.Pow(k, -a)) * (1 - math.Pow(k, 1-a)) / (a - 1)
}

func (s *splicedLaw) Quantile(p float64) float64 {
	if p <= s.bodyTo {
		return s.body.Quantile(p)
	}
	v := (p - s.bodyTo) / s.q
	return s.u * math.Pow(1-v*(1-s.atMax), -1/s.alpha)
}

func (s *splicedLaw) CDF(x float64) float64 {
	if x <= s.u {
		return s.body.CDF(x)
	}
	if x >= s.max {
		return 1
	}
	return s.bodyTo + s.q*(1-math.Pow(s.u/x, s.alpha))/(1-s.atMax)
}
