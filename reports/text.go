package reports

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// WriteText writes the summary for a terminal, at most 110 columns wide where
// names allow it.
func (s *Summary) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, s.headline())
	fmt.Fprintln(out, s.validity())
	fmt.Fprintln(out)
	writeTable(out, s.overview())
	fmt.Fprintln(out, s.legend())
	fmt.Fprintln(out)
	s.writeVerdicts(out)
	for _, t := range []table{s.objectives(), s.breakdown()} {
		if len(t.Columns) > 0 {
			fmt.Fprintln(out)
			writeTable(out, t)
		}
	}
	return out.Flush()
}

// headline says what was run.
func (s *Summary) headline() string {
	return s.Provenance.Workload + " on " + s.Provenance.Topology + ", " + s.conditions()
}

func (s *Summary) conditions() string {
	p := s.Provenance
	target := p.Target
	if p.Fidelity != "" {
		target += " (" + p.Fidelity + ")"
	}
	return fmt.Sprintf("%s, %s, seed %d, %s", target, p.Load, p.Seed, plural(s.Replications, "replication"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (s *Summary) validity() string {
	var b strings.Builder
	if s.Partial {
		b.WriteString("PARTIAL: the run was stopped; ")
	}
	if s.Valid {
		b.WriteString("valid")
	} else {
		b.WriteString("NOT VALID:")
		for _, why := range s.Invalid {
			b.WriteString("\n  " + why)
		}
	}
	for _, note := range s.Notes {
		b.WriteString("\nnote: " + note)
	}
	return b.String()
}

func (s *Summary) legend() string {
	text := "* best"
	if s.Replications > 1 {
		text += "; ± 95 % interval over replications (a policy's own: policies are told apart by pairs, below)"
	} else {
		text += "; one replication gives no intervals"
	}
	if s.has(Oracle) {
		text += "\nregret: over the oracle's, paired"
	}
	return text
}

func (s *Summary) writeVerdicts(out io.Writer) {
	width := 0
	for _, v := range s.Goals {
		width = max(width, len(s.goalTitle(v)))
	}
	fmt.Fprintln(out, "winners (paired differences, 5 % after Holm)")
	for _, v := range s.Goals {
		fmt.Fprintf(out, "  %-*s  %s\n", width, s.goalTitle(v), v.Sentence)
		for _, why := range v.left() {
			fmt.Fprintf(out, "  %-*s  without %s\n", width, "", why)
		}
	}
}

func (s *Summary) has(policy string) bool {
	return slices.ContainsFunc(s.Policies, func(p Policy) bool { return p.Name == policy })
}

// goalTitle is such as "lowest active makespan p50".
func (s *Summary) goalTitle(v Verdict) string {
	m, _ := s.measure(v.Goal)
	title := strings.ToLower(m.Title[:1]) + m.Title[1:]
	if v.Better == Higher {
		return "highest " + title
	}
	return "lowest " + title
}

// writeTable aligns values at the right and half widths at the left, with a
// line of group names over the columns that share one.
func writeTable(out io.Writer, t table) {
	name := utf8.RuneCountInString("policy")
	for _, r := range t.Rows {
		name = max(name, utf8.RuneCountInString(r.Name))
	}
	widths := columnWidths(t)
	var groups, heads strings.Builder
	pad(&groups, "", name, false)
	pad(&heads, "policy", name, false)
	for i := 0; i < len(t.Columns); {
		j, span := i, -2
		for ; j < len(t.Columns) && t.Columns[j].Group == t.Columns[i].Group; j++ {
			span += widths[j].total + 2
			heads.WriteString("  ")
			pad(&heads, t.Columns[j].Title, widths[j].total, widths[j].half == 0)
		}
		groups.WriteString("  ")
		pad(&groups, t.Columns[i].Group, span, j == i+1 && widths[i].half == 0)
		i = j
	}
	fmt.Fprintln(out, strings.TrimRight(groups.String(), " "))
	fmt.Fprintln(out, strings.TrimRight(heads.String(), " "))
	for _, r := range t.Rows {
		var line strings.Builder
		pad(&line, r.Name, name, false)
		for i, c := range r.Cells {
			line.WriteString("  ")
			pad(&line, c.marked(), widths[i].total-widths[i].half, true)
			pad(&line, c.Half, widths[i].half, false)
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
}

func (c cell) marked() string {
	if c.Best {
		return "*" + c.Value
	}
	return c.Value
}

// width is of a column and of its half widths, a space before them included.
type width struct{ total, half int }

func columnWidths(t table) []width {
	widths := make([]width, len(t.Columns))
	for i, c := range t.Columns {
		value := 0
		for j := range t.Rows {
			cell := &t.Rows[j].Cells[i]
			value = max(value, utf8.RuneCountInString(cell.marked()))
			if cell.Half != "" {
				if !strings.HasPrefix(cell.Half, " ") {
					cell.Half = " " + cell.Half
				}
				widths[i].half = max(widths[i].half, utf8.RuneCountInString(cell.Half))
			}
		}
		widths[i].total = max(value+widths[i].half, utf8.RuneCountInString(c.Title))
		if alone(t.Columns, i) {
			widths[i].total = max(widths[i].total, utf8.RuneCountInString(c.Group))
		}
	}
	return widths
}

// alone says that no neighbour is of the same group.
func alone(columns []column, i int) bool {
	return (i == 0 || columns[i-1].Group != columns[i].Group) &&
		(i+1 == len(columns) || columns[i+1].Group != columns[i].Group)
}

func pad(b *strings.Builder, text string, to int, right bool) {
	fill := strings.Repeat(" ", max(0, to-utf8.RuneCountInString(text)))
	if right {
		b.WriteString(fill + text)
	} else {
		b.WriteString(text + fill)
	}
}
