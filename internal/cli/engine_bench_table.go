package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"tierlab/bench/shapes"
)

// write is for people.
func (r *benchResult) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s by %s on %s", r.Model, r.Numerics, r.Kernels, r.where())
	if c := r.Ceilings; c.GBPerS > 0 {
		fmt.Fprintf(w, "; this machine reads %.1f GB/s and computes %.0f GFLOP/s", c.GBPerS, c.GFLOPPerS)
	}
	fmt.Fprint(w, "\n\n")
	first := true
	for _, t := range []*table{r.engines(), r.loads(), r.turns(), r.starts()} {
		if len(t.rows) == 1 {
			continue
		}
		if !first {
			fmt.Fprintln(w)
		}
		first = false
		if err := t.write(w); err != nil {
			return err
		}
	}
	for i, column := range slices.Sorted(maps.Keys(r.Unknown)) {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "no %s: %s\n", column, r.Unknown[column])
	}
	return nil
}

func (r *benchResult) where() string {
	if r.Threads == 0 {
		return r.Backend
	}
	return fmt.Sprintf("%d threads", r.Threads)
}

// engines are the shapes in this process.
func (r *benchResult) engines() *table {
	t := newTable("SHAPE", "TOKENS/S", "RANGE", "GB/S", "OF READ", "GFLOP/S", "OF PEAK", "ROOFLINE", "TTFT MS", "GAP P50/P99/MAX MS",
		"CORES", "WATTS", "J/TOKEN", "")
	for _, l := range r.Lines {
		if l.Served != nil {
			continue
		}
		t.row(l.Shape, figure(l.TokensPerS), figure(l.Low)+"-"+figure(l.High),
			figure(l.GBPerS), shareOf(l.GBPerS, r.Ceilings.GBPerS), figure(l.GFLOPPerS), shareOf(l.GFLOPPerS, r.Ceilings.GFLOPPerS),
			shareOf(l.OfRoofline, 1), figure(l.TTFTMs), gaps(l), known(l.Cores), known(l.Watts), known(l.JoulesPerToken), remark(l))
	}
	return t
}

// loads are those over HTTP.
func (r *benchResult) loads() *table {
	t := newTable("LOAD", "REQUESTS/S", "TOKENS/S", "ROOFLINE", "NO OVERLAP", "TTFT P50/P90/P99 MS", "ITL P50/P99 MS", "E2E P50/P99 MS",
		"SERVER CORES", "WATTS", "J/TOKEN", "")
	for _, l := range r.Lines {
		s := l.Served
		if s == nil || s.RequestsPerS == 0 {
			continue
		}
		t.row(l.Shape, figure(s.RequestsPerS), figure(l.TokensPerS), shareOf(l.OfRoofline, 1), shareOf(l.OfNoOverlap, 1),
			figure(s.TTFT.P50)+" / "+figure(s.TTFT.P90)+" / "+figure(s.TTFT.P99), figure(s.ITL.P50)+" / "+figure(s.ITL.P99),
			figure(s.E2E.P50)+" / "+figure(s.E2E.P99), known(l.Cores), known(l.Watts), known(l.JoulesPerToken), loadRemark(s))
	}
	return t
}

// turns are the sessions' by number.
func (r *benchResult) turns() *table {
	t := newTable("LOAD", "TURN", "TTFT MEAN/P50/P99 MS", "CACHED")
	for _, l := range r.Lines {
		if l.Served == nil {
			continue
		}
		for _, n := range l.Served.Turns {
			t.row(l.Shape, fmt.Sprint(n.Turn), figure(n.TTFT.Mean)+" / "+figure(n.TTFT.P50)+" / "+figure(n.TTFT.P99), shareOf(n.CachedShare, 1))
		}
	}
	return t
}

// starts are the parts of servers' starts.
func (r *benchResult) starts() *table {
	t := newTable("START", "PART", "MS")
	for _, l := range r.Lines {
		if l.Served == nil {
			continue
		}
		for _, p := range l.Served.Phases {
			t.row(l.Shape, p.Name, figure(p.Ms))
		}
	}
	return t
}

// known is a figure that is always asked for; the reason why there is none
// stands below the table.
func known(v float64) string {
	if v == 0 {
		return "-"
	}
	return figure(v)
}

func shareOf(v, of float64) string {
	if v == 0 || of == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*v/of)
}

func gaps(l shapes.Line) string {
	if l.GapMaxMs == 0 {
		return ""
	}
	return figure(l.GapP50Ms) + " / " + figure(l.GapP99Ms) + " / " + figure(l.GapMaxMs)
}

// remark says what a shape compares with.
func remark(l shapes.Line) string {
	switch {
	case l.GapRatio > 0:
		return fmt.Sprintf("p99 gap %.2fx of %s ms undisturbed; TTFT %.2fx of %s ms alone", l.GapRatio, figure(l.CalmP99Ms), l.Ratio, figure(l.Alone))
	case l.Ratio > 0:
		return fmt.Sprintf("%.2fx of %s tokens/s one after another; %.0f %% cached", l.Ratio, figure(l.Alone), 100*l.CachedShare)
	}
	return ""
}

func loadRemark(s *shapes.Served) string {
	text := ""
	if s.Offered > 0 {
		text = fmt.Sprintf("%s offered, client's lag p99 %s ms", figure(s.Offered), figure(s.LagP99Ms))
	}
	if s.Refused > 0 {
		text += fmt.Sprintf("; %s refused", count(s.Refused, "request"))
	}
	return text
}
