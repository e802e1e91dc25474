package workloads

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// decoder reads one line. It is stricter than encoding/json: names are
// case-sensitive, a name may not repeat, null stands for nothing, and a
// missing, unknown or ill-typed field is named by its path.
type decoder struct {
	b    []byte
	pos  int
	path []byte
}

// maxDepth bounds the nesting inside messages.
const maxDepth = 1000

// decodeKind reads the first field of a line, which must be its kind, and
// leaves the decoder behind it.
func (d *decoder) decodeKind(line []byte) (Kind, *Error) {
	*d = decoder{b: line, path: d.path[:0]}
	const want = `the first field is "kind": header, prefix, session, step or outcome`
	switch {
	case bytes.HasPrefix(line, []byte("\x1f\x8b")):
		return "", fault("", "gunzip it first", "compressed with gzip")
	case bytes.HasPrefix(line, []byte("\xef\xbb\xbf")):
		return "", fault("", "UTF-8 without one", "a byte order mark")
	case !utf8.Valid(line):
		return "", fault("", "", "not valid UTF-8")
	}
	if !d.take('{') {
		return "", fault("", `one JSON object, such as {"kind":"step", ...}`, "not a JSON object")
	}
	if d.peek() == '}' {
		return "", fault("", want, "an empty object")
	}
	name, err := d.text()
	if err != nil {
		return "", err
	}
	if name != "kind" || !d.take(':') {
		return "", fault(name, want, "no kind")
	}
	kind, err := d.text()
	if err != nil {
		return "", err
	}
	if shapes[Kind(kind)] == nil {
		return "", fault("kind", didYouMean(kind, kinds), "unknown kind %q", kind)
	}
	return Kind(kind), nil
}

func kinds(yield func(string) bool) {
	for _, k := range []Kind{KindHeader, KindPrefix, KindSession, KindStep, KindOutcome} {
		if !yield(string(k)) {
			return
		}
	}
}

// decodeRest reads the fields behind the kind into dst, a pointer to the
// kind's struct.
func (d *decoder) decodeRest(kind Kind, dst any) *Error {
	v := reflect.ValueOf(dst).Elem()
	if err := d.members(shapes[kind].layout, v, true); err != nil {
		return err
	}
	if d.skipSpace(); d.pos < len(d.b) {
		return fault("", "one object a line", "something follows the object")
	}
	return nil
}

func (d *decoder) fail(want, format string, args ...any) *Error {
	return fault(string(d.path), want, format, args...)
}

// value reads one value of the given shape.
func (d *decoder) value(s *shape, v reflect.Value) *Error {
	c := d.peek()
	if c == 0 && d.pos >= len(d.b) {
		return d.truncated()
	}
	switch s.kind {
	case formObject:
		if !d.take('{') {
			return d.wrongType(s)
		}
		return d.members(s.layout, v, false)
	case formList:
		return d.list(s, v)
	case formMap:
		return d.mapping(s, v)
	case formPointer:
		v.Set(reflect.New(s.elem.typ))
		return d.value(s.elem, v.Elem())
	case formString:
		if c != '"' {
			return d.wrongType(s)
		}
		text, err := d.text()
		v.SetString(text)
		return err
	case formBool:
		return d.boolean(s, v)
	case formRaw:
		return d.raw(s, v)
	default:
		return d.number(s, v)
	}
}

// members reads the members of an object up to its closing brace; started
// says that the kind was one of them.
func (d *decoder) members(l *layout, v reflect.Value, started bool) *Error {
	var seen uint64
	at := len(d.path)
	for {
		if d.take('}') {
			break
		}
		if started && !d.take(',') {
			return d.syntax("a comma or }")
		}
		started = true
		name, err := d.text()
		if err != nil {
			return err
		}
		if at > 0 {
			d.path = append(d.path, '.')
		}
		d.path = append(d.path, name...)
		i, known := l.byName[name]
		switch {
		case !known:
			return d.fail(didYouMean(name, l.names()), "unknown field")
		case seen&(1<<i) != 0:
			return d.fail("each field once", "the field stands here twice")
		case !d.take(':'):
			return d.syntax("a colon")
		}
		seen |= 1 << i
		if err := d.value(l.fields[i].shape, v.Field(l.fields[i].index)); err != nil {
			return err
		}
		d.path = d.path[:at]
	}
	for i, f := range l.fields {
		if !f.optional && seen&(1<<i) == 0 {
			if at > 0 {
				d.path = append(d.path, '.')
			}
			d.path = append(d.path, f.name...)
			return d.fail(f.shape.kind.String(), "the field is missing")
		}
	}
	return nil
}

