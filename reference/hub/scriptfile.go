package hub

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tierlab/workloads"
)

// ParseScript reads a script's text. The file's name is for messages. An error
// names every problem with its line, its field and what would be right.
func ParseScript(file string, text []byte) (*Script, error) {
	f := &form{file: file}
	doc := f.document(text)
	s := &Script{}
	if doc != nil {
		f.script(doc, s)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// document is the one document of a file, or nil.
func (f *form) document(text []byte) *yaml.Node {
	var doc, next yaml.Node
	reader := yaml.NewDecoder(bytes.NewReader(text))
	if err := reader.Decode(&doc); errors.Is(err, io.EOF) {
		f.add(1, "", "the file is empty; a script has schema, name and turns")
		return nil
	} else if err != nil {
		f.syntax(err)
		return nil
	}
	if err := reader.Decode(&next); err == nil {
		f.add(next.Line, "", "a second document begins here; a file holds one")
	} else if !errors.Is(err, io.EOF) {
		f.syntax(err)
	}
	return doc.Content[0]
}

func (f *form) script(n *yaml.Node, s *Script) {
	var schema string
	f.mapping(n, "", []field{
		{"schema", true, func(n *yaml.Node, path string) {
			if f.string(&schema)(n, path); schema != ScriptSchema {
				f.add(n.Line, path, "want %s, not %q", ScriptSchema, schema)
			}
		}},
		{"name", true, f.filled(&s.Name)},
		{"about", false, f.string(&s.About)},
		{"task", false, f.string(&s.Task)},
		{"tools", false, f.list(func(n *yaml.Node, path string) {
			var name string
			f.filled(&name)(n, path)
			s.Tools = append(s.Tools, name)
		})},
		{"turns", true, f.list(func(n *yaml.Node, path string) { s.turns = append(s.turns, f.turn(n, path)) })},
	})
	if len(f.found) == 0 && len(s.turns) == 0 {
		f.add(n.Line, "turns", "there are none; a script has at least one")
	}
}

func (f *form) turn(n *yaml.Node, path string) turn {
	t, answers := turn{line: n.Line, input: -1, output: -1}, false
	f.mapping(n, path, []field{
		{"when", false, func(n *yaml.Node, path string) {
			f.mapping(n, path, []field{
				{"step", false, f.int(&t.when.step, 1)},
				{"result", false, f.filled(&t.when.result)},
				{"model", false, f.filled(&t.when.model)},
				{"site", false, f.filled(&t.when.site)},
			})
		}},
		{"say", false, func(n *yaml.Node, path string) {
			f.template(&t.say)(n, path)
			answers = true
		}},
		{"calls", false, f.list(func(n *yaml.Node, path string) {
			t.calls = append(t.calls, f.call(n, path))
			answers = true
		})},
		{"fails", false, f.list(func(n *yaml.Node, path string) { t.fails = append(t.fails, f.failure(n, path)) })},
		{"prefill_ms", false, f.millis(&t.prefill)},
		{"decode_ms", false, f.millis(&t.decode)},
		{"input_tokens", false, f.int(&t.input, 1)},
		{"cached_tokens", false, f.int(&t.cached, 0)},
		{"output_tokens", false, f.int(&t.output, 1)},
	})
	if n.Kind == yaml.MappingNode && !answers {
		f.add(n.Line, path, "an answer has say or calls, or both")
	}
	return t
}

func (f *form) call(n *yaml.Node, path string) scriptCall {
	var c scriptCall
	f.mapping(n, path, []field{
		{"tool", true, f.filled(&c.tool)},
		{"arguments", true, func(n *yaml.Node, path string) {
			switch n.Kind {
			case yaml.MappingNode, yaml.ScalarNode:
				c.arguments, c.text = f.value(n, path), n.Kind == yaml.ScalarNode
				if c.text && c.arguments.kind != valueText {
					f.add(n.Line, path, "want a mapping of arguments, or a text to send as it is, not %q", n.Value)
				}
			default:
				f.add(n.Line, path, "want a mapping of arguments, or a text to send as it is")
			}
		}},
	})
	return c
}

func (f *form) failure(n *yaml.Node, path string) failure {
	var to failure
	var status string
	f.mapping(n, path, []field{
		{"status", true, func(n *yaml.Node, path string) {
			f.string(&status)(n, path)
			switch to.status = workloads.Status(status); to.status {
			case workloads.StatusRejected, workloads.StatusError, workloads.StatusTimeout:
			default:
				f.add(n.Line, path, "want rejected, error or timeout, not %q", status)
			}
		}},
		{"attempt", false, f.int(&to.attempt, 1)},
		{"model", false, f.filled(&to.model)},
		{"site", false, f.filled(&to.site)},
	})
	return to
}

// template reads a text with references.
func (f *form) template(to *template) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		var text string
		f.string(&text)(n, path)
		t, err := parseTemplate(text)
		if err != nil {
			f.add(n.Line, path, "%v", err)
		}
		*to = t
	}
}

// value reads any value; what YAML takes for a date stays a text.
func (f *form) value(n *yaml.Node, path string) value {
	if f.aliased(n, path) {
		return value{}
	}
	switch n.Kind {
	case yaml.SequenceNode:
		v := value{kind: valueList, list: make([]value, len(n.Content))}
		for i, item := range n.Content {
			v.list[i] = f.value(item, fmt.Sprintf("%s[%d]", path, i))
		}
		return v
	case yaml.MappingNode:
		v := value{kind: valueFields, fields: map[string]value{}}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := v.fields[key.Value]; twice {
				f.add(key.Line, path, "field %q stands here twice", key.Value)
			}
			v.fields[key.Value] = f.value(n.Content[i+1], dotted(path, key.Value))
		}
		return v
	}
	switch n.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
		v := value{}
		if err := n.Decode(&v.other); err != nil || !finite(v.other) {
			f.add(n.Line, path, "%q is no JSON value; a text stands in quotes", n.Value)
		}
		return v
	}
	v := value{kind: valueText}
	f.template(&v.text)(n, path)
	return v
}

// millis reads a time in milliseconds, of an hour at most.
func (f *form) millis(to *time.Duration) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		var ms float64
		if err := n.Decode(&ms); n.Kind != yaml.ScalarNode || err != nil || !(ms >= 0 && ms <= 3.6e6) {
			f.add(n.Line, path, "want milliseconds from 0 to 3600000, not %q", strings.TrimSpace(n.Value))
			return
		}
		*to = time.Duration(ms * float64(time.Millisecond))
	}
}
