package topology

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with an input file.
type Problem struct {
	File  string
	Line  int
	Field string // the way to the field, such as sites[2].deployments[0].model
	Text  string // what is wrong and what would be right
}

func (p *Problem) Error() string {
	if p.Field == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Field, p.Text)
}

// mostProblems bounds how many problems one error lists: the rest are often
// consequences of the first ones.
const mostProblems = 10

// problems collects what is wrong, so that one run names all of it.
type problems struct {
	found []*Problem
}

func (p *problems) add(at pos, field, format string, args ...any) {
	p.found = append(p.found, &Problem{
		File: at.file, Line: at.line(field), Field: join(at.path, field), Text: fmt.Sprintf(format, args...),
	})
}

// err is nil, or the problems in the order of files and lines.
func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	list := slices.Clone(p.found)
	slices.SortStableFunc(list, func(a, b *Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	var all []error
	for i, one := range list {
		if i == mostProblems {
			all = append(all, fmt.Errorf("and %d more", len(list)-i))
			break
		}
		all = append(all, one)
	}
	return errors.Join(all...)
}

func join(path, field string) string {
	if path == "" || field == "" {
		return path + field
	}
	return path + "." + field
}

// suggest says which of the names the writer may have meant, as the end of a
// sentence: the nearest one where it is near, else the list where it is short.
func suggest(got string, names []string) string {
	best, least := "", len(got)/2+1
	for _, name := range names {
		if d := editDistance(strings.ToLower(got), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(names) == 0:
		return "; there is none"
	case len(names) <= 12:
		return "; it may be " + strings.Join(names, ", ")
	default:
		return fmt.Sprintf("; there are %d, such as %s", len(names), strings.Join(names[:6], ", "))
	}
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours between two names (optimal string alignment over bytes).
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
