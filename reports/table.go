package reports

import (
	"math"
	"strings"
)

// table is what all renderers print: the text, the Markdown and the page show
// the same numbers.
type table struct {
	Columns []column
	Rows    []row
}

// group is a title over the columns that it covers.
type group struct {
	Title string
	Span  int
}

// Groups are the titles above the columns' own; nil where no column has one.
func (t table) Groups() []group {
	var all []group
	titled := false
	for i, c := range t.Columns {
		if i > 0 && t.Columns[i-1].Group == c.Group {
			all[len(all)-1].Span++
			continue
		}
		all = append(all, group{c.Group, 1})
		titled = titled || c.Group != ""
	}
	if !titled {
		return nil
	}
	return all
}

// column is one measure of every policy.
type column struct {
	Group, Title string // one of them includes the unit
}

type row struct {
	Name  string
	Cells []cell
}

// cell is a value, its interval's half width or "", and whether it is the
// column's best.
type cell struct {
	Value, Half string
	Best        bool
}

// wanted is a column to build.
type wanted struct {
	group, title string
	measure      string
	plain        bool // without interval
	regret       bool // against the oracle
	shared       bool // one unit for the whole group, and no best
}

// build makes a table of the wanted measures. A measure that the summary lacks
// is left out, and so is one without interval that is defined nowhere.
func (s *Summary) build(columns []wanted) table {
	var t table
	for _, p := range s.Policies {
		t.Rows = append(t.Rows, row{Name: p.Name})
	}
	for _, w := range columns {
		m, ok := s.measure(w.measure)
		if !ok {
			continue
		}
		estimates, defined := s.estimates(w)
		if !defined && (w.plain || w.regret) {
			continue
		}
		scale := scaleFor(m.Unit, means(estimates))
		if w.shared {
			scale = s.sharedScale(m.Unit, columns, w.group)
		}
		head := column{w.group, w.title}
		if w.shared {
			head.Group += scale.unit()
		} else {
			head.Title += scale.unit()
		}
		t.Columns = append(t.Columns, head)
		best := bestText(m.Better, s.Policies, estimates, scale, w)
		for i, e := range estimates {
			c := cell{Value: scale.text(float64(e.Mean))}
			if w.regret {
				c.Value = scale.signed(float64(e.Mean))
			}
			if !w.plain && e.Half.Defined() {
				c.Half = "±" + scale.text(float64(e.Half))
			}
			c.Best = best != "" && c.Value == best && s.Policies[i].Name != Oracle
			t.Rows[i].Cells = append(t.Rows[i].Cells, c)
		}
	}
	return t
}

func (s *Summary) estimates(w wanted) (estimates []Estimate, defined bool) {
	for _, p := range s.Policies {
		e, ok := p.Measures[w.measure]
		if w.regret {
			e, ok = p.Regret[w.measure]
		}
		if !ok {
			e = Estimate{Mean: undefined, Half: undefined, Pooled: undefined}
		}
		defined = defined || e.Mean.Defined()
		estimates = append(estimates, e)
	}
	return estimates, defined
}

// bestText is the best mean as the column writes it, so that values that look
// the same are marked the same; "" where nothing is to be marked.
func bestText(better Direction, policies []Policy, estimates []Estimate, s scale, w wanted) string {
	if better == Neutral || w.regret || w.shared {
		return ""
	}
	sign := 1.0
	if better == Higher {
		sign = -1
	}
	at, differ, last := math.Inf(1), false, ""
	for i, e := range estimates {
		if policies[i].Name == Oracle || !e.Mean.Defined() {
			continue
		}
		at = min(at, sign*float64(e.Mean))
		text := s.text(float64(e.Mean))
		differ = differ || last != "" && text != last
		last = text
	}
	if !differ {
		return ""
	}
	return s.text(sign * at)
}

// sharedScale fits all columns of a group.
func (s *Summary) sharedScale(unit Unit, columns []wanted, group string) scale {
	var all []float64
	for _, w := range columns {
		if w.group == group {
			estimates, _ := s.estimates(w)
			all = append(all, means(estimates)...)
		}
	}
	return scaleFor(unit, all)
}

func means(estimates []Estimate) []float64 {
	var all []float64
	for _, e := range estimates {
		all = append(all, float64(e.Mean))
	}
	return all
}

func (s *Summary) measure(name string) (Measure, bool) {
	for _, m := range s.Measures {
		if m.Name == name {
			return m, true
		}
	}
	return Measure{}, false
}

// overview is the table to decide by.
func (s *Summary) overview() table {
	columns := []wanted{
		{group: "active makespan", title: "p50", measure: "active_makespan_p50"},
		{group: "active makespan", title: "p90", measure: "active_makespan_p90"},
		{group: "active makespan", title: "p99", measure: "active_makespan_p99"},
		{group: "step", title: "p90", measure: "step_latency_p90", plain: true},
		{group: "TTFT due", title: "p50", measure: "ttft_due_p50", plain: true},
		{group: "per resolved", title: "task", measure: "usd_per_resolved"},
		{group: s.quality(), title: "rate", measure: "resolve_rate"},
		{group: "regret", title: "p50", measure: "active_makespan_p50", plain: true, regret: true},
	}
	return s.build(columns)
}

// quality names resolved tasks, and says so where they are an estimate.
func (s *Summary) quality() string {
	if s.Estimated {
		return "resolved, est."
	}
	return "resolved"
}

// breakdown says where the time went and who answered.
func (s *Summary) breakdown() table {
	var columns []wanted
	for _, p := range splitParts() {
		if p.name != "think" {
			columns = append(columns, wanted{group: "mean active makespan by cause", title: p.title,
				measure: "split_" + p.name, plain: true, shared: true})
		}
	}
	return s.build(append(columns, s.tierColumns("steps answered by", "tier_share_")...))
}

// placement says which tiers answered and how busy they were.
func (s *Summary) placement() table {
	return s.build(append(s.tierColumns("steps answered by", "tier_share_"), s.tierColumns("utilisation of", "utilisation_")...))
}

func (s *Summary) tierColumns(group, prefix string) []wanted {
	var columns []wanted
	for _, m := range s.Measures {
		if tier, ok := strings.CutPrefix(m.Name, prefix); ok {
			columns = append(columns, wanted{group: group, title: tier, measure: m.Name, plain: true, shared: true})
		}
	}
	return columns
}

// objectives says how well each was kept, and whether that is enough.
func (s *Summary) objectives() table {
	var columns []wanted
	for _, o := range s.Objectives {
		columns = append(columns, wanted{group: o, title: "good", measure: "good_share:" + o})
	}
	t := s.build(columns)
	for i := range t.Rows {
		for j := range t.Rows[i].Cells {
			if met := s.Policies[i].Objectives[j].Met; met != nil {
				t.Rows[i].Cells[j].Half += map[bool]string{true: " met", false: " not met"}[*met]
			}
		}
	}
	return t
}
