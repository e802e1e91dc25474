package inspect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number writes x with three significant digits in at most six columns: 0.25,
// 12.3, 4,120 as 4.12k, 1.3M.
func number(x float64) string {
	for _, s := range []struct {
		from   float64
		suffix string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if x >= s.from*0.9995 {
			scale := s.from
			if s.suffix == "k" {
				scale = 1e3
			}
			return significant(x/scale) + s.suffix
		}
	}
	if x == math.Trunc(x) {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return significant(x)
}

// significant writes three digits that count.
func significant(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case x >= 9.995:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.0995:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

// duration writes seconds in the unit that suits them.
func duration(s float64) string {
	switch {
	case s == 0:
		return "0s"
	case s < 0.9995e-3:
		return significant(s*1e6) + "us"
	case s < 0.9995:
		return significant(s*1e3) + "ms"
	case s < 119.5:
		return significant(s) + "s"
	case s < 119.5*60:
		return significant(s/60) + "min"
	case s < 47.5*3600:
		return significant(s/3600) + "h"
	}
	return significant(s/86400) + "d"
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String() + " " + noun + "s"
}

// clip shortens s to n columns.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// bar draws a share of the whole, eighths of a column for the rest.
func bar(share float64) string {
	const columns = 30
	eighths := int(math.Round(share * columns * 8))
	b := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		b += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return b
}
