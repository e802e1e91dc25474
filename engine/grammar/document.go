package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on a schema's text, which a caller of an API may send.
const (
	maxSchemaBytes = 1 << 20
	maxSchemaDepth = 200
)

// value is a JSON value that keeps the order of its members and knows its place.
type value struct {
	in      *value // what it is a part of; nil: the whole
	step    string // its name or index there
	kind    kind
	text    string // of a string; of a number as it was written
	truth   bool
	items   []*value
	members []member
	named   map[string]*value // the members by name
}

type member struct {
	name string
	*value
}

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// parse reads one JSON value.
func parse(source []byte) (*value, error) {
	if len(source) > maxSchemaBytes {
		return nil, fmt.Errorf("schema of %d bytes; at most %d are read", len(source), maxSchemaBytes)
	}
	if !utf8.Valid(source) {
		return nil, errors.New("schema is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(source))
	d.UseNumber()
	p := parser{d}
	v, err := p.value(nil, "", 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("schema has more after its end at byte %d", d.InputOffset())
	}
	return v, nil
}

type parser struct{ *json.Decoder }

func (p parser) value(in *value, step string, depth int) (*value, error) {
	token, err := p.token()
	if err != nil {
		return nil, err
	}
	v := &value{in: in, step: step}
	if depth > maxSchemaDepth {
		return nil, &SchemaError{v.pointer(), fmt.Sprintf("nested deeper than %d", maxSchemaDepth)}
	}
	switch t := token.(type) {
	case nil:
	case bool:
		v.kind, v.truth = boolean, t
	case json.Number:
		v.kind, v.text = number, t.String()
	case string:
		v.kind, v.text = text, t
	case json.Delim:
		if t == '[' {
			v.kind = array
			return v, p.elements(v, depth)
		}
		v.kind = object
		return v, p.fields(v, depth)
	}
	return v, nil
}

func (p parser) elements(v *value, depth int) error {
	for p.More() {
		item, err := p.value(v, strconv.Itoa(len(v.items)), depth+1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	_, err := p.token()
	return err
}

func (p parser) fields(v *value, depth int) error {
	v.named = map[string]*value{}
	for p.More() {
		token, err := p.token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if v.named[name] != nil {
			return &SchemaError{v.pointer(), fmt.Sprintf("%q is there twice", name)}
		}
		m, err := p.value(v, name, depth+1)
		if err != nil {
			return err
		}
		v.members = append(v.members, member{name, m})
		v.named[name] = m
	}
	_, err := p.token()
	return err
}

// token says where the text is not JSON.
func (p parser) token() (json.Token, error) {
	t, err := p.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("schema is not JSON: byte %d: %w", p.InputOffset(), err)
	}
	return t, nil
}

// pointer is the value's JSON pointer (RFC 6901) as a URI fragment, "#" for the
// whole. It is not kept: under a long name it would be as long for every value.
func (v *value) pointer() string {
	if v.in == nil {
		return "#"
	}
	return v.in.pointer() + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(v.step)
}

// member finds a member of an object by name; nil if there is none.
func (v *value) member(name string) *value { return v.named[name] }

// at follows a JSON pointer.
func (v *value) at(pointer string) (*value, bool) {
	if pointer == "" {
		return v, true
	}
	if pointer[0] != '/' {
		return nil, false
	}
	for part := range strings.SplitSeq(pointer[1:], "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if v.kind == array {
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v.items) {
				return nil, false
			}
			v = v.items[i]
		} else if v = v.member(part); v == nil {
			return nil, false
		}
	}
	return v, true
}

// largestExponent bounds numbers that are computed with: 1e999999999 has no
// place in memory.
const largestExponent = 400

// rational is a number's exact value.
func (v *value) rational() (*big.Rat, error) {
	if _, exponent, ok := strings.Cut(strings.ToLower(v.text), "e"); ok {
		if e, err := strconv.Atoi(exponent); err != nil || e > largestExponent || e < -largestExponent {
			return nil, &SchemaError{v.pointer(), fmt.Sprintf("%s has an exponent beyond %d", v.text, largestExponent)}
		}
	}
	r, ok := new(big.Rat).SetString(v.text)
	if !ok {
		return nil, &SchemaError{v.pointer(), fmt.Sprintf("%s is not a number", v.text)}
	}
	return r, nil
}

// compact appends the value as JSON without white space.
func (v *value) compact(dst []byte) []byte {
	switch v.kind {
	case null:
		return append(dst, "null"...)
	case boolean:
		return strconv.AppendBool(dst, v.truth)
	case number:
		return append(dst, v.text...)
	case text:
		return appendQuoted(dst, v.text)
	case array:
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.compact(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i, m := range v.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = m.compact(append(appendQuoted(dst, m.name), ':'))
	}
	return append(dst, '}')
}

// appendQuoted appends a JSON string with as few escapes as there can be, which
// is how models write them.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < ' ' {
				dst = fmt.Appendf(dst, `\u%04x`, c)
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

func quoted(s string) string { return string(appendQuoted(nil, s)) }

// SchemaError says what is wrong with a schema, and where.
type SchemaError struct {
	Pointer string // JSON pointer as a URI fragment, such as #/properties/a
	Message string
}

func (e *SchemaError) Error() string { return "schema at " + e.Pointer + ": " + e.Message }
