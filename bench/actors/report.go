package actors

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Row is one line of a report.
type Row struct {
	Part    string `json:"part"`
	What    string `json:"what"`
	Reached string `json:"reached"`
	Bar     string `json:"bar,omitempty"`
	// Met is absent where there is no bar.
	Met *bool `json:"met,omitempty"`
	// Figures are what Reached says, by name and unit.
	Figures map[string]float64 `json:"figures"`
}

// Options say what is measured and where.
type Options struct {
	// Folder holds scratch files: it should lie on the disk that would hold
	// journals.
	Folder string
	// Scale multiplies how often things are repeated; 1 is for figures to quote.
	Scale float64
	// Open makes a sandbox's pool of some children; 0: its default.
	Open func(children int) (Runner, func() error, error)
	// Progress, if not nil, is told what is being measured.
	Progress func(what string)
}

// repeat is n under the scale, and at least least.
func (o *Options) repeat(n, least int) int { return max(least, int(float64(n)*o.Scale)) }

// part is one measurement.
type part struct {
	name string
	run  func(ctx context.Context, o *Options) ([]Row, error)
}

func parts() []part {
	return []part{
		{"commit", commitRows}, {"budget", budgetRows}, {"sandbox", sandboxRows},
		{"wake", wakeRows}, {"reads", readRows}, {"hibernate", hibernateRows}, {"steps", stepRows},
	}
}

// Parts are the names of what can be measured.
func Parts() []string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

// CheckParts says which name is none of Parts.
func CheckParts(names []string) error {
	for _, name := range names {
		if !slices.Contains(Parts(), name) {
			return fmt.Errorf("nothing is called %q; there are %s", name, strings.Join(Parts(), ", "))
		}
	}
	return nil
}

// Measure measures the named parts, in their own order; none names all.
func Measure(ctx context.Context, o Options, only []string) ([]Row, error) {
	if err := CheckParts(only); err != nil {
		return nil, err
	}
	var rows []Row
	for _, p := range parts() {
		if len(only) > 0 && !slices.Contains(only, p.name) {
			continue
		}
		if o.Progress != nil {
			o.Progress(p.name)
		}
		more, err := p.run(ctx, &o)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", p.name, err)
		}
		for i := range more {
			more[i].Part = p.name
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// met is what Row.Met points to.
func met(ok bool) *bool { return &ok }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ms writes a time as a person reads it in a table.
func ms(d time.Duration) string {
	switch m := millis(d); {
	case m >= 100:
		return fmt.Sprintf("%.0f ms", m)
	case m >= 1:
		return fmt.Sprintf("%.1f ms", m)
	default:
		return fmt.Sprintf("%.3f ms", m)
	}
}

// times fills in the figures of latencies.
func times(l Latencies) map[string]float64 {
	return map[string]float64{
		"n": float64(l.N), "p50_ms": millis(l.P50), "p99_ms": millis(l.P99), "max_ms": millis(l.Max), "per_s": l.PerSecond,
	}
}

func quantiles(l Latencies) string { return fmt.Sprintf("p50 %s, p99 %s", ms(l.P50), ms(l.P99)) }
