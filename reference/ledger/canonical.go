package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
)

// Canonical writes a JSON value in one form for all its spellings: objects' keys
// sorted by their bytes, no space, strings with the escapes of encoding/json, and
// every number as its decimal digits without trailing zeros and their exponent, so
// that 1, 1.0 and 10e-1 are alike while integers beyond 2^53 stay apart. Where a
// key stands twice, the last value counts, as for most readers.
func Canonical(value []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows the JSON value")
	}
	return appendCanonical(nil, v), nil
}

func appendCanonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for i, k := range keys {
			b = appendCanonical(append(b, "{,"[min(i, 1)]), k)
			b = appendCanonical(append(b, ':'), v[k])
		}
		if len(keys) == 0 {
			b = append(b, '{')
		}
		return append(b, '}')
	case []any:
		for i, x := range v {
			b = appendCanonical(append(b, "[,"[min(i, 1)]), x)
		}
		if len(v) == 0 {
			b = append(b, '[')
		}
		return append(b, ']')
	case json.Number:
		return append(b, decimal(string(v))...)
	}
	text, _ := json.Marshal(v) // a string, a bool or nil
	return append(b, text...)
}

// decimal writes a JSON number as [-]DIGITS or [-]DIGITSeEXPONENT, whose digits do
// not end in 0.
func decimal(number string) string {
	digits, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	digits, negative := strings.CutPrefix(digits, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	shift := new(big.Int)
	if exponent != "" {
		shift.SetString(strings.TrimPrefix(exponent, "+"), 10)
	}
	short := strings.TrimRight(digits, "0")
	shift.Add(shift, big.NewInt(int64(len(digits)-len(short)-len(fraction))))
	s := short
	if negative {
		s = "-" + s
	}
	if shift.Sign() != 0 {
		s += "e" + shift.String()
	}
	return s
}
