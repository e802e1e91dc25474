package reports

import (
	"strings"
	"testing"
)

func TestParseThreshold(t *testing.T) {
	for text, want := range map[string]Threshold{
		"active_makespan_p99<=60s":                  {Measure: "active_makespan_p99", AtMost: true, Limit: 60000},
		"active_makespan_p99 <= +5%":                {Measure: "active_makespan_p99", AtMost: true, Limit: 0.05, Relative: true},
		"usd_per_resolved<=0.02":                    {Measure: "usd_per_resolved", AtMost: true, Limit: 0.02},
		"resolve_rate>=90%":                         {Measure: "resolve_rate", Limit: 0.9},
		"resolve_rate>=-1.5%":                       {Measure: "resolve_rate", Limit: -0.015, Relative: true},
		"cascade/tier_share_metro>=0.4":             {Policy: "cascade", Measure: "tier_share_metro", Limit: 0.4},
		"good_share:active_makespan_p90<=60s>=95 %": {Measure: "good_share:active_makespan_p90<=60s", Limit: 0.95},
	} {
		got, err := ParseThreshold(text)
		got.text = ""
		if err != nil || got != want {
			t.Errorf("%q gives %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"active_makespan_p99":        "neither MEASURE<=LIMIT nor MEASURE>=LIMIT",
		"active_makespam_p99<=1s":    `did you mean "active_makespan_p99"?`,
		"speed<=1":                   `"speed" is not a measure; summary.json lists all`,
		"active_makespan_p99<=60":    "not a duration with a unit",
		"active_makespan_p99<=5%":    "write +5% for a change",
		"usd_per_resolved<=cheap":    "neither a number nor a change",
		"usd_per_resolved<=+x%":      "not a percentage",
		"usd_per_resolved<=nan":      `"nan" is no limit`,
		"good_share:latency<=1s>=1%": "is not a measure",
	} {
		if _, err := ParseThreshold(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
}

func thresholds(t *testing.T, texts ...string) []Threshold {
	t.Helper()
	var all []Threshold
	for _, text := range texts {
		parsed, err := ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parsed)
	}
	return all
}

// later makes every session of the policy longer by the share.
func later(t *testing.T, share float64) []*Point {
	var points []*Point
	for r, luck := range []float64{10, 14, 9, 12} {
		points = append(points, handPoint(t, "a", r, luck*(1+share+0.001*float64(r)), 10, 5), handPoint(t, "b", r, 2*luck, 10, 5))
	}
	return points
}

func TestCompare(t *testing.T) {
	old, now := summarize(t, later(t, 0), Options{}), summarize(t, later(t, 0.08), Options{})
	c, err := Compare(old, now, thresholds(t, "active_makespan_p50<=+5%", "active_makespan_p99<=+10%", "usd_per_session<=1.0", "b/active_makespan_p50<=1m"))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Paired || len(c.Notes) != 0 {
		t.Errorf("the same workload, load and seed: paired %v, %v", c.Paired, c.Notes)
	}
	for _, r := range c.Rows {
		want := "same"
		if r.Policy == "a" && strings.HasPrefix(r.Measure, "active_makespan") {
			want = "worse"
			near(t, "the change", float64(r.Relative), 0.08, 0.001)
		}
		if r.Verdict != want {
			t.Errorf("%s of %s: %+v, want %s", r.Measure, r.Policy, r, want)
		}
	}
	var unmet []string
	for _, k := range c.Checks {
		if !k.Met {
			unmet = append(unmet, k.Policy+" "+k.Threshold)
		}
	}
	if c.Met() || len(unmet) != 1 || unmet[0] != "a active_makespan_p50<=+5%" {
		t.Errorf("not met: %v", unmet)
	}
	var b strings.Builder
	if err := c.WriteText(&b, now); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.txt", []byte(b.String()))
}

// With another seed nothing pairs, and the luck of the replications hides the
// same change.
func TestCompareUnpaired(t *testing.T) {
	points := later(t, 0.08)
	for _, p := range points {
		p.Run.Seed = 2
	}
	c, err := Compare(summarize(t, later(t, 0), Options{}), summarize(t, points, Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Paired || len(c.Notes) != 1 || c.Notes[0] != "the seed differs: 0, now 2" {
		t.Errorf("paired %v, %v", c.Paired, c.Notes)
	}
	for _, r := range c.Rows {
		if r.Verdict != "same" || !r.Holm.Defined() {
			t.Errorf("%+v", r)
		}
	}
	if !c.Met() {
		t.Error("no thresholds are all met")
	}
}

func TestCheckThresholdsErrors(t *testing.T) {
	now := summarize(t, later(t, 0), Options{})
	other := summarize(t, []*Point{handPoint(t, "c", 0, 1, 1, 1)}, Options{})
	for text, want := range map[string]string{
		"active_makespan_p50<=+5%":    "no older summary",
		"x/active_makespan_p50<=5s":   "no such policy",
		"tier_share_metro>=1%":        "has no tier_share_metro",
		"a/active_makespan_p99<=+50%": `the older summary has no policy "a"`,
	} {
		var old *Summary
		if strings.Contains(want, "the older summary has") {
			old = other
		}
		if _, err := CheckThresholds(thresholds(t, text), old, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
	checks, err := CheckThresholds(thresholds(t, "ttft_p50<=1s"), nil, now)
	if err != nil || len(checks) != 2 || checks[0].Met {
		t.Errorf("what is not defined is not met: %+v, %v", checks, err)
	}
}

func FuzzParseThreshold(f *testing.F) {
	for _, text := range []string{"active_makespan_p99<=+5%", "a/usd_per_resolved<=0.02", "good_share:step_latency<=2s>=90%", "<=", ">=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := ParseThreshold(text)
		if err != nil {
			return
		}
		again, err := ParseThreshold(parsed.String())
		if err != nil || again != parsed {
			t.Errorf("%q reads %+v, and that %+v, %v", text, parsed, again, err)
		}
	})
}
