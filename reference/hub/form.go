package hub

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tierlab/internal/spell"
)

// Problem is one thing wrong with a script's file.
type Problem struct {
	File  string
	Line  int
	Field string // such as turns[2].calls[0].tool
	Text  string // what is wrong and what would be right
}

func (p *Problem) Error() string {
	if p.Field == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Field, p.Text)
}

// mostProblems bounds how many one error lists: the rest often follow from them.
const mostProblems = 10

// form reads a file's nodes strictly and collects what is wrong.
type form struct {
	file  string
	found []*Problem
}

func (f *form) add(line int, path, format string, args ...any) {
	f.found = append(f.found, &Problem{f.file, max(line, 1), path, fmt.Sprintf(format, args...)})
}

// syntax takes the line out of the YAML library's message.
func (f *form) syntax(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, message, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				line, text = n, message
			}
		}
	}
	f.add(line, "", "not YAML: %s", text)
}

func (f *form) err() error {
	slices.SortStableFunc(f.found, func(a, b *Problem) int { return a.Line - b.Line })
	var all []error
	for i, p := range f.found {
		if i == mostProblems {
			all = append(all, fmt.Errorf("and %d more", len(f.found)-i))
			break
		}
		all = append(all, p)
	}
	return errors.Join(all...)
}

// field is a key of a mapping and what reads its value.
type field struct {
	name     string
	required bool
	read     func(n *yaml.Node, path string)
}

// mapping reads the fields of a mapping: each at most once, and no others.
func (f *form) mapping(n *yaml.Node, path string, fields []field) {
	var names []string
	for _, one := range fields {
		names = append(names, one.name)
	}
	if f.aliased(n, path) {
		return
	}
	if n.Kind != yaml.MappingNode {
		f.add(n.Line, path, "want a mapping with the fields %s", strings.Join(names, ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := slices.Index(names, key.Value)
		switch {
		case at < 0:
			f.add(key.Line, path, "unknown field %q%s", key.Value, spell.Hint(key.Value, names))
		case seen[key.Value]:
			f.add(key.Line, path, "field %q stands here twice", key.Value)
		case f.aliased(n.Content[i+1], dotted(path, key.Value)):
		default:
			fields[at].read(n.Content[i+1], dotted(path, key.Value))
		}
		seen[key.Value] = true
	}
	for _, one := range fields {
		if one.required && !seen[one.name] {
			f.add(n.Line, path, "field %q is missing", one.name)
		}
	}
}

// list reads each item of a list.
func (f *form) list(item func(n *yaml.Node, path string)) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.SequenceNode {
			f.add(n.Line, path, "want a list, each item on its own line after a dash, or in [ ]")
			return
		}
		for i, one := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			if !f.aliased(one, at) {
				item(one, at)
			}
		}
	}
}

// aliased refuses YAML's references, by which a small file can become a large
// value.
func (f *form) aliased(n *yaml.Node, path string) bool {
	if n.Kind != yaml.AliasNode && n.Anchor == "" {
		return false
	}
	f.add(n.Line, path, "anchors and aliases are not part of the form; write the value out")
	return true
}

// string reads a text; what looks like a number is one as well.
func (f *form) string(to *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			f.add(n.Line, path, "want a text")
			return
		}
		*to = n.Value
	}
}

// filled is string, and not the empty one.
func (f *form) filled(to *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		before := len(f.found)
		f.string(to)(n, path)
		if *to == "" && len(f.found) == before {
			f.add(n.Line, path, "must not be empty")
		}
	}
}

// int reads a whole number.
func (f *form) int(to *int, least int) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		i, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || i < least || i > math.MaxInt32 {
			f.add(n.Line, path, "want a whole number from %d, not %q", least, n.Value)
			return
		}
		*to = i
	}
}

// finite says that JSON has the number, if it is one.
func finite(v any) bool {
	x, ok := v.(float64)
	return !ok || !math.IsNaN(x) && !math.IsInf(x, 0)
}

func dotted(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
