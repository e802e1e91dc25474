package claims

import (
	"encoding/json"
	"math"
	"testing"
)

func TestEstimate(t *testing.T) {
	// Half width by hand: t(3, 0.975) = 3.182446, s = sqrt(5/3), n = 4.
	got := estimate([]float64{1, 2, 3, 4})
	if want := 3.182446 * math.Sqrt(5.0/3) / 2; got.Mean != 2.5 || math.Abs(got.Half-want) > 1e-5 {
		t.Errorf("got %+v, want 2.5 and %v", got, want)
	}
	if e := estimate([]float64{7}); e.Mean != 7 || !math.IsNaN(e.Half) {
		t.Errorf("one value gives %+v, want no interval", e)
	}
	if e := paired([]float64{3, 5}, []float64{1, 3}); e.Mean != 2 || e.Half != 0 {
		t.Errorf("a constant difference gives %+v", e)
	}
	if e := saved([]float64{75, 50}, []float64{100, 100}); e.Mean != 0.375 {
		t.Errorf("saved %v, want 0.375", e.Mean)
	}
}

func TestEstimateText(t *testing.T) {
	for want, e := range map[string]Estimate{
		"12.3 ± 1.2 s":      {12.345, 1.234},
		"1234 ± 57 s":       {1234.4, 56.7},
		"0.0123 ± 0.0045 s": {0.01234, 0.0045},
		"2.00 s":            {2, 0},
		"0 s":               {0, 0},
		"15.0 s":            {15, math.NaN()},
		"100 s":             {99.9999999, 0},
		"0.0000100 s":       {1e-5, 0},
		"none":              {math.Inf(1), 1},
		"1235 s":            {1234.6, 1e-13},
		"0.000123 s":        {0.000123, 0},
		"-5.0 ± 1.5 s":      {-5, 1.5},
	} {
		if got := e.text(" s"); got != want {
			t.Errorf("%+v is %q, want %q", e, got, want)
		}
	}
	if got := short(3e-17); got != "0" {
		t.Errorf("rounding is written as %q", got)
	}
	if got := whole(-0.2); got != "0" {
		t.Errorf("whole(-0.2) = %q", got)
	}
}

func TestEstimateJSON(t *testing.T) {
	b, err := json.Marshal(Estimate{1.5, math.NaN()})
	if err != nil || string(b) != `{"mean":1.5,"half":null}` {
		t.Errorf("got %s, %v", b, err)
	}
}

func TestQuantile(t *testing.T) {
	if got := quantile(0.5, []float64{9, 1, 5}, []float64{1, 3, 1}); got != 1 {
		t.Errorf("the weighted median is %v, want 1", got)
	}
	if got := quantile(0.5, nil, nil); !math.IsNaN(got) {
		t.Errorf("no values have the median %v", got)
	}
}
