package reports

import (
	"math"
	"strconv"
)

// Number is a float64 in JSON: null where it is not defined, and rounded to
// nine significant digits, so that processors that round the last bit
// differently write the same file.
type Number float64

// undefined stands where there is no number.
var undefined = Number(math.NaN())

// Defined is false where there is no number.
func (n Number) Defined() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// MarshalJSON writes the number or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Defined() {
		return []byte("null"), nil
	}
	b := strconv.AppendFloat(nil, float64(n), 'g', 9, 64)
	// The shortest form of the rounded number drops its trailing zeros.
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return nil, err
	}
	return strconv.AppendFloat(b[:0], f+0, 'g', -1, 64), nil // + 0: no negative zero
}

// UnmarshalJSON reads a number or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = undefined
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	*n = Number(f)
	return err
}
