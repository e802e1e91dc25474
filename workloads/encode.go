package workloads

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Bounds that the reader and the writer share. They keep sums of times and
// of tokens inside 64 bits.
const (
	maxCount = 1e15
	maxTime  = Millis(10 * 365 * 24 * 3600 * 1e9) // ten years
)

// appendRecord writes one line, its kind first, then the fields in the order
// of the struct, optional ones only where they say something.
func appendRecord(b []byte, kind Kind, v reflect.Value) ([]byte, *Error) {
	b = append(b, `{"kind":"`...)
	b = append(b, kind...)
	b = append(b, '"')
	b, err := appendMembers(b, shapes[kind].layout, v, true)
	if err != nil {
		return b, err
	}
	return append(b, '\n'), nil
}

func appendMembers(b []byte, l *layout, v reflect.Value, started bool) ([]byte, *Error) {
	for i := range l.fields {
		f := &l.fields[i]
		value := v.Field(f.index)
		if f.optional && isEmpty(f.shape, value) {
			continue
		}
		if started {
			b = append(b, ',')
		}
		started = true
		b = append(append(append(b, '"'), f.name...), `":`...)
		var err *Error
		if b, err = appendValue(b, f.shape, value); err != nil {
			return b, err.under(f.name)
		}
	}
	return append(b, '}'), nil
}

// under puts e below the field of an enclosing value.
func (e *Error) under(name string) *Error {
	switch {
	case e.Field == "":
		e.Field = name
	case e.Field[0] == '[':
		e.Field = name + e.Field
	default:
		e.Field = name + "." + e.Field
	}
	return e
}

func isEmpty(s *shape, v reflect.Value) bool {
	switch s.kind {
	case formList, formMap, formRaw:
		return v.Len() == 0
	case formObject:
		return false
	default:
		return v.IsZero()
	}
}

func appendValue(b []byte, s *shape, v reflect.Value) ([]byte, *Error) {
	switch s.kind {
	case formObject:
		return appendMembers(append(b, '{'), s.layout, v, false)
	case formList:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			var err *Error
			if b, err = appendValue(b, s.elem, v.Index(i)); err != nil {
				return b, err.under(fmt.Sprintf("[%d]", i))
			}
		}
		return append(b, ']'), nil
	case formMap:
		return appendMap(b, s, v)
	case formPointer:
		if v.IsNil() {
			return b, fault("", s.elem.kind.String(), "nothing")
		}
		return appendValue(b, s.elem, v.Elem())
	case formString:
		return appendText(b, v.String())
	case formBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case formRaw:
		return appendRaw(b, v.Bytes())
	default:
		return appendNumber(b, s, v)
	}
}

// appendMap writes the names in ascending order, so that equal maps give
// equal bytes.
func appendMap(b []byte, s *shape, v reflect.Value) ([]byte, *Error) {
	names := make([]string, 0, v.Len())
	for _, key := range v.MapKeys() {
		names = append(names, key.String())
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		var err *Error
		if b, err = appendText(b, name); err != nil {
			return b, err
		}
		b = append(b, ':')
		if b, err = appendValue(b, s.elem, v.MapIndex(reflect.ValueOf(name))); err != nil {
			return b, err.under(name)
		}
	}
	return append(b, '}'), nil
}

func appendNumber(b []byte, s *shape, v reflect.Value) ([]byte, *Error) {
	switch s.kind {
	case formUint:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case formFloat:
		x := v.Float()
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return b, fault("", "a finite number", "%v", x)
		}
		return strconv.AppendFloat(b, x, 'g', -1, 64), nil
	}
	n := v.Int()
	switch {
	case n < 0:
		return b, fault("", "zero or more", "%d is negative", n)
	case s.kind == formMillis && n > int64(maxTime):
		return b, fault("", "milliseconds, up to ten years", "%v is too long a time", Millis(n).D())
	case s.kind == formMillis:
		return Millis(n).append(b), nil
	case n > maxCount:
		return b, fault("", "a whole number up to 1e15", "%d is not one", n)
	}
	return strconv.AppendInt(b, n, 10), nil
}

func appendRaw(b, raw []byte) ([]byte, *Error) {
	if raw[0] != '[' || !utf8.Valid(raw) {
		return b, fault("", "a JSON list in UTF-8", "not a list")
	}
	out := bytes.NewBuffer(b)
	if err := json.Compact(out, raw); err != nil {
		return b, fault("", "a JSON list", "not JSON: %v", err)
	}
	return out.Bytes(), nil
}

const hexDigits = "0123456789abcdef"

func appendText(b []byte, s string) ([]byte, *Error) {
	if !utf8.ValidString(s) {
		return b, fault("", "text in UTF-8", "%q is not valid UTF-8", s)
	}
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"'), nil
}
