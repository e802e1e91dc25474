package reports

import (
	"math"
	"slices"
	"strconv"
)

// scale says how a column of one unit is written: every cell times factor,
// with the same number of decimals.
type scale struct {
	suffix   string
	factor   float64
	decimals int
}

// scaleFor picks a unit in which the largest value is easy to read, and as
// many decimals as give the middle one three digits.
func scaleFor(unit Unit, values []float64) scale {
	s := scale{factor: 1}
	var sizes []float64
	for _, v := range values {
		if v = math.Abs(v); v > 0 && !math.IsInf(v, 0) {
			sizes = append(sizes, v)
		}
	}
	slices.Sort(sizes)
	largest, middle := 0.0, 0.0
	if len(sizes) > 0 {
		largest, middle = sizes[len(sizes)-1], sizes[len(sizes)/2]
	}
	most := 3
	switch unit {
	case Milliseconds:
		switch {
		case largest >= 3*3600e3:
			s.suffix, s.factor = "h", 1/3600e3
		case largest >= 20*60e3:
			s.suffix, s.factor = "min", 1/60e3
		case largest >= 1e3:
			s.suffix, s.factor = "s", 1e-3
		default:
			s.suffix = "ms"
		}
	case Share:
		s.suffix, s.factor, most = "%", 100, 1
	case Dollars:
		s.suffix, most = "$", 6
	case PerHour:
		s.suffix = "/h"
	case PerSecond:
		s.suffix = "/s"
	case Joules:
		s.suffix = "J"
	}
	if middle > 0 {
		s.decimals = min(most, max(0, 2-int(math.Floor(math.Log10(middle*s.factor)))))
	}
	return s
}

// unit is what to add to a column's title.
func (s scale) unit() string {
	if s.suffix == "" {
		return ""
	}
	return " (" + s.suffix + ")"
}

// text writes a number, or a dash where there is none.
func (s scale) text(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	t := strconv.FormatFloat(v*s.factor, 'f', s.decimals, 64)
	if f, err := strconv.ParseFloat(t, 64); err == nil && f == 0 {
		t = strconv.FormatFloat(0, 'f', s.decimals, 64) // no negative zero
	}
	return t
}

// signed is text with a plus in front of what is above zero.
func (s scale) signed(v float64) string {
	t := s.text(v)
	if v > 0 && t != s.text(0) {
		return "+" + t
	}
	return t
}

// percent writes a share.
func percent(share float64) string {
	return scale{factor: 100, decimals: 1}.text(share) + " %"
}
