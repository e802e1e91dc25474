package mcp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tierlab/internal/spell"
	"tierlab/reference/tools"
)

// maxConfig is the most bytes of a file.
const maxConfig = 1 << 20

// Parse reads a configuration's YAML. The file's name is for messages: an error
// names each place by file, line and field.
func Parse(file string, text []byte) (Config, error) {
	r := &reader{file: file}
	var c Config
	if n := r.document(text); n != nil {
		r.mapping(n, "", fields{"servers": func(n *yaml.Node, path string) {
			r.list(n, path, func(n *yaml.Node, path string) {
				c.Servers = append(c.Servers, r.server(n, path, c.Servers))
			})
		}})
	}
	if len(r.problems) == 0 && len(c.Servers) == 0 {
		r.add(1, "servers", "none is named: want a list of at least one")
	}
	return c, r.err()
}

// reader walks a document and collects what is wrong with it.
type reader struct {
	file     string
	problems []problem
}

// problem is one of them, with its line.
type problem struct {
	line int
	text string
}

// maxProblems bounds how many one error lists: the rest often follow from them.
const maxProblems = 10

func (r *reader) add(line int, path, format string, args ...any) {
	if path != "" {
		path += ": "
	}
	r.problems = append(r.problems, problem{max(line, 1), path + fmt.Sprintf(format, args...)})
}

func (r *reader) err() error {
	slices.SortStableFunc(r.problems, func(a, b problem) int { return a.line - b.line })
	var all []error
	for _, p := range r.problems[:min(len(r.problems), maxProblems)] {
		all = append(all, fmt.Errorf("%s:%d: %s", r.file, p.line, p.text))
	}
	return errors.Join(all...)
}

func (r *reader) document(text []byte) *yaml.Node {
	if len(text) > maxConfig {
		r.add(1, "", "the file has %d bytes: at most %d are read", len(text), maxConfig)
		return nil
	}
	var doc, next yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		r.add(1, "", "the file is empty: want servers")
		return nil
	} else if err != nil {
		r.add(1, "", "%v", err)
		return nil
	}
	if err := d.Decode(&next); !errors.Is(err, io.EOF) {
		r.add(next.Line, "", "a second document begins here: a file holds one")
	}
	return doc.Content[0]
}

// fields are a mapping's keys with what reads their values.
type fields map[string]func(n *yaml.Node, path string)

func (r *reader) mapping(n *yaml.Node, path string, known fields) map[string]int {
	lines := map[string]int{}
	r.pairs(n, path, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			var names []string
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			r.add(key.Line, path, "there is no field %q%s", key.Value, spell.Hint(key.Value, names))
			return
		}
		lines[key.Value] = key.Line
		read(value, dotted(path, key.Value))
	})
	return lines
}

// pairs calls each with a mapping's keys and values. References are refused: by
// them a small file becomes a large value.
func (r *reader) pairs(n *yaml.Node, path string, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.add(n.Line, path, "want a mapping, key: value")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.add(key.Line, path, "want a name before the colon")
		case seen[key.Value]:
			r.add(key.Line, path, "field %q stands here twice", key.Value)
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			r.add(value.Line, dotted(path, key.Value), "anchors and aliases are not taken: write the value out")
		default:
			each(key, value)
		}
		seen[key.Value] = true
	}
}

func (r *reader) list(n *yaml.Node, path string, each func(n *yaml.Node, path string)) {
	if n.Kind != yaml.SequenceNode {
		r.add(n.Line, path, "want a list")
		return
	}
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.Kind == yaml.AliasNode || item.Anchor != "" {
			r.add(item.Line, at, "anchors and aliases are not taken: write the value out")
			continue
		}
		each(item, at)
	}
}

func (r *reader) text(to *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			r.add(n.Line, path, "want a text")
			return
		}
		*to = n.Value
	}
}

func (r *reader) texts(to *[]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		r.list(n, path, func(n *yaml.Node, path string) {
			var s string
			r.text(&s)(n, path)
			*to = append(*to, s)
		})
	}
}

func (r *reader) table(to *map[string]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		*to = map[string]string{}
		r.pairs(n, path, func(key, value *yaml.Node) {
			var s string
			r.text(&s)(value, dotted(path, key.Value))
			(*to)[key.Value] = s
		})
	}
}

// millis reads a time of at least a millisecond and at most a day.
func (r *reader) millis(to *time.Duration) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		ms, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || ms < 1 || ms > 86_400_000 {
			r.add(n.Line, path, "want whole milliseconds from 1 to 86400000, not %q", n.Value)
			return
		}
		*to = time.Duration(ms) * time.Millisecond
	}
}

func (r *reader) truth(to *bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
			r.add(n.Line, path, "want true or false, not %q", n.Value)
			return
		}
		*to = n.Value == "true"
	}
}

// classes are the words for what may be repeated.
var classes = []string{"once", "keyed", "pure"} // in the order of tools.Once, Keyed, Pure

// class reads repeat: one word for all tools, or one for each by name.
func (r *reader) class(to *map[string]tools.Repeat) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		*to = map[string]tools.Repeat{}
		one := func(name string, n *yaml.Node, path string) {
			i := slices.Index(classes, n.Value)
			if n.Kind != yaml.ScalarNode || i < 0 {
				r.add(n.Line, path, "want once, keyed or pure, not %q", n.Value)
				return
			}
			(*to)[name] = tools.Repeat(i)
		}
		if n.Kind == yaml.ScalarNode {
			one(All, n, path)
			return
		}
		r.pairs(n, path, func(key, value *yaml.Node) { one(key.Value, value, dotted(path, key.Value)) })
	}
}

// names reads approval: true for all tools, or a list.
func (r *reader) names(to *[]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode {
			r.texts(to)(n, path)
			return
		}
		var all bool
		if r.truth(&all)(n, path); all {
			*to = []string{All}
		}
	}
}

func (r *reader) server(n *yaml.Node, path string, before []Server) Server {
	var s Server
	lines := r.mapping(n, path, fields{
		"name": r.text(&s.Name), "command": r.texts(&s.Command), "dir": r.text(&s.Dir), "env": r.table(&s.Env), "pass": r.texts(&s.Pass),
		"url": r.text(&s.URL), "headers": r.table(&s.Headers), "timeout_ms": r.millis(&s.Timeout), "start_ms": r.millis(&s.Start),
		"tools": r.texts(&s.Tools), "repeat": r.class(&s.Repeat), "hints": r.truth(&s.Hints), "local": r.truth(&s.Local), "approval": r.names(&s.Approval),
	})
	at := func(field string) int {
		if line, ok := lines[strings.SplitN(field, ".", 2)[0]]; ok {
			return line
		}
		return n.Line
	}
	for _, f := range s.check() {
		r.add(at(f.field), dotted(path, f.field), "%s", f.text)
	}
	if slices.ContainsFunc(before, func(b Server) bool { return b.Name == s.Name }) {
		r.add(at("name"), dotted(path, "name"), "%q is taken by another server", s.Name)
	}
	return s
}

func dotted(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
