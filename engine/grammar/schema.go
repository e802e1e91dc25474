package grammar

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Options bound what a schema leaves open. A zero field is the default.
type Options struct {
	MaxLength int // characters of a string; default 1024
	MaxItems  int // items of an array, and properties beyond those named; default 32
	MaxDepth  int // recursive rules within each other, any JSON value being one; default 8
	// Spaces allows one space after a comma and a colon, as Python's json.dumps
	// writes them by default and models have often seen them.
	Spaces bool
}

// Bounds on the bounds themselves.
const (
	mostLength = 1 << 20
	mostItems  = 1 << 12
	mostDepth  = 64
)

func (o Options) withDefaults() (Options, error) {
	for _, f := range []struct {
		name      string
		v         *int
		otherwise int
		most      int
	}{
		{"MaxLength", &o.MaxLength, 1024, mostLength},
		{"MaxItems", &o.MaxItems, 32, mostItems},
		{"MaxDepth", &o.MaxDepth, 8, mostDepth},
	} {
		if *f.v == 0 {
			*f.v = f.otherwise
		}
		if *f.v < 0 || *f.v > f.most {
			return o, fmt.Errorf("grammar: %s is %d; it must be from 1 to %d, or 0 for %d", f.name, *f.v, f.most, f.otherwise)
		}
	}
	return o, nil
}

// Keywords by what they apply to. Of ignored ones a reader of the output may
// still make something.
var (
	ignored = []string{"$comment", "$defs", "$schema", "contentEncoding", "contentMediaType", "default", "definitions",
		"deprecated", "description", "example", "examples", "format", "readOnly", "title", "writeOnly"}
	combining = []string{"$ref", "allOf", "anyOf", "const", "enum", "oneOf"}
	asserting = []string{"additionalProperties", "exclusiveMaximum", "exclusiveMinimum", "items", "maxItems", "maxLength",
		"maximum", "minItems", "minLength", "minimum", "properties", "required", "type"}
	ofType = map[string][]string{
		"string": {"minLength", "maxLength"},
		"number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
		"array":  {"items", "minItems", "maxItems"},
		"object": {"properties", "required", "additionalProperties"},
	}
	typeNames = []string{"object", "array", "string", "number", "integer", "boolean", "null"}
)

// translator turns a schema into an expression.
type translator struct {
	Options
	root     *value
	rules    map[*value]*rule
	any      *rule
	compared int // pairs of schemas
}

func (t *translator) errorf(at *value, format string, args ...any) error {
	return &SchemaError{at.pointer(), fmt.Sprintf(format, args...)}
}

// gap is what may follow a comma or a colon.
func (t *translator) gap() expression {
	if t.Spaces {
		return optional(literal(" "))
	}
	return literal("")
}

// schema translates a schema in its place.
func (t *translator) schema(v *value) (expression, error) {
	switch {
	case v.kind == boolean && v.truth:
		return t.anyValue(), nil
	case v.kind == boolean:
		return nil, t.errorf(v, "false allows no value")
	case v.kind != object:
		return nil, t.errorf(v, "a schema must be an object, true or false")
	}
	combination, err := t.keywords(v)
	if err != nil {
		return nil, err
	}
	switch combination {
	case "$ref":
		return t.reference(v.member("$ref"))
	case "allOf", "anyOf", "oneOf":
		return t.alternatives(combination, v.member(combination))
	case "enum", "const":
		return t.constants(v)
	}
	names, err := t.types(v)
	if err != nil {
		return nil, err
	}
	var c choice
	for _, name := range names {
		e, err := t.typed(v, name)
		if err != nil {
			return nil, err
		}
		c = append(c, e)
	}
	if len(c) == 1 {
		return c[0], nil
	}
	return c, nil
}

// keywords checks that all are known and may stand together, and returns the one
// that combines schemas or lists values.
func (t *translator) keywords(v *value) (combination string, err error) {
	asserts := ""
	for _, m := range v.members {
		switch {
		case slices.Contains(ignored, m.name):
		case m.name == "$id" && v == t.root:
		case m.name == "uniqueItems" && m.kind == boolean && !m.truth:
		case slices.Contains(combining, m.name):
			if combination != "" && (combination != "const" || m.name != "enum") && (combination != "enum" || m.name != "const") {
				return "", t.errorf(m.value, "%s beside %s is not supported", m.name, combination)
			}
			combination = m.name
		case m.name == "type":
			if asserts == "" {
				asserts = "type"
			}
		case slices.Contains(asserting, m.name):
			asserts = m.name
		default:
			return "", t.errorf(m.value, "keyword %q is not supported; supported are %s, %s; ignored are %s",
				m.name, strings.Join(combining, ", "), strings.Join(asserting, ", "), strings.Join(ignored, ", "))
		}
	}
	constants := combination == "enum" || combination == "const"
	if combination != "" && asserts != "" && !(constants && asserts == "type") {
		return "", t.errorf(v.member(asserts), "%s beside %s is not supported: put it into each of its schemas", asserts, combination)
	}
	return combination, nil
}

