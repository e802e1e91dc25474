package workloads

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Millis is a time.Duration that JSON holds as a number of milliseconds, to
// the nanosecond.
type Millis time.Duration

// maxMillis is the longest time in milliseconds that a Duration can hold (292
// years), less a margin for rounding.
const maxMillis = float64(math.MaxInt64/int64(time.Millisecond)) - 1

// D is the standard library's form.
func (m Millis) D() time.Duration { return time.Duration(m) }

// Seconds is m in seconds.
func (m Millis) Seconds() float64 { return time.Duration(m).Seconds() }

// MarshalJSON writes m without an exponent and without trailing zeros.
func (m Millis) MarshalJSON() ([]byte, error) { return m.append(make([]byte, 0, 24)), nil }

func (m Millis) append(b []byte) []byte {
	n := int64(m)
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/1e6, 10)
	frac := n % 1e6
	if frac == 0 {
		return b
	}
	b = append(b, '.')
	for unit := int64(1e5); frac > 0; unit /= 10 {
		b = append(b, byte('0'+frac/unit))
		frac %= unit
	}
	return b
}

// UnmarshalJSON reads a finite number of milliseconds, rounded to the
// nanosecond. Whether it may be negative is the field's matter.
func (m *Millis) UnmarshalJSON(b []byte) error {
	ms, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("%s is not a number of milliseconds", b)
	}
	if math.Abs(ms) > maxMillis {
		return fmt.Errorf("%s ms is longer than 292 years", b)
	}
	whole := math.Trunc(ms)
	*m = Millis(int64(whole)*int64(time.Millisecond) + int64(math.Round((ms-whole)*1e6)))
	return nil
}
