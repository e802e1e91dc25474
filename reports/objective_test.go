package reports

import (
	"strings"
	"testing"
	"time"
)

func TestParseObjective(t *testing.T) {
	for text, want := range map[string]Objective{
		"active_makespan_p90<=60s":  {Metric: ActiveMakespan, Percentile: 90, Limit: time.Minute},
		"active_makespan <= 1m":     {Metric: ActiveMakespan, Limit: time.Minute},
		"step_latency_p99.9<=250ms": {Metric: StepLatency, Percentile: 99.9, Limit: 250 * time.Millisecond},
		"ttft_due<=2h":              {Metric: TTFTDue, Limit: 2 * time.Hour},
	} {
		got, err := ParseObjective(text)
		if err != nil || got != want {
			t.Errorf("%q gives %+v, %v", text, got, err)
		}
		if again, err := ParseObjective(got.String()); err != nil || again != got {
			t.Errorf("%q prints as %q, which reads %+v, %v", text, got, again, err)
		}
	}
}

func TestParseObjectiveErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "not METRIC<=DURATION",
		"active_makespan>=60s":       "not METRIC<=DURATION",
		"latency<=1s":                `"latency" is not a metric of sessions or steps (active_makespan,`,
		"ttft_p50<=1s":               `"ttft" is not a metric of sessions or steps`,
		"active_makespan_p100<=1s":   "p100 is not a percentile",
		"active_makespan_p90<=60":    `"60" is not a positive duration`,
		"active_makespan_p90<=-1s":   "not a positive duration",
		"active_makespan_p90<=1 day": "not a positive duration",
	} {
		if _, err := ParseObjective(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
}