func (d *decoder) list(s *shape, v reflect.Value) *Error {
	if !d.take('[') {
		return d.wrongType(s)
	}
	at := len(d.path)
	for n := 0; !d.take(']'); n++ {
		if n > 0 && !d.take(',') {
			return d.syntax("a comma or ]")
		}
		d.path = append(strconv.AppendInt(append(d.path, '['), int64(n), 10), ']')
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if err := d.value(s.elem, v.Index(n)); err != nil {
			return err
		}
		d.path = d.path[:at]
	}
	return nil
}

func (d *decoder) mapping(s *shape, v reflect.Value) *Error {
	if !d.take('{') {
		return d.wrongType(s)
	}
	at := len(d.path)
	for n := 0; !d.take('}'); n++ {
		if n == 0 {
			v.Set(reflect.MakeMap(s.typ))
		} else if !d.take(',') {
			return d.syntax("a comma or }")
		}
		name, err := d.text()
		if err != nil {
			return err
		}
		d.path = append(append(d.path, '.'), name...)
		key, elem := reflect.ValueOf(name), reflect.New(s.elem.typ).Elem()
		if v.MapIndex(key).IsValid() {
			return d.fail("each name once", "the name stands here twice")
		}
		if !d.take(':') {
			return d.syntax("a colon")
		}
		if err := d.value(s.elem, elem); err != nil {
			return err
		}
		v.SetMapIndex(key, elem)
		d.path = d.path[:at]
	}
	return nil
}

func (d *decoder) boolean(s *shape, v reflect.Value) *Error {
	start := d.pos
	switch string(d.word()) {
	case "true":
		v.SetBool(true)
	case "false":
		v.SetBool(false)
	default:
		d.pos = start
		return d.wrongType(s)
	}
	return nil
}

// raw takes a list as it stands, without the space between its tokens.
func (d *decoder) raw(s *shape, v reflect.Value) *Error {
	if d.peek() != '[' {
		return d.wrongType(s)
	}
	end, err := d.skipValue()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, d.b[d.pos:end]); err != nil {
		return d.fail("", "not JSON: %v", err)
	}
	d.pos = end
	v.SetBytes(out.Bytes())
	return nil
}

// number reads a JSON number. Counts and times are never negative, in any
// field of the format.
func (d *decoder) number(s *shape, v reflect.Value) *Error {
	start := d.pos
	word := d.word()
	if !json.Valid(word) || word[0] != '-' && (word[0] < '0' || word[0] > '9') {
		d.pos = start
		return d.wrongType(s)
	}
	if s.kind != formFloat && word[0] == '-' && string(word) != "-0" {
		return d.fail("zero or more", "%s is negative", word)
	}
	switch s.kind {
	case formInt:
		n, err := strconv.ParseInt(string(word), 10, 64)
		if err != nil || n > maxCount {
			return d.fail("a whole number up to 1e15", "%s is not one", word)
		}
		v.SetInt(n)
	case formUint:
		n, err := strconv.ParseUint(string(word), 10, 64)
		if err != nil {
			return d.fail("a whole number below 2^64", "%s is not one", word)
		}
		v.SetUint(n)
	case formFloat:
		x, err := strconv.ParseFloat(string(word), 64)
		if err != nil || math.IsInf(x, 0) {
			return d.fail("a finite number", "%s is out of range", word)
		}
		v.SetFloat(x)
	case formMillis:
		var m Millis
		if err := m.UnmarshalJSON(word); err != nil || m > maxTime {
			return d.fail("milliseconds, up to ten years", "%s is too long a time", word)
		}
		v.SetInt(int64(m))
	}
	return nil
}

// wrongType says what stands where a value of shape s was expected.
func (d *decoder) wrongType(s *shape) *Error {
	for s.kind == formPointer {
		s = s.elem
	}
	switch d.peek() {
	case 0:
		return d.truncated()
	case 'n':
		return d.fail("leave the field out instead", "null")
	case '"':
		return d.fail(s.kind.String(), "a string")
	case '{':
		return d.fail(s.kind.String(), "an object")
	case '[':
		return d.fail(s.kind.String(), "a list")
	case 't', 'f':
		return d.fail(s.kind.String(), "true or false")
	}
	return d.fail(s.kind.String(), "wrong type")
}
