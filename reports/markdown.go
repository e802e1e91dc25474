package reports

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes a short summary for a CI job's page.
func (s *Summary) WriteMarkdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "### %s\n\n", escapeMarkdown(s.Provenance.Workload+" on "+s.Provenance.Topology))
	p := s.Provenance
	fmt.Fprintf(out, "%s, load %s, seed %d, %s. ", escapeMarkdown(p.Target), escapeMarkdown(p.Load), p.Seed, plural(s.Replications, "replication"))
	switch {
	case s.Partial:
		fmt.Fprint(out, "**Partial: the run was stopped.**")
	case s.Valid:
		fmt.Fprint(out, "Valid.")
	default:
		fmt.Fprint(out, "**Not valid:**")
	}
	fmt.Fprint(out, "\n\n")
	if !s.Valid {
		for _, why := range s.Invalid {
			fmt.Fprintf(out, "- %s\n", escapeMarkdown(why))
		}
		fmt.Fprintln(out)
	}
	for _, note := range s.Notes {
		fmt.Fprintf(out, "Note: %s\n\n", escapeMarkdown(note))
	}
	markdownTable(out, s.overview())
	fmt.Fprintf(out, "\n%s\n\n", escapeMarkdown(strings.ReplaceAll(s.legend(), "* best", "Bold: best")))
	fmt.Fprint(out, "| goal | winner |\n| --- | --- |\n")
	for _, v := range s.Goals {
		sentence := escapeMarkdown(v.Sentence)
		if v.Winner != "" {
			sentence = "**" + sentence + "**"
		}
		fmt.Fprintf(out, "| %s | %s |\n", escapeMarkdown(s.goalTitle(v)), sentence)
	}
	if t := s.objectives(); len(t.Columns) > 0 {
		fmt.Fprintln(out)
		markdownTable(out, t)
	}
	return out.Flush()
}

func markdownTable(out io.Writer, t table) {
	head, rule := "| policy |", "| --- |"
	for _, c := range t.Columns {
		head += " " + escapeMarkdown(c.Group+" "+c.Title) + " |"
		rule += " ---: |"
	}
	fmt.Fprintf(out, "%s\n%s\n", head, rule)
	for _, r := range t.Rows {
		line := "| " + escapeMarkdown(r.Name) + " |"
		for _, c := range r.Cells {
			value := c.Value
			if c.Best {
				value = "**" + value + "**"
			}
			line += " " + strings.TrimSpace(value+" "+strings.TrimSpace(c.Half)) + " |"
		}
		fmt.Fprintln(out, line)
	}
}

// escapeMarkdown keeps names from acting as markup.
func escapeMarkdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", "[", `\[`).Replace(text)
}
