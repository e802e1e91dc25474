package topology

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tierlab/internal/spell"
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
	if len(names) == 0 {
		return "; there is none"
	}
	if hint := spell.Hint(got, names); hint != "" {
		return hint
	}
	return fmt.Sprintf("; there are %d, such as %s", len(names), strings.Join(names[:6], ", "))
}
