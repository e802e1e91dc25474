package tools

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"tierlab/internal/spell"
)

const (
	maxProblems = 8
	maxFound    = 80   // bytes of what was found
	maxWant     = 300  // and of what would be right
	maxMessage  = 1000 // bytes of a message as a whole
)

// problems lists the innermost causes of an error about a value.
func (s *schema) problems(e *jsonschema.ValidationError, v any) []Problem {
	var list []Problem
	s.collect(e, v, &list)
	slices.SortFunc(list, func(a, b Problem) int {
		return strings.Compare(a.Path+"\x00"+a.Want+"\x00"+a.Found, b.Path+"\x00"+b.Want+"\x00"+b.Found)
	})
	list = slices.Compact(list)
	return list[:min(len(list), maxProblems)]
}

func (s *schema) collect(e *jsonschema.ValidationError, v any, list *[]Problem) {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if len(e.Causes) > 0 {
			*list = append(*list, s.alternatives(e, v))
			return
		}
	}
	if len(e.Causes) == 0 {
		*list = append(*list, s.problem(e, v)...)
		return
	}
	for _, cause := range e.Causes {
		s.collect(cause, v, list)
	}
}

// alternatives is one problem for a value that fits no alternative.
func (s *schema) alternatives(e *jsonschema.ValidationError, v any) Problem {
	var wants []string
	for _, cause := range e.Causes {
		var inner []Problem
		s.collect(cause, v, &inner)
		for _, p := range inner {
			want := p.Want
			if rest := strings.TrimPrefix(p.Path, pointer(e.InstanceLocation)); rest != "" {
				want = rest + " being " + want
			}
			if !slices.Contains(wants, want) && len(wants) < maxProblems {
				wants = append(wants, want)
			}
		}
	}
	return Problem{Path: pointer(e.InstanceLocation), Found: describe(at(v, e.InstanceLocation)), Want: clip(strings.Join(wants, ", or "), maxWant)}
}

func (s *schema) problem(e *jsonschema.ValidationError, v any) []Problem {
	place := pointer(e.InstanceLocation)
	found := at(v, e.InstanceLocation)
	p := Problem{Path: place, Found: describe(found)}
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		p.Want = strings.Join(k.Want, " or ")
	case *kind.Required:
		p.Want = "with " + quoted(k.Missing)
	case *kind.Enum:
		p.Want = "one of " + listed(k.Want)
	case *kind.AdditionalProperties:
		return s.unexpected(e, k.Properties, place)
	default:
		leaf := *e
		leaf.InstanceLocation, leaf.Causes = nil, nil
		p.Want = strings.TrimPrefix(leaf.Error(), "at '': ")
	}
	p.Want = clip(p.Want, maxWant)
	return []Problem{p}
}

// unexpected is a problem for each property that the schema does not have.
func (s *schema) unexpected(e *jsonschema.ValidationError, names []string, place string) []Problem {
	var known []string
	if in := s.places[e.SchemaURL]; in != nil {
		for name := range in.Properties {
			known = append(known, name)
		}
		slices.Sort(known)
	}
	want := "none but the schema's"
	if len(known) > 0 {
		want = "one of " + quoted(known)
	}
	var list []Problem
	for _, name := range names[:min(len(names), maxProblems)] {
		p := Problem{Path: place + pointer([]string{clip(name, maxFound)}), Found: "a property that the schema does not have", Want: want}
		if near := spell.Nearest(name, known); near != "" {
			p.Want = quoted([]string{near})
		}
		list = append(list, p)
	}
	return list
}

// at is the value under a path.
func at(v any, path []string) any {
	for _, token := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// pointer is a JSON pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, token := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	return clip(b.String(), maxWant)
}

// describe says what a value is, in a few words.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint("boolean ", v)
	case json.Number:
		return clip("number "+v.String(), maxFound)
	case string:
		return "string " + clip(strconv.QuoteToGraphic(clip(v, maxFound)), maxFound)
	case []any:
		return fmt.Sprintf("array of %d", len(v))
	case map[string]any:
		if len(v) == 0 {
			return "an empty object"
		}
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		return clip("object with "+quoted(names), maxFound)
	}
	return fmt.Sprintf("%T", v)
}

func quoted(names []string) string {
	list := make([]string, 0, len(names))
	for _, name := range names[:min(len(names), 50)] {
		list = append(list, strconv.QuoteToGraphic(clip(name, maxFound)))
	}
	return clip(strings.Join(list, ", "), maxWant)
}

func listed(values []any) string {
	list := make([]string, 0, len(values))
	for _, v := range values[:min(len(values), 50)] {
		text, err := encode(v)
		if err != nil { // it was JSON
			continue
		}
		list = append(list, clip(string(text), maxFound))
	}
	return clip(strings.Join(list, ", "), maxWant)
}