// types lists the types of a schema: those it names, or those that its keywords
// are for, or all.
func (t *translator) types(v *value) (names []string, err error) {
	named := v.member("type")
	if named == nil {
		for _, name := range typeNames {
			if slices.ContainsFunc(ofType[name], func(k string) bool { return v.member(k) != nil }) {
				names = append(names, name)
			}
		}
		if names == nil {
			return []string{"any"}, nil
		}
		return names, nil
	}
	list := []*value{named}
	if named.kind == array {
		list = named.items
	}
	for _, n := range list {
		if n.kind != text || !slices.Contains(typeNames, n.text) {
			return nil, t.errorf(n, "a type must be one of %s", strings.Join(typeNames, ", "))
		}
		if slices.Contains(names, n.text) {
			return nil, t.errorf(n, "%s is there twice", n.text)
		}
		names = append(names, n.text)
	}
	if names == nil {
		return nil, t.errorf(named, "no type is left")
	}
	return names, nil
}

func (t *translator) typed(v *value, name string) (expression, error) {
	switch name {
	case "string":
		return t.string(v)
	case "integer", "number":
		return t.number(v, name)
	case "boolean":
		return choice{literal("true"), literal("false")}, nil
	case "null":
		return literal("null"), nil
	case "array":
		return t.array(v)
	case "object":
		return t.object(v)
	}
	return t.anyValue(), nil
}

func (t *translator) string(v *value) (expression, error) {
	least, most, err := t.bounds(v, "minLength", "maxLength", t.MaxLength)
	return characters{least, most}, err
}

// bounds reads a least and a most number; what the schema leaves open, or sets
// higher, ends at bound.
func (t *translator) bounds(v *value, leastName, mostName string, bound int) (least, most int, err error) {
	most = bound
	if m := v.member(leastName); m != nil {
		if least, err = t.count(m); err != nil {
			return 0, 0, err
		}
		if least > bound {
			return 0, 0, t.errorf(m, "%s is %d; at most %d is supported", leastName, least, bound)
		}
	}
	if m := v.member(mostName); m != nil {
		n, err := t.count(m)
		if err != nil {
			return 0, 0, err
		}
		if n < least {
			return 0, 0, t.errorf(m, "%s is %d, below %s", mostName, n, leastName)
		}
		most = min(n, bound)
	}
	return least, most, nil
}

func (t *translator) count(v *value) (int, error) {
	if v.kind == number {
		r, err := v.rational()
		if err != nil {
			return 0, err
		}
		if r.IsInt() && r.Sign() >= 0 {
			if !r.Num().IsInt64() || r.Num().Int64() > 1<<31 {
				return 1 << 31, nil
			}
			return int(r.Num().Int64()), nil
		}
	}
	return 0, t.errorf(v, "must be a whole number from 0")
}

// reference translates the schema that a $ref names, as a rule.
func (t *translator) reference(v *value) (expression, error) {
	target, err := t.resolve(v)
	if err != nil {
		return nil, err
	}
	return t.rule(target)
}

func (t *translator) resolve(v *value) (*value, error) {
	pointer, local := strings.CutPrefix(v.text, "#")
	if unescaped, err := url.PathUnescape(pointer); err == nil {
		pointer = unescaped
	}
	if v.kind != text || !local {
		return nil, t.errorf(v, "must be a local JSON pointer such as #/$defs/name")
	}
	target, ok := t.root.at(pointer)
	if !ok {
		return nil, t.errorf(v, "%s names no part of the schema", strconv.Quote(v.text))
	}
	return target, nil
}

// rule is a schema laid out once, however often it is referred to.
func (t *translator) rule(v *value) (*rule, error) {
	if r, ok := t.rules[v]; ok {
		return r, nil
	}
	r := &rule{}
	t.rules[v] = r
	var err error
	r.body, err = t.schema(v)
	return r, err
}
