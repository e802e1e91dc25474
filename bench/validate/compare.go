package validate

import (
	"math"
	"slices"
)

// enoughForP99 values are what a 99th percentile needs; see the package comment.
const enoughForP99 = 662

// bar is the largest error of a statistic, as a share; 0 where none is set.
func bar(m Metric, s Statistic) float64 {
	switch m {
	case E2E:
		return [Statistics]float64{Mean: 0.05, P90: 0.07, P99: 0.09}[s]
	case TTFT:
		return 0.15
	case ITL:
		return 0.05
	}
	return 0
}

// Verdict is what an error amounts to.
type Verdict string

// The verdicts.
const (
	Within       Verdict = "within"
	WithinSpread Verdict = "within the spread" // of the real runs, though above the bar
	Outside      Verdict = "outside"
	Unjudged     Verdict = "" // no bar, or too few values
)

// Row compares a statistic of a metric. Simulated, Real and Runs are
// milliseconds, the others shares.
type Row struct {
	Metric    string    `json:"metric"`
	Statistic string    `json:"statistic"`
	N         int       `json:"n"` // values of the real run that has fewest
	Simulated float64   `json:"simulated_ms"`
	Real      float64   `json:"real_ms"` // mean over the runs
	Runs      []float64 `json:"runs_ms"`
	Error     float64   `json:"error"`
	// Own is the error of the simulator that goes by step times fitted to the
	// iterations of these very runs.
	Own     float64 `json:"error_with_own_step_times"`
	Spread  float64 `json:"spread"`
	Bar     float64 `json:"bar,omitempty"`
	Verdict Verdict `json:"verdict,omitempty"`
}

// Compare holds a simulated run against real ones, of which there is at least
// one; own is a simulated one with the real runs' step times. Metrics that a side
// has no values of are left out.
func Compare(simulated, own Summary, real []Summary) []Row {
	var rows []Row
	for m := range Metrics {
		n := simulated.N[m]
		for _, r := range real {
			n = min(n, r.N[m])
		}
		if n == 0 {
			continue
		}
		for s := range Statistics {
			row := Row{Metric: m.String(), Statistic: s.String(), N: n, Simulated: simulated.Value[m][s]}
			for _, r := range real {
				row.Runs = append(row.Runs, r.Value[m][s])
			}
			row.judge(bar(m, s), s == P99 && n < enoughForP99)
			row.Own = relative(own.Value[m][s]-row.Real, row.Real)
			rows = append(rows, row)
		}
	}
	return rows
}

// judge fills in what follows from the simulated value and the runs'.
func (r *Row) judge(limit float64, few bool) {
	r.Real = mean(r.Runs)
	r.Spread = relative(spread(r.Runs), r.Real)
	r.Error = relative(r.Simulated-r.Real, r.Real)
	if limit == 0 || few {
		return
	}
	r.Bar = limit
	switch e := math.Abs(r.Error); {
	case e <= r.Bar:
		r.Verdict = Within
	case e <= r.Spread:
		r.Verdict = WithinSpread
	default:
		r.Verdict = Outside
	}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// spread is how far apart values lie.
func spread(values []float64) float64 { return slices.Max(values) - slices.Min(values) }

// relative is a share of a whole; 0 of a whole that is 0, as of a queue in which
// nobody waits.
func relative(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}
