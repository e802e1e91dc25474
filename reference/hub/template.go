package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tierlab/internal/spell"
)

// template is a text with references in it.
type template []piece

// piece is a literal text, or a reference.
type piece struct {
	literal   string
	reference []string // its path; nil: a literal
}

// references are what a path may begin with.
var references = [...]string{"task", "step", "session", "model", "site", "tool", "tools"}

// parseTemplate reads a text. It is an error if a reference is none of those
// that there are.
func parseTemplate(text string) (template, error) {
	var t template
	for {
		before, rest, found := strings.Cut(text, "{{")
		if before != "" {
			t = append(t, piece{literal: before})
		}
		if !found {
			return t, nil
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, fmt.Errorf("{{ is not closed by }}: %s", brief(rest))
		}
		path := strings.Split(strings.TrimSpace(inside), ".")
		if err := checkReference(path); err != nil {
			return nil, err
		}
		t = append(t, piece{reference: path})
		text = after
	}
}

func checkReference(path []string) error {
	known := slices.Contains(references[:], path[0])
	deep := path[0] == "tool" || path[0] == "tools"
	switch {
	case !known:
		return fmt.Errorf("{{ %s }}: no reference %q%s", strings.Join(path, "."), path[0], spell.Hint(path[0], references[:]))
	case !deep && len(path) > 1:
		return fmt.Errorf("{{ %s }}: %s is a text and has no parts", strings.Join(path, "."), path[0])
	case path[0] == "tools" && (len(path) < 2 || !isPlace(path[1])):
		return fmt.Errorf("{{ %s }}: tools is followed by a number from 1, as in tools.1", strings.Join(path, "."))
	case slices.Contains(path, ""):
		return fmt.Errorf("{{ %s }}: a name is missing beside a dot", strings.Join(path, "."))
	}
	return nil
}

func isPlace(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= 1
}

// text fills in the references.
func (t template) text(c *Call) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.reference == nil {
			b.WriteString(p.literal)
			continue
		}
		v, err := resolve(c, p.reference)
		if err != nil {
			return "", err
		}
		if s, ok := v.(string); ok {
			b.WriteString(s)
			continue
		}
		text, err := encode(v)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// value is a JSON value with templates in the place of its texts.
type value struct {
	text   template
	list   []value
	fields map[string]value
	other  any // a number, true, false or null
	kind   valueKind
}

type valueKind uint8

const (
	valueOther valueKind = iota
	valueText
	valueList
	valueFields
)

// json fills in the references and encodes the value.
func (v *value) json(c *Call) (string, error) {
	filled, err := v.fill(c)
	if err != nil {
		return "", err
	}
	return encode(filled)
}

func (v *value) fill(c *Call) (any, error) {
	switch v.kind {
	case valueText:
		if len(v.text) == 1 && v.text[0].reference != nil {
			return resolve(c, v.text[0].reference)
		}
		return v.text.text(c)
	case valueList:
		list := make([]any, len(v.list))
		for i := range v.list {
			var err error
			if list[i], err = v.list[i].fill(c); err != nil {
				return nil, err
			}
		}
		return list, nil
	case valueFields:
		fields := make(map[string]any, len(v.fields))
		for _, name := range slices.Sorted(maps.Keys(v.fields)) { // so that the same error comes first
			field := v.fields[name]
			filled, err := field.fill(c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			fields[name] = filled
		}
		return fields, nil
	}
	return v.other, nil
}

// resolve is what a reference stands for.
func resolve(c *Call, path []string) (any, error) {
	switch path[0] {
	case "task":
		for i := range c.Messages {
			if c.Messages[i].Role == "user" {
				return c.Messages[i].Content, nil
			}
		}
		return "", nil
	case "step":
		return c.Step + 1, nil
	case "session":
		return c.Session, nil
	case "model":
		return c.Model, nil
	case "site":
		return c.Site, nil
	}
	results, keys := results(c.Messages), path[1:]
	n := len(results)
	if path[0] == "tools" {
		n, _ = strconv.Atoi(path[1])
		keys = path[2:]
	}
	if n < 1 || n > len(results) {
		return nil, fmt.Errorf("{{ %s }}: the step before has %d tool results", strings.Join(path, "."), len(results))
	}
	v, err := walk(parseResult(results[n-1]), keys)
	if err != nil {
		return nil, fmt.Errorf("{{ %s }}: %w in the tool result %s", strings.Join(path, "."), err, brief(results[n-1]))
	}
	return v, nil
}

// results are the tool results after the last answer.
func results(messages []Message) []string {
	var texts []string
	for i := range messages {
		switch messages[i].Role {
		case "assistant":
			texts = texts[:0]
		case "tool":
			texts = append(texts, messages[i].Content)
		}
	}
	return texts
}

// parseResult is a result's JSON value, or its text where it is no JSON.
func parseResult(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // figures stay as they were written
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return text
	}
	return v
}

// walk goes down into a JSON value.
func walk(v any, keys []string) (any, error) {
	for _, key := range keys {
		var next any
		ok := false
		switch at := v.(type) {
		case map[string]any:
			next, ok = at[key]
		case []any:
			if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(at) {
				next, ok = at[i], true
			}
		}
		if !ok {
			return nil, fmt.Errorf("there is no %s", key)
		}
		v = next
	}
	return v, nil
}

// encode is JSON without the escapes for HTML.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
