package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"tierlab/bench/claims"
)

// The widths of the list of claims: a page and its first two columns.
const (
	claimsWidth  = 110
	idWidth      = 5
	verdictWidth = 18
)

// writeClaims writes a block for each claim: what is claimed, and beside the
// verdict what was found and how. With details the checks and tables follow.
func writeClaims(w io.Writer, found []claims.Finding, load string, details bool) error {
	var b strings.Builder
	for i := range found {
		if i > 0 {
			b.WriteByte('\n')
		}
		claimBlock(&b, &found[i], details)
	}
	if load != "" {
		b.WriteString("\n" + strings.Join(wrap(load, claimsWidth), "\n") + "\n")
	}
	if !details {
		b.WriteString("\n" + verdictCounts(found) + "\ntierlab claims ID prints a claim's checks and tables.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// claimBlock writes one claim.
func claimBlock(b *strings.Builder, f *claims.Finding, details bool) {
	wide := claimsWidth - idWidth - verdictWidth
	right := wrap("\""+strings.ReplaceAll(f.Claim, "\"", "'")+"\"", wide)
	if f.Where != "" {
		right = append(right, wrap(shorten(string(f.Verdict)+": "+f.Where, details), wide)...)
	}
	right = append(right, wrap(f.Says, wide)...)
	if f.How != "" {
		right = append(right, wrap("("+f.How+")", wide)...)
	}
	left := wrap(strings.ToUpper(string(f.Verdict)), verdictWidth-1)
	for i := range max(len(left), len(right)) {
		id, verdict, text := "", "", ""
		if i == 0 {
			id = f.ID
		}
		if i < len(left) {
			verdict = left[i]
		}
		if i < len(right) {
			text = right[i]
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s%-*s%s", idWidth, id, verdictWidth, verdict, text), " ") + "\n")
	}
	if details {
		claimDetails(b, f)
	}
}

// mostWhere is how much of a region the list shows.
const mostWhere = 3

// shorten leaves the first few conditions of many.
func shorten(where string, details bool) string {
	list := strings.Split(where, "; ")
	if details || len(list) <= mostWhere {
		return where
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(list[:mostWhere], "; "), len(list)-mostWhere)
}

// claimDetails writes the checks and the tables.
func claimDetails(b *strings.Builder, f *claims.Finding) {
	if len(f.Checks) > 0 {
		b.WriteByte('\n')
		writeChecks(b, f.Checks)
	}
	for _, x := range f.Tables {
		b.WriteString("\n" + strings.Join(wrap(x.Title, claimsWidth), "\n") + "\n")
		t := newTable(x.Head...)
		for _, row := range x.Rows {
			var cells []string
			for _, c := range row {
				cells = append(cells, c.Text)
			}
			t.row(cells...)
		}
		writeTable(b, t)
	}
}

// writeChecks writes the checks; a criterion that they share stands above.
func writeChecks(b *strings.Builder, checks []claims.Check) {
	shared := true
	for _, c := range checks {
		shared = shared && c.Criterion == checks[0].Criterion
	}
	t := newTable("HOLDS", "STATEMENT", "CRITERION", "FOUND")
	if shared {
		b.WriteString("Criterion: " + checks[0].Criterion + "\n")
		t = newTable("HOLDS", "STATEMENT", "FOUND")
	}
	for _, c := range checks {
		cells := []string{string(c.Truth), c.Statement, c.Criterion, strings.TrimSpace(c.Found.Text() + " " + c.Unit)}
		if c.Assumed && c.Truth == claims.Yes {
			cells[0] = "assumed"
		}
		if shared {
			cells = slices.Delete(cells, 2, 3)
		}
		t.row(cells...)
	}
	writeTable(b, t)
}

// writeTable writes a table to what cannot fail.
func writeTable(b *strings.Builder, t *table) {
	if err := t.write(b); err != nil {
		b.WriteString(err.Error())
	}
}

// verdictCounts sums the list up.
func verdictCounts(found []claims.Finding) string {
	var parts []string
	for _, v := range []claims.Verdict{claims.Holds, claims.HoldsWhere, claims.Fails, claims.Modelled, claims.Undecided, claims.Waits} {
		n := 0
		for i := range found {
			if found[i].Verdict == v {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return count(len(found), "claim") + ": " + strings.Join(parts, "; ") + "."
}

// wrap breaks text at blanks into lines of at most width characters; a longer
// word has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
