package reports

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Objective is a limit that a session or a step should keep: what goodput
// counts. With a percentile it is also something that a policy meets or does
// not: `active_makespan_p90<=60s` is met when at least 90 % of all sessions,
// failed ones included, end within 60 s.
type Objective struct {
	Metric Metric
	// Percentile is 0 where the objective names none.
	Percentile float64
	Limit      time.Duration
}

var objectivePattern = regexp.MustCompile(`^([a-z_]+?)(?:_p([0-9]+(?:\.[0-9]+)?))?\s*<=\s*(.+)$`)

// ParseObjective reads METRIC[_pN]<=DURATION, where the metric is one of
// sessions or steps.
func ParseObjective(text string) (Objective, error) {
	fail := func(format string, args ...any) (Objective, error) {
		return Objective{}, fmt.Errorf("objective %q: %s; an objective is like active_makespan_p90<=60s or step_latency<=2s",
			text, fmt.Sprintf(format, args...))
	}
	parts := objectivePattern.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return fail("it is not METRIC<=DURATION")
	}
	m, ok := MetricNamed(parts[1])
	if !ok || m.Level() == PerAttempt {
		return fail("%q is not a metric of sessions or steps (%s)", parts[1], strings.Join(objectiveMetrics(), ", "))
	}
	o := Objective{Metric: m}
	if parts[2] != "" {
		p, err := strconv.ParseFloat(parts[2], 64)
		if err != nil || p <= 0 || p >= 100 {
			return fail("p%s is not a percentile between 0 and 100", parts[2])
		}
		o.Percentile = p
	}
	limit, err := time.ParseDuration(parts[3])
	if err != nil || limit <= 0 {
		return fail("%q is not a positive duration with a unit", parts[3])
	}
	o.Limit = limit
	return o, nil
}

func objectiveMetrics() []string {
	var names []string
	for _, m := range Metrics() {
		if m.Level() != PerAttempt {
			names = append(names, m.String())
		}
	}
	return names
}

// String is the form that ParseObjective reads.
func (o Objective) String() string {
	stat := ""
	if o.Percentile > 0 {
		stat = "_p" + strconv.FormatFloat(o.Percentile, 'g', -1, 64)
	}
	return o.Metric.String() + stat + "<=" + shortDuration(o.Limit)
}

// shortDuration writes up to ten minutes in seconds, and no zero parts.
func shortDuration(d time.Duration) string {
	if d <= 10*time.Minute && d >= time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
	}
	s := d.String()
	if cut, ok := strings.CutSuffix(s, "m0s"); ok {
		s = cut + "m"
	}
	if cut, ok := strings.CutSuffix(s, "h0m"); ok {
		s = cut + "h"
	}
	return s
}
