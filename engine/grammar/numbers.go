package grammar

import (
	"strconv"
	"strings"
)

// Bounds on a number's digits. With 15 of them every whole number is below 2^53,
// so that readers which keep numbers as float64 lose nothing.
const (
	wholeDigits    = 15
	fractionDigits = 15
	exponentDigits = 2
)

const largest = 1e15 - 1 // of wholeDigits

// wholeNumber is any integer, without leading zeros and -0.
func wholeNumber() expression {
	return choice{literal("0"), sequence{optional(literal("-")), natural(1, wholeDigits)}}
}

// natural is a number of least to most digits that does not start with 0.
func natural(least, most int) expression {
	return sequence{digits{'1', '9', 1, 1}, digits{'0', '9', least - 1, most - 1}}
}

// anyNumber is a JSON number.
func anyNumber() expression {
	exponent := sequence{
		choice{literal("e"), literal("E")},
		choice{literal(""), literal("+"), literal("-")},
		digits{'0', '9', 1, exponentDigits},
	}
	return sequence{
		optional(literal("-")), choice{literal("0"), natural(1, wholeDigits)},
		optional(fraction()), optional(exponent),
	}
}

func fraction() expression {
	return sequence{literal("."), digits{'0', '9', 1, fractionDigits}}
}

// upTo is the integers from low to high, 0 <= low <= high.
func upTo(low, high int64) (c choice) {
	if low == 0 {
		c = append(c, literal("0"))
	}
	if high > 0 {
		c = append(c, naturals(max(1, low), high)...)
	}
	return c
}

// naturals is the integers from low to high; 1 <= low.
func naturals(low, high int64) (c choice) {
	if low > high {
		return nil
	}
	a, b := strconv.FormatInt(low, 10), strconv.FormatInt(high, 10)
	if len(a) == len(b) {
		return choice{between(a, b)}
	}
	// Whole decades have one expression in common; low and high have theirs
	// where they do not start or end one.
	first, last := len(a), len(b)
	if a != "1"+strings.Repeat("0", len(a)-1) {
		c = append(c, between(a, strings.Repeat("9", len(a))))
		first++
	}
	if b != strings.Repeat("9", len(b)) {
		c = append(c, between("1"+strings.Repeat("0", len(b)-1), b))
		last--
	}
	if first <= last {
		c = append(c, natural(first, last))
	}
	return c
}

// between is the numbers from a to b, written with the same number of digits.
func between(a, b string) expression {
	n := len(a) - 1
	switch {
	case a == b:
		return literal(a)
	case a[0] == b[0]:
		return sequence{literal(a[:1]), between(a[1:], b[1:])}
	case n == 0:
		return digits{a[0], b[0], 1, 1}
	}
	lo, hi := a[0], b[0]
	var c choice
	if a[1:] != strings.Repeat("0", n) {
		c = append(c, sequence{literal(a[:1]), between(a[1:], strings.Repeat("9", n))})
		lo++
	}
	if b[1:] != strings.Repeat("9", n) {
		c = append(c, sequence{literal(b[:1]), between(strings.Repeat("0", n), b[1:])})
		hi--
	}
	if lo <= hi {
		c = append(c, sequence{digits{lo, hi, 1, 1}, digits{'0', '9', n, n}})
	}
	return c
}

// after1 puts a literal before each alternative.
func after1(head string, c choice) choice {
	for i := range c {
		c[i] = sequence{literal(head), c[i]}
	}
	return c
}
