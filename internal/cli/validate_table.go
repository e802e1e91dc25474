package cli

import (
	"fmt"
	"io"
	"strings"

	"tierlab/bench/validate"
	"tierlab/sim/steptime"
)

// validation is what tierlab validate found, with what it was found on.
type validation struct {
	Schema     string            `json:"schema"`
	Workload   string            `json:"workload"`
	Source     string            `json:"source"`
	TokenScale float64           `json:"token_scale"`
	ToolCapMs  float64           `json:"tool_cap_ms"`
	ThinkCapMs float64           `json:"think_cap_ms"`
	MaxLagMs   float64           `json:"max_lag_ms"`
	Engine     engineNote        `json:"engine"`
	Machine    string            `json:"machine"`
	Profile    *steptime.Profile `json:"profile"`
	Result     *validate.Result  `json:"result"`
}

// layout is how tables look.
type layout struct {
	heading string // before a section's title
	table   func(*table) string
}

var (
	textTable     = layout{"", (*table).String}
	markdownTable = layout{"## ", (*table).markdown}
)

// markdown is the table in Markdown.
func (t *table) markdown() string {
	var lines []string
	for i, row := range t.rows {
		lines = append(lines, "| "+strings.Join(row, " | ")+" |")
		if i == 0 {
			lines = append(lines, strings.Repeat("| --- ", len(row))+"|")
		}
	}
	return strings.Join(lines, "\n")
}

// write writes everything in a layout.
func (v *validation) write(w io.Writer, look layout) error {
	sections := []string{v.conditions()}
	for i := range v.Result.Loads {
		l := &v.Result.Loads[i]
		title := fmt.Sprintf("%.3g sessions/s", l.Rate)
		if l.Share > 0 {
			title += fmt.Sprintf(", %.0f %% of the capacity", 100*l.Share)
		}
		sections = append(sections, look.heading+title, look.table(comparison(l.Rows)), look.table(runs(l, v.Result.Calls)), invalid(l))
	}
	for _, t := range v.Result.Ranking {
		title := fmt.Sprintf("%s %s over %s", t.Metric, t.Statistic, count(len(t.Points), "setting"))
		sections = append(sections, look.heading+title, look.table(ranking(&t)),
			fmt.Sprintf("Kendall's tau is %.2f (at least %.1f is asked): the real runs separate %d of %s; of these, %d are in the same order and %d in the other.",
				t.Tau, validate.LeastTau, t.Separated, count(t.Pairs, "pair"), t.Concordant, t.Discordant))
	}
	for _, doubt := range v.Result.Doubts {
		sections = append(sections, "Of the ranking, "+doubt+".")
	}
	for i, s := range sections {
		if s == "" {
			continue
		}
		if i > 0 {
			s = "\n" + s
		}
		if _, err := io.WriteString(w, s+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// conditions says what was compared on what.
func (v *validation) conditions() string {
	e, r := &v.Engine, v.Result
	limits := fmt.Sprintf("%s and %s of cache in blocks of %d, %s queued",
		count(e.Slots, "slot"), count(e.CacheTokens, "token"), e.BlockTokens, thousands(e.Queue))
	if e.StallMs > 0 {
		limits += fmt.Sprintf(", stall at most %g ms", e.StallMs)
	}
	if keep := r.Settings.Retain; keep > 0 {
		limits += fmt.Sprintf(", contexts retained for %v over tool calls", keep)
	}
	kernels := e.Kernels
	if e.Threads > 0 { // 0: a device of its own computes
		kernels += ", " + count(e.Threads, "thread")
	}
	text := fmt.Sprintf(`The simulator beside %s on %s, over HTTP on the same machine.

- machine: %s; kernels %s
- engine: %s an iteration, %s
- profile: of %s, on %s; median error %.1f %% on the iterations kept out of its fit
- workload: %s (%s); tokens x %g, tools at most %g ms, people at most %g ms
- load: %s and %s each, Poisson arrivals`,
		e.Model, e.Backend, v.Machine, kernels, count(e.Budget, "token"), limits,
		v.Profile.Date, v.Profile.Machine, 100*v.Profile.Residual.HeldOut,
		v.Workload, v.Source, v.TokenScale, v.ToolCapMs, v.ThinkCapMs, count(r.Sessions, "session"), count(r.Calls, "call"))
	if r.Capacity > 0 {
		text += fmt.Sprintf("; the simulated engine gets through %.3g sessions/s", r.Capacity)
	}
	return text
}

// comparison is a load's rows. The last column is the error of a simulator that
// knows how long the real runs' iterations took.
func comparison(rows []validate.Row) *table {
	t := newTable("METRIC", "STATISTIC", "N", "SIMULATED MS", "REAL MS", "ERROR", "SPREAD", "BAR", "VERDICT", "OWN STEP TIMES")
	for _, r := range rows {
		limit := ""
		if r.Bar > 0 {
			limit = fmt.Sprintf("%.0f %%", 100*r.Bar)
		}
		t.row(r.Metric, r.Statistic, thousands(r.N), inMs(r.Simulated), inMs(r.Real),
			fmt.Sprintf("%+.1f %%", 100*r.Error), percent(r.Spread), limit, string(r.Verdict), fmt.Sprintf("%+.1f %%", 100*r.Own))
	}
	return t
}

// runs is what the real runs of a load say of themselves. The last two columns
// are the step-time model's error on the iterations of that very run.
func runs(l *validate.Load, calls int) *table {
	t := newTable("RUN", "SECONDS", "LAG P99 MS", "STEAL", "OTHERS", "IDLE", "SAME CACHE HITS", "MODEL ON DECODE", "MODEL ON PREFILL")
	for i, r := range l.Runs {
		steal, others, idle := "unknown", "unknown", "unknown"
		if m := r.Machine; m.Known {
			steal, others, idle = percent(m.Steal), percent(m.Others), percent(m.Idle)
		}
		t.row(fmt.Sprint(i+1), fmt.Sprintf("%.1f", r.Seconds), inMs(r.LagMs), steal, others, idle,
			fmt.Sprintf("%s of %s", thousands(r.SameCache), thousands(calls)),
			fmt.Sprintf("%+.1f %%", 100*r.Fit.Decode.Error()), fmt.Sprintf("%+.1f %%", 100*r.Fit.Prefill.Error()))
	}
	return t
}

// invalid says which runs do not count.
func invalid(l *validate.Load) string {
	var lines []string
	for i, r := range l.Runs {
		if r.Invalid != "" {
			lines = append(lines, fmt.Sprintf("Run %d is invalid: %s.", i+1, r.Invalid))
		}
	}
	return strings.Join(lines, "\n")
}

// ranking is the settings' figures.
func ranking(t *validate.Tau) *table {
	rows := newTable("SETTING", "SIMULATED MS", "REAL MS", "RUNS MS")
	for _, p := range t.Points {
		var each []string
		for _, v := range p.Runs {
			each = append(each, inMs(v))
		}
		rows.row(p.Name, inMs(p.Simulated), inMs(p.Real), strings.Join(each, " "))
	}
	return rows
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// inMs shows a time to about four digits.
func inMs(v float64) string {
	switch {
	case v >= 1000:
		return thousands(int(v + 0.5))
	case v >= 100:
		return fmt.Sprintf("%.1f", v)
	case v >= 10:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}
