package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The bounds of a JSON text that is looked at. Numbers are compared exactly, as
// fractions, so that an exponent is a size: 1e1000000000 would be a gigabyte.
const (
	maxDepth    = 200
	maxNumber   = 400 // characters of a number
	maxExponent = 400 // and its power of ten; float64 has 308
)

// parse reads one JSON value with its numbers as written, and the text that it
// has in the encoding of this package: the last of properties of the same name,
// sorted by name, so that what was checked is what runs.
func parse(text []byte) (any, json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, nil, notJSON(text, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, fmt.Errorf("not JSON: one value is wanted, and more follows it at byte %d (%s)", d.InputOffset(), near(text, d.InputOffset()))
	}
	if err := bounded(v, 0); err != nil {
		return nil, nil, err
	}
	canonical, err := encode(v)
	return v, canonical, err
}

// encode is JSON without escapes for HTML.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func notJSON(text []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("not JSON: it ends after byte %d, in the middle of a value (%s)", len(text), near(text, int64(len(text))))
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w at byte %d (%s)", err, syntax.Offset, near(text, syntax.Offset))
	}
	return fmt.Errorf("not JSON: %w", err)
}

// near quotes what stands around a byte of a text.
func near(text []byte, at int64) string {
	at = min(max(at, 0), int64(len(text)))
	return strconv.QuoteToGraphic(strings.ToValidUTF8(string(text[max(0, at-20):min(int64(len(text)), at+10)]), "."))
}

// bounded refuses what would take more work than its size says.
func bounded(v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	switch v := v.(type) {
	case json.Number:
		return boundedNumber(string(v))
	case []any:
		for _, item := range v {
			if err := bounded(item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, item := range v {
			if err := bounded(item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func boundedNumber(s string) error {
	if len(s) > maxNumber {
		return fmt.Errorf("number %s has %d characters: at most %d are taken", clip(s, 20), len(s), maxNumber)
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if e, err := strconv.Atoi(s[i+1:]); err != nil || e < -maxExponent || e > maxExponent {
			return fmt.Errorf("number %s: its exponent is beyond %d", clip(s, 40), maxExponent)
		}
	}
	return nil
}

// clip is a text of at most n bytes that says where it was cut.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	cut := max(0, n-3)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
