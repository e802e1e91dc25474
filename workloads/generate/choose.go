package generate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// GoodnessOfFit says how a fitted law compares with what was observed.
type GoodnessOfFit struct {
	// Quantity is the profile's field.
	Quantity string `json:"quantity"`
	Dist     Dist   `json:"dist"`
	N        int    `json:"n"`
	// KS is the Kolmogorov-Smirnov distance: the largest difference between
	// the distribution functions of the observations and of the law, rounded
	// as the observations are.
	KS  float64 `json:"ks"`
	AIC float64 `json:"aic"`
	// Observed and Fitted are p50, p90 and p99.
	Observed [3]float64 `json:"observed"`
	Fitted   [3]float64 `json:"fitted"`
}

// Table lists fits for people.
func Table(fits []GoodnessOfFit) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "quantity\tn\tlaw\tKS\tp50 seen\tfitted\tp90 seen\tfitted\tp99 seen\tfitted\t")
	for _, g := range fits {
		fmt.Fprintf(w, "%s\t%d\t%s\t%.3f\t", g.Quantity, g.N, g.Dist.Family, g.KS)
		for i := range g.Observed {
			fmt.Fprintf(w, "%.4g\t%.4g\t", g.Observed[i], g.Fitted[i])
		}
		fmt.Fprintln(w)
	}
	// A strings.Builder takes everything.
	_ = w.Flush()
	return b.String()
}

// enough is how many values make a law with a tail of its own, or a table of
// weights, worth its parameters.
const enough = 200

// mostValues bounds the values of a fitted discrete law.
const mostValues = 12

// choose fits the candidate families and returns the one with the least
// Akaike criterion 2k - 2 ln L, k parameters; one with more parameters must
// gain more than 2. A value stands for the interval to which it was rounded, so
// that the likelihoods of continuous and of counting laws compare.
func choose(quantity string, values []float64, whole bool) (GoodnessOfFit, error) {
	if len(values) == 0 {
		return GoodnessOfFit{}, fmt.Errorf("%s: nothing observed", quantity)
	}
	o := observe(values, whole)
	var best GoodnessOfFit
	parameters := 0
	for _, c := range o.candidates(whole) {
		g, ok := o.assess(c)
		margin := 0.0
		if c.parameters > parameters {
			margin = 2
		}
		if ok && (best.Quantity == "" || g.AIC < best.AIC-margin) {
			best, parameters = g, c.parameters
			best.Quantity = quantity
		}
	}
	if best.Quantity == "" {
		return best, fmt.Errorf("%s: no family fits %d values from %g to %g", quantity, len(values), o.min(), o.max())
	}
	return best, nil
}

// candidate is a law with its number of parameters.
type candidate struct {
	dist       Dist
	parameters int
}

func (o *observations) candidates(whole bool) []candidate {
	if len(o.values) == 1 {
		return []candidate{{Dist{Family: Constant, Value: o.min()}, 1}}
	}
	var list []candidate
	if whole {
		list = o.countCandidates()
	}
	positive := o.above(0)
	zero := round(1 - positive.n/o.n)
	extra := 0
	if zero > 0 {
		extra = 1
	}
	if len(positive.values) < 2 {
		return list
	}
	for _, c := range positive.positiveCandidates() {
		c.dist.Zero, c.dist.Max = zero, positive.max()
		c.parameters += extra
		list = append(list, c)
	}
	return list
}

// positiveCandidates are laws of values above 0.
func (o *observations) positiveCandidates() []candidate {
	mean, _ := o.moments()
	mu, sigma := o.logNormalMLE()
	list := []candidate{
		{Dist{Family: Exponential, Mean: round(mean)}, 1},
		{Dist{Family: LogNormal, P50: round(math.Exp(mu)), P90: round(math.Exp(mu + z90*sigma))}, 2},
	}
	if k := o.gammaShape(); !math.IsInf(k, 1) {
		list = append(list, candidate{Dist{Family: Gamma, Mean: round(mean), CV: round(1 / math.Sqrt(k))}, 2})
	}
	if o.n < enough {
		return list
	}
	for _, q := range []float64{0.02, 0.04, 0.08} {
		u := o.quantile(1 - q)
		tail := o.above(u)
		if len(tail.values) < 5 {
			continue
		}
		mu, sigma := o.bodyMLE(u)
		d := Dist{Family: Spliced, P50: round(math.Exp(mu)), P90: round(math.Exp(mu + z90*sigma)), TailShare: q}
		// The law's tail begins where its body has 1 - q, near u.
		begin := math.Exp(mu + sigma*math.Sqrt2*math.Erfinv(1-2*q))
		beyond := o.above(begin)
		if beyond.n < 5 || begin >= o.max() {
			continue
		}
		d.TailAlpha = round(beyond.tailAlpha(begin, o.max()))
		list = append(list, candidate{d, 4})
	}
	return list
}

// countCandidates are laws of whole numbers from the least one on.
func (o *observations) countCandidates() []candidate {
	shift := o.min()
	s := o.shifted(shift)
	mean, sd := s.moments()
	var list []candidate
	if mean > maxCountMean {
		return list
	}
	list = append(list, candidate{Dist{Family: Poisson, Mean: round(mean), Shift: shift}, 1})
	if sd*sd > mean*1.001 {
		r := s.negativeBinomialSize()
		cv := math.Sqrt(mean+mean*mean/r) / mean
		list = append(list, candidate{Dist{Family: NegativeBinomial, Mean: round(mean), CV: round(cv), Shift: shift}, 2})
	}
	if len(o.values) <= mostValues && (o.n >= enough || len(o.values) <= 3) {
		d := Dist{Family: Discrete}
		for _, v := range o.values {
			d.Values, d.Weights = append(d.Values, v.x), append(d.Weights, v.n)
		}
		list = append(list, candidate{d, len(o.values) - 1})
	}
	return list
}

// assess compares a law with the observations; not ok: the law excludes some.
func (o *observations) assess(c candidate) (GoodnessOfFit, bool) {
	law, err := c.dist.Law()
	if err != nil {
		return GoodnessOfFit{}, false
	}
	g := GoodnessOfFit{Dist: c.dist, N: int(o.n)}
	var logL, seen float64
	for _, v := range o.values {
		up, low := law.CDF(v.x+o.grain/2), 0.0
		if v.x > 0 {
			low = law.CDF(v.x - o.grain/2)
		}
		if !(up > low) {
			return g, false
		}
		logL += v.n * math.Log(up-low)
		g.KS = max(g.KS, math.Abs(low-seen/o.n))
		seen += v.n
		g.KS = max(g.KS, math.Abs(up-seen/o.n))
	}
	g.AIC = 2*float64(c.parameters) - 2*logL
	for i, p := range []float64{0.5, 0.9, 0.99} {
		g.Observed[i], g.Fitted[i] = o.quantile(p), law.Quantile(p)
	}
	return g, true
}

// round keeps five significant digits, what a profile states.
func round(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 5, 64), 64)
	if err != nil {
		return x
	}
	return y
}
