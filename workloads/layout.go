package workloads

import (
	"encoding/json"
	"iter"
	"reflect"
	"strings"
)

// layout is how a struct is held in JSON: its fields in the order in which
// they are written. The reader and the writer walk the same layouts, so what
// one accepts the other can produce.
type layout struct {
	fields []field
	byName map[string]int
}

// field is one field of a layout. One that is not optional must be present.
type field struct {
	name     string
	optional bool
	index    int
	shape    *shape
}

// shape is the JSON form of a Go type.
type shape struct {
	kind   form
	typ    reflect.Type
	elem   *shape  // of a list, map or pointer
	layout *layout // of an object
}

type form uint8

const (
	formObject form = iota
	formList
	formMap
	formPointer
	formString
	formBool
	formInt
	formUint
	formFloat
	formMillis
	formRaw
)

// words name the forms in error messages.
func (f form) String() string {
	return [...]string{"an object", "a list", "an object", "", "a string", "true or false", "a whole number",
		"a whole number", "a number", "a number of milliseconds", "a list"}[f]
}

// shapes are the five kinds of line; they are fixed when the program starts.
var shapes = map[Kind]*shape{
	KindHeader:  shapeOf(reflect.TypeFor[Header]()),
	KindPrefix:  shapeOf(reflect.TypeFor[Prefix]()),
	KindSession: shapeOf(reflect.TypeFor[Session]()),
	KindStep:    shapeOf(reflect.TypeFor[Step]()),
	KindOutcome: shapeOf(reflect.TypeFor[Outcome]()),
}

func shapeOf(t reflect.Type) *shape {
	switch t {
	case reflect.TypeFor[Millis]():
		return &shape{kind: formMillis, typ: t}
	case reflect.TypeFor[json.RawMessage]():
		return &shape{kind: formRaw, typ: t}
	}
	switch t.Kind() {
	case reflect.Struct:
		return &shape{kind: formObject, typ: t, layout: layoutOf(t)}
	case reflect.Slice:
		return &shape{kind: formList, typ: t, elem: shapeOf(t.Elem())}
	case reflect.Map:
		return &shape{kind: formMap, typ: t, elem: shapeOf(t.Elem())}
	case reflect.Pointer:
		return &shape{kind: formPointer, typ: t, elem: shapeOf(t.Elem())}
	case reflect.String:
		return &shape{kind: formString, typ: t}
	case reflect.Bool:
		return &shape{kind: formBool, typ: t}
	case reflect.Int, reflect.Int64:
		return &shape{kind: formInt, typ: t}
	case reflect.Uint64:
		return &shape{kind: formUint, typ: t}
	case reflect.Float64:
		return &shape{kind: formFloat, typ: t}
	}
	panic("workloads: no JSON form for " + t.String())
}

func layoutOf(t reflect.Type) *layout {
	l := &layout{byName: map[string]int{}}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		l.byName[name] = len(l.fields)
		l.fields = append(l.fields, field{
			name: name, optional: options == "omitempty", index: i, shape: shapeOf(t.Field(i).Type),
		})
	}
	return l
}

// names yields the names of the fields.
func (l *layout) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range l.fields {
			if !yield(f.name) {
				return
			}
		}
	}
}
