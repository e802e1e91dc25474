package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A schema may come from a server that nobody trusts, and a small one can ask
// for exponential work: ten levels of anyOf with ten alternatives that fail. So
// every schema in it counts the values that it is applied to, and validation
// gives up after maxWork.
const (
	maxSchema = 1 << 18 // bytes
	maxWork   = 100_000 // applications of a schema to a value, or as much again
)

// schema is a compiled JSON Schema. It is used by one goroutine at a time.
type schema struct {
	compiled *jsonschema.Schema
	// places are all schemas in it by location, for messages.
	places map[string]*jsonschema.Schema
	seen   map[*jsonschema.Schema]bool

	mu   sync.Mutex
	work int
}

var errWork = errors.New("too much work")

// compile compiles a schema of JSON Schema 2020-12, or of the draft that its
// $schema names. It reads nothing but raw and the drafts themselves.
func compile(raw json.RawMessage, rootObject bool) (*schema, error) {
	if len(raw) > maxSchema {
		return nil, fmt.Errorf("schema has %d bytes: at most %d are taken", len(raw), maxSchema)
	}
	doc, _, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if rootObject {
		if object, ok := doc.(map[string]any); !ok || object["type"] != "object" {
			return nil, errors.New(`schema: arguments are an object, so its root wants "type": "object"`)
		}
	}
	const place = "tool:///schema.json"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nothing{})
	if err := c.AddResource(place, doc); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	compiled, err := c.Compile(place)
	if err != nil {
		return nil, fmt.Errorf("schema: %s", clip(err.Error(), maxMessage))
	}
	s := &schema{compiled: compiled, places: map[string]*jsonschema.Schema{}, seen: map[*jsonschema.Schema]bool{}}
	return s, s.count(reflect.ValueOf(compiled))
}

// nothing is a loader of references that leave the schema.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("$ref to %s leaves the schema: put what it means under $defs", clip(url, 200))
}

var schemaPointer = reflect.TypeFor[*jsonschema.Schema]()

// count has all schemas that v leads to count their work. A format is what a
// schema checks first after its type, so that the count is there as a format.
func (s *schema) count(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Interface:
		return s.count(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if err := s.count(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if err := s.count(entries.Value()); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if v.Type() == schemaPointer && !v.IsNil() {
			return s.countIn(v.Interface().(*jsonschema.Schema))
		}
	}
	return nil
}

func (s *schema) countIn(in *jsonschema.Schema) error {
	if s.seen[in] {
		return nil
	}
	s.seen[in] = true
	if in.DynamicRef != nil || in.RecursiveRef != nil {
		return fmt.Errorf("schema: %s: $dynamicRef and $recursiveRef are not taken: use $ref", in.Location)
	}
	s.places[in.Location] = in
	inner := in.Format
	in.Format = &jsonschema.Format{Name: formatName(inner), Validate: func(v any) error {
		if s.work -= cost(in, v); s.work < 0 {
			return errWork
		}
		if inner != nil {
			return inner.Validate(v)
		}
		return nil
	}}
	fields := reflect.ValueOf(in).Elem()
	for i := range fields.NumField() {
		if f := fields.Type().Field(i); f.IsExported() {
			if err := s.count(fields.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func formatName(f *jsonschema.Format) string {
	if f == nil {
		return ""
	}
	return f.Name
}

// cost is the work of one schema on one value, without those below it.
func cost(s *jsonschema.Schema, v any) int {
	n := 1
	if s.Enum != nil {
		n += len(s.Enum.Values) / 8
	}
	switch v := v.(type) {
	case string:
		if s.Pattern != nil {
			n += len(v) * (1 + len(s.Pattern.String())/16) / 16
		}
		n += len(v) / 1024
	case map[string]any:
		n += len(v) * len(s.PatternProperties)
	}
	return n
}

// check lists where a value breaks the schema, in order of path.
func (s *schema) check(v any) []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.work = maxWork
	err := s.compiled.Validate(v)
	if s.work < 0 {
		return []Problem{{Found: describe(v), Want: "a value that can be checked: this one takes too long under the schema"}}
	}
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return s.problems(invalid, v)
	}
	return []Problem{{Found: describe(v), Want: err.Error()}}
}
