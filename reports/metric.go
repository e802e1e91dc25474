package reports

// Metric is a latency that is kept as a histogram.
type Metric uint8

// The metrics, in the order in which reports list them.
const (
	ActiveMakespan Metric = iota
	Makespan
	StepLatency
	TTFTDue
	TTFT
	AttemptLatency
	TPOT
	QueueTime
	EstimateError
	metrics = iota
)

// Level says what a metric counts one value of.
type Level uint8

// The levels.
const (
	PerSession Level = iota
	PerStep
	PerAttempt
)

func (l Level) String() string { return [...]string{"session", "step", "attempt"}[l] }

// metricSpec is what a metric is called and what it means.
type metricSpec struct {
	name, title string
	level       Level
	definition  string
}

var metricSpecs = [metrics]metricSpec{
	ActiveMakespan: {"active_makespan", "Active makespan", PerSession,
		"session start to end without human think time on the critical path; sessions that ended ok"},
	Makespan: {"makespan", "Makespan", PerSession,
		"session start to end; sessions that ended ok"},
	StepLatency: {"step_latency", "Step latency", PerStep,
		"step ready to its last tool done; steps that ended ok"},
	TTFTDue: {"ttft_due", "TTFT from due", PerStep,
		"step ready to the first token of the attempt whose answer was accepted, so retries and client queueing count"},
	TTFT: {"ttft", "TTFT", PerAttempt,
		"request sent to first token; attempts that gave a token"},
	AttemptLatency: {"attempt_latency", "Attempt latency", PerAttempt,
		"request sent to last token; attempts that were answered (ok or refused by the validator)"},
	TPOT: {"tpot", "TPOT", PerAttempt,
		"(last token - first token) / (tokens - 1); answered attempts with two tokens or more"},
	QueueTime: {"queue_time", "Queue time", PerAttempt,
		"time in the site's queue; answered attempts"},
	EstimateError: {"estimate_error", "Estimate error", PerAttempt,
		"|latency that the policy expected - attempt latency|; answered attempts with an estimate"},
}

// Metrics lists every metric.
func Metrics() []Metric {
	all := make([]Metric, metrics)
	for i := range all {
		all[i] = Metric(i)
	}
	return all
}

// String is the metric's name in files, thresholds and objectives.
func (m Metric) String() string { return metricSpecs[m].name }

// Title is the metric's name in figures and tables.
func (m Metric) Title() string { return metricSpecs[m].title }

// Level is what the metric has one value of.
func (m Metric) Level() Level { return metricSpecs[m].level }

// Definition says in one line from when to when and of what.
func (m Metric) Definition() string { return metricSpecs[m].definition }

// MetricNamed finds a metric by its name.
func MetricNamed(name string) (Metric, bool) {
	for m := range metricSpecs {
		if metricSpecs[m].name == name {
			return Metric(m), true
		}
	}
	return 0, false
}

// MarshalText writes the name.
func (m Metric) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
