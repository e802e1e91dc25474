package generate

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSplicedDerivation checks the law made from TraceLab's figures against
// those that went in and the two that did not.
func TestSplicedDerivation(t *testing.T) {
	law, err := Dist{Family: Spliced, P50: 0.285, P90: 13.6, TailShare: 0.04, TailTotal: 0.847, Max: 7200}.Law()
	if err != nil {
		t.Fatal(err)
	}
	s := law.inner.(*splicedLaw)
	// Numeric integrals over the quantile function: total, and that of the
	// longest 4 %.
	const n = 2_000_000
	var total, top float64
	for i := range n {
		p := (float64(i) + 0.5) / n
		x := law.Quantile(p)
		total += x / n
		if p > 0.96 {
			top += x / n
		}
	}
	for _, c := range []struct {
		what           string
		got, want, tol float64
	}{
		{"p50", law.Quantile(0.5), 0.285, 1e-9},
		{"p90", law.Quantile(0.9), 13.6, 1e-9},
		{"share of the longest 4 %", top / total, 0.847, 1e-4},
		{"body's mean", s.bodyMean(), total - top, 1e-4},
		{"tail's mean", s.tailMean(s.alpha) * 0.04, top, 1e-4},
		{"published mean, not used", total, 18.4, 0.03},
		{"published threshold of the 4 %, not used", s.u, 60, 0.08},
	} {
		if math.Abs(c.got/c.want-1) > c.tol {
			t.Errorf("%s = %v, want %v", c.what, c.got, c.want)
		}
	}
}

// TestLawsInvert: CDF and Quantile are inverse, and quantiles do not fall.
func TestLawsInvert(t *testing.T) {
	laws := map[string]Dist{
		"uniform":     {Family: Uniform, Min: 2, Max: 9},
		"lognormal":   {Family: LogNormal, P50: 3, P90: 20},
		"mean":        {Family: LogNormal, P50: 3, Mean: 9},
		"gamma":       {Family: Gamma, Mean: 4, CV: 2},
		"exponential": {Family: Exponential, Mean: 4, Shift: 2},
		"spliced":     {Family: Spliced, P50: 1, P90: 8, TailShare: 0.03, TailAlpha: 1.2},
		"bounded":     {Family: Spliced, P50: 1, P90: 8, TailShare: 0.03, TailTotal: 0.6, Max: 900},
		"poisson":     {Family: Poisson, Mean: 30},
		"negative":    {Family: NegativeBinomial, Mean: 12, CV: 1.3, Shift: 1},
		"discrete":    {Family: Discrete, Values: []float64{0, 1, 7}, Weights: []float64{1, 5, 2}},
	}
	for name, d := range laws {
		law, err := d.Law()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		whole := name == "poisson" || name == "negative" || name == "discrete"
		rapid.Check(t, func(t *rapid.T) {
			p := rapid.Float64Range(1e-3, 1-1e-3).Draw(t, "p")
			x := law.Quantile(p)
			if back := law.CDF(x); !whole && math.Abs(back-p) > 1e-6 || whole && (back < p-1e-9 || x > 0 && law.CDF(x-0.5) > p+1e-9) {
				t.Fatalf("%s: Quantile(%v) = %v, whose CDF is %v", name, p, x, back)
			}
			if q := rapid.Float64Range(1e-6, 1-1e-6).Draw(t, "q"); q > p && law.Quantile(q) < x {
				t.Fatalf("%s: quantiles fall between %v and %v", name, p, q)
			}
		})
	}
}

// TestMoments: the counting laws have the mean and cv that were stated.
func TestMoments(t *testing.T) {
	for _, d := range []Dist{{Family: NegativeBinomial, Mean: 10.5, CV: 1.1}, {Family: Poisson, Mean: 8}, {Family: Gamma, Mean: 45, CV: 0.89}} {
		law, err := d.Law()
		if err != nil {
			t.Fatal(err)
		}
		const n = 200_000
		var sum, squares float64
		for i := range n {
			x := law.Quantile((float64(i) + 0.5) / n)
			sum, squares = sum+x/n, squares+x*x/n
		}
		cv := math.Sqrt(squares-sum*sum) / sum
		want := d.CV
		if d.Family == Poisson {
			want = 1 / math.Sqrt(d.Mean)
		}
		if math.Abs(sum/d.Mean-1) > 2e-3 || math.Abs(cv/want-1) > 5e-3 {
			t.Errorf("%+v: mean %v, cv %v", d, sum, cv)
		}
	}
}

func TestBadDistributions(t *testing.T) {
	for want, d := range map[string]Dist{
		"not one of":            {Family: "normal"},
		`no "p90"`:              {Family: Gamma, Mean: 1, CV: 1, P90: 3},
		"one of p90 and mean":   {Family: LogNormal, P50: 3},
		"above p50":             {Family: LogNormal, P50: 3, P90: 2},
		"finite numbers":        {Family: Exponential, Mean: math.NaN()},
		"max 1 is below min 2":  {Family: Constant, Value: 1, Min: 2, Max: 1},
		"zero 1":                {Family: Constant, Zero: 1},
		"use poisson":           {Family: NegativeBinomial, Mean: 9, CV: 0.2},
		"as many weights":       {Family: Discrete, Values: []float64{1}},
		"ascending":             {Family: Discrete, Values: []float64{2, 1}, Weights: []float64{1, 1}},
		"tail_share in":         {Family: Spliced, P50: 1, P90: 2, TailShare: 0.2},
		"no Pareto tail":        {Family: Spliced, P50: 1, P90: 2, TailShare: 0.01, TailTotal: 0.99, Max: 5},
		"not below max":         {Family: Spliced, P50: 1, P90: 20, TailShare: 0.01, TailAlpha: 1, Max: 5},
		"tail_total (in (0, 1)": {Family: Spliced, P50: 1, P90: 20, TailShare: 0.01},
		"max above min":         {Family: Uniform, Min: 3},
	} {
		if _, err := d.Law(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q in it", d, err, want)
		}
	}
}

// TestBadProfiles: each fault is refused with a message that names the field.
func TestBadProfiles(t *testing.T) {
	text, err := builtin(t, "coding-agent").YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, fault, want string }{
		{"simple_share: 0.75", "simple_share: 1.75", "simple_share: 1.75 must be in [0, 1]"},
		{"simple_share: 0.75", "simpel_share: 0.75", "simpel_share"},
		{"prefix: project", "prefix: projekt", `context.prefix names "projekt"`},
		{"role: aside", "role: sidekick", `role "sidekick"`},
		{"per_s: 0.02", "per_s: 0", "per_s and cv must be above 0"},
		{"from: tools", "from: tolls", `from names "tolls"`},
		{"source: tracelab", "source: nobody", "published[0]"},
		{"{part}", "{port}", "{port}"},
		{"p50_s: 0.84", "p50_s: 84", "p50_s must be above 0 and below p90_s"},
	} {
		bad := strings.Replace(string(text), c.old, c.fault, 1)
		if bad == string(text) {
			t.Fatalf("the profile has no %q to break", c.old)
		}
		if _, err := Parse("broken", []byte(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.fault, err, c.want)
		}
	}
}
