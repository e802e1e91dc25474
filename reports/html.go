package reports

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed report.html.tmpl
var pageSource string

// page is what the template is given.
type page struct {
	Summary    *Summary
	Headline   string
	Conditions string
	Provenance [][2]string
	Overview   table
	Objectives table
	Pooled     table
	Breakdown  table
	Placement  table
	Verdicts   []verdictRow
	Figures    []pageFigure
	Metrics    []Measure
}

type verdictRow struct {
	Goal     string
	Sentence string
	Won      bool
	Excluded []string
}

type pageFigure struct {
	Title, Caption string
	SVG            template.HTML
}

// writeHTML writes the page: one file, nothing fetched.
func (r *Report) writeHTML(w io.Writer, figures []figure) error {
	t, err := template.New("report").Parse(pageSource)
	if err != nil {
		return fmt.Errorf("report page: %w", err)
	}
	s := r.Summary
	p := page{
		Summary: s, Headline: s.headline(), Conditions: s.conditions(), Provenance: s.provenanceRows(), Overview: s.overview(), Objectives: s.objectives(),
		Pooled: r.pooledTable(), Breakdown: s.breakdown(), Placement: s.placement(), Metrics: r.definitions(),
	}
	for _, v := range s.Goals {
		p.Verdicts = append(p.Verdicts, verdictRow{s.goalTitle(v), v.Sentence, v.Winner != "", v.left()})
	}
	for _, f := range figures {
		svg, err := f.inlineSVG()
		if err != nil {
			return err
		}
		// The figure's texts are escaped by vgsvg.
		p.Figures = append(p.Figures, pageFigure{f.title, f.caption, template.HTML(svg)})
	}
	return t.Execute(w, p)
}

func (s *Summary) provenanceRows() [][2]string {
	p := s.Provenance
	rows := [][2]string{
		{"workload", p.Workload}, {"workload digest", p.WorkloadDigest},
		{"topology", p.Topology}, {"topology digest", p.TopologyDigest},
		{"target", p.Target}, {"fidelity", p.Fidelity}, {"load", p.Load}, {"seed", fmt.Sprint(p.Seed)},
		{"version", p.Version}, {"machine", p.Machine},
	}
	for _, policy := range s.Policies {
		rows = append(rows, [2]string{"policy " + policy.Name, policy.Digest})
	}
	kept := rows[:0]
	for _, row := range rows {
		if row[1] != "" {
			kept = append(kept, row)
		}
	}
	return kept
}

// pooledTable is the percentiles of all replications' values together.
func (r *Report) pooledTable() table {
	t := table{Columns: []column{
		{"", "metric"}, {"", "values"}, {"", "mean"}, {"", "p50"}, {"", "p90"}, {"", "p99"}, {"", "max"},
	}}
	for _, m := range Metrics() {
		var sizes []float64
		for _, p := range r.study.pooled {
			sizes = append(sizes, float64(p.Latency[m].P50US)/1000, float64(p.Latency[m].P99US)/1000)
		}
		s := scaleFor(Milliseconds, sizes)
		for i, p := range r.study.pooled {
			d := p.Latency[m]
			if d.Count == 0 {
				continue
			}
			cells := []cell{{Value: m.Title() + s.unit()}, {Value: fmt.Sprint(d.Count)}, {Value: s.text(d.MeanUS() / 1000)}}
			for _, us := range []int64{d.P50US, d.P90US, d.P99US, d.MaxUS} {
				cells = append(cells, cell{Value: s.text(float64(us) / 1000)})
			}
			t.Rows = append(t.Rows, row{r.study.order[i], cells})
		}
	}
	return t
}

// definitions are those of the measures that some policy has, each metric
// once.
func (r *Report) definitions() []Measure {
	var all []Measure
	for _, m := range Metrics() {
		if r.shows(m.String() + "_mean") {
			all = append(all, Measure{Title: m.Title(), Definition: "per " + m.Level().String() + ": " + m.Definition()})
		}
	}
	for _, m := range r.Summary.Measures {
		if _, ok := latencyOf(m.Name); !ok && r.shows(m.Name) {
			all = append(all, m)
		}
	}
	return all
}

// latencyOf finds the metric whose statistic a measure is.
func latencyOf(measure string) (Metric, bool) {
	for _, m := range Metrics() {
		for _, stat := range []string{"_p50", "_p90", "_p99", "_mean"} {
			if measure == m.String()+stat {
				return m, true
			}
		}
	}
	return 0, false
}
