package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// appendJSON writes a tool as the API's callers do.
func (t Tool) appendJSON(dst []byte, indent int) ([]byte, error) {
	raw := append([]byte(`{"type":"function","function":{"name":`), appendString(nil, t.Name)...)
	if t.Description != "" {
		raw = appendString(append(raw, `,"description":`...), t.Description)
	}
	if len(t.Parameters) > 0 {
		raw = append(append(raw, `,"parameters":`...), t.Parameters...)
	}
	return appendPython(dst, append(raw, "}}"...), indent)
}

// arguments writes a call's arguments on one line.
func (c ToolCall) arguments() (string, error) {
	if len(c.Arguments) == 0 {
		return "{}", nil
	}
	text, err := appendPython(nil, c.Arguments, 0)
	return string(text), err
}

func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) && json.Valid(raw)
}

// maxDepth bounds how deep a schema's or an argument's values are nested.
const maxDepth = 200

// appendPython writes a JSON value as Python's json.dumps does with
// ensure_ascii=False: on one line with ", " and ": " if indent is 0, else over
// lines. Keys keep their order, and numbers their spelling.
func appendPython(dst []byte, raw []byte, indent int) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	w := dumper{d: d, indent: indent, dst: dst}
	if err := w.value(0); err != nil {
		return dst, err
	}
	if _, err := d.Token(); err != io.EOF {
		return dst, fmt.Errorf("more than one JSON value")
	}
	return w.dst, nil
}

type dumper struct {
	d      *json.Decoder
	indent int
	dst    []byte
}

func (w *dumper) value(depth int) error {
	token, err := w.d.Token()
	if err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	switch v := token.(type) {
	case json.Delim:
		if depth == maxDepth {
			return fmt.Errorf("nested more than %d deep", maxDepth)
		}
		return w.items(v, depth+1)
	case string:
		w.dst = appendString(w.dst, v)
	case json.Number:
		w.dst = append(w.dst, v...)
	case bool:
		w.dst = fmt.Appendf(w.dst, "%t", v)
	default:
		w.dst = append(w.dst, "null"...)
	}
	return nil
}

// items writes what stands between the brackets of an object or array.
func (w *dumper) items(open json.Delim, depth int) error {
	w.dst = append(w.dst, byte(open))
	n := 0
	for ; w.d.More(); n++ {
		switch {
		case w.indent > 0:
			if n > 0 {
				w.dst = append(w.dst, ',')
			}
			w.line(depth)
		case n > 0:
			w.dst = append(w.dst, ", "...)
		}
		if open == '{' {
			key, err := w.d.Token()
			if err != nil {
				return fmt.Errorf("invalid JSON: %w", err)
			}
			w.dst = append(appendString(w.dst, key.(string)), ": "...)
		}
		if err := w.value(depth); err != nil {
			return err
		}
	}
	end, err := w.d.Token()
	if err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	if n > 0 && w.indent > 0 {
		w.line(depth - 1)
	}
	w.dst = append(w.dst, byte(end.(json.Delim)))
	return nil
}

func (w *dumper) line(depth int) {
	w.dst = append(w.dst, '\n')
	w.dst = append(w.dst, bytes.Repeat([]byte{' '}, depth*w.indent)...)
}

// appendString quotes a string as json.dumps does: only quotes, backslashes and
// characters below U+0020 are escaped.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			dst = append(dst, '\\', byte(r))
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		default:
			if r < ' ' {
				dst = fmt.Appendf(dst, `\u%04x`, r)
			} else {
				dst = utf8.AppendRune(dst, r)
			}
		}
	}
	return append(dst, '"')
}
