package topology

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// pos is where a mapping of a file stands. Every struct of the YAML form
// has one, so that a later check can name file, line and field.
type pos struct {
	file, path string
	node       *yaml.Node
}

// line is the line of one of the mapping's keys, or of the mapping itself.
func (p pos) line(field string) int {
	if p.node == nil || p.node.Line == 0 {
		return 1
	}
	for i := 0; i+1 < len(p.node.Content) && p.node.Kind == yaml.MappingNode; i += 2 {
		if p.node.Content[i].Value == field {
			return p.node.Content[i].Line
		}
	}
	return p.node.Line
}

// decoder turns the nodes of one file into a struct of the YAML form. It is
// strict: an unknown, repeated or missing field, a value of another type and
// a figure out of its range are problems, each with its line.
//
// A struct's field is tagged `yaml:"name"`; `is:"..."` adds conditions,
// separated by commas: required, or a comparison with a number such as >0 or
// <=1. The keys source and date may stand in every mapping.
type decoder struct {
	*problems
	file string
}

// Decode reads a YAML document of another form into a pointer to a struct, as
// strictly as a topology: fields are tagged yaml:"name" and is:"conditions" (required,
// or comparisons with a number such as >0), every mapping may have a source and a
// date, and an error lists Problems.
func Decode(file string, data []byte, into any) error {
	var p problems
	p.decodeFile(file, data, into)
	return p.err()
}

// decodeFile reads one document into a pointer to a struct.
func (p *problems) decodeFile(file string, data []byte, into any) {
	var doc, next yaml.Node
	reader := yaml.NewDecoder(bytes.NewReader(data))
	if err := reader.Decode(&doc); errors.Is(err, io.EOF) {
		p.add(pos{file: file}, "", "the file is empty")
		return
	} else if err != nil {
		p.found = append(p.found, syntaxProblem(file, err))
		return
	}
	if err := reader.Decode(&next); err != nil && !errors.Is(err, io.EOF) {
		p.found = append(p.found, syntaxProblem(file, err))
		return
	} else if err == nil {
		p.add(pos{file: file, node: &next}, "", "a second document begins here; a file holds one")
		return
	}
	d := decoder{p, file}
	d.value(doc.Content[0], reflect.ValueOf(into).Elem(), "")
}

// syntaxProblem takes the line out of the YAML library's message.
func syntaxProblem(file string, err error) *Problem {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, message, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				line, text = n, message
			}
		}
	}
	return &Problem{File: file, Line: line, Text: "not YAML: " + text}
}

func (d *decoder) wrong(n *yaml.Node, path, format string, args ...any) {
	d.found = append(d.found, &Problem{File: d.file, Line: n.Line, Field: path, Text: fmt.Sprintf(format, args...)})
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.wrong(n, path, "anchors and aliases are not part of the form; write the value out")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.mapping(n, v, path)
	case reflect.Map:
		d.table(n, v, path)
	case reflect.Slice:
		d.sequence(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, path, "want a mapping with the fields %s", strings.Join(fieldNames(v.Type()), ", "))
		return
	}
	t := v.Type()
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		field, ok := fieldByName(t, key.Value)
		switch {
		case key.Value == "source" || key.Value == "date":
			d.citation(key.Value, val, path)
		case !ok:
			d.wrong(key, path, "unknown field %q%s", key.Value, suggest(key.Value, fieldNames(t)))
		case seen[key.Value]:
			d.wrong(key, path, "field %q stands here twice", key.Value)
		default:
			seen[key.Value] = true
			at := join(path, key.Value)
			d.value(val, v.FieldByIndex(field.Index), at)
			d.conditions(val, v.FieldByIndex(field.Index), field.Tag.Get("is"), at)
		}
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[pos]() {
			v.Field(i).Set(reflect.ValueOf(pos{d.file, path, n}))
		} else if name := f.Tag.Get("yaml"); strings.HasPrefix(f.Tag.Get("is"), "required") && !seen[name] {
			d.wrong(n, path, "field %q is missing", name)
		}
	}
}

func (d *decoder) table(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, path, "want a mapping from names to values")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value).Convert(v.Type().Key())
		if v.MapIndex(key).IsValid() {
			d.wrong(n.Content[i], path, "field %q stands here twice", n.Content[i].Value)
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], elem, join(path, n.Content[i].Value))
		v.SetMapIndex(key, elem)
	}
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, path, "want a list, each item on its own line after a dash, or in [ ]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.wrong(n, path, "want %s, not a list or mapping", kindName(v.Kind()))
		return
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		if n.Tag == "!!null" {
			err = strconv.ErrSyntax
		}
		v.SetString(n.Value)
	case reflect.Bool:
		var b bool
		err = n.Decode(&b)
		v.SetBool(b)
	case reflect.Int:
		var i int
		i, err = strconv.Atoi(n.Value)
		v.SetInt(int64(i))
	case reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(n.Value, 64)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			f, err = 0, strconv.ErrRange
		}
		v.SetFloat(f)
	}
	if err != nil {
		d.wrong(n, path, "want %s, not %q", kindName(v.Kind()), n.Value)
	}
}

// conditions checks a number against its field's tag.
func (d *decoder) conditions(n *yaml.Node, v reflect.Value, tag, path string) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	var x float64
	switch v.Kind() {
	case reflect.Int:
		x = float64(v.Int())
	case reflect.Float64:
		x = v.Float()
	case reflect.String:
		if v.String() == "" && strings.HasPrefix(tag, "required") {
			d.wrong(n, path, "must not be empty")
		}
		return
	default:
		return
	}
	for _, c := range strings.Split(tag, ",") {
		if !holds(x, c) {
			d.wrong(n, path, "%v is out of range: it must be %s", n.Value, c)
		}
	}
}

// holds evaluates one condition of a tag.
func holds(x float64, condition string) bool {
	number := strings.TrimLeft(condition, "<>=")
	bound, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return true // "required" is checked where a field is absent
	}
	switch strings.TrimSuffix(condition, number) {
	case ">":
		return x > bound
	case ">=":
		return x >= bound
	default:
		return x <= bound
	}
}

// citation checks a source or a date, which the form itself does not keep.
func (d *decoder) citation(key string, n *yaml.Node, path string) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Value == "":
		d.wrong(n, join(path, key), "want a text")
	case key == "date" && !isDate(n.Value):
		d.wrong(n, join(path, key), "want a year and month such as 2025-01, not %q", n.Value)
	}
}

func isDate(s string) bool {
	_, err := time.Parse("2006-01", s)
	return err == nil
}

func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a finite number"
	}
	return "a text"
}

func fieldByName(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("yaml") == name && name != "" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			names = append(names, name)
		}
	}
	return names
}
