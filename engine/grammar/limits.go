package grammar

import (
	"math/big"
	"slices"
	"strings"
)

// limits are what a schema says of a number's size; nil: nothing.
type limits struct {
	low, high         *big.Rat
	lowOpen, highOpen bool // the limit itself is left out
}

// whole is the range of integers within, cut to wholeDigits digits.
func (l limits) whole() (low, high int64) {
	low, high = -largest, largest
	if l.low != nil {
		low = clamp(ceil(l.low))
		if l.lowOpen && l.low.IsInt() {
			low++
		}
	}
	if l.high != nil {
		high = -clamp(ceil(new(big.Rat).Neg(l.high)))
		if l.highOpen && l.high.IsInt() {
			high--
		}
	}
	return max(low, -largest), min(high, largest)
}

func ceil(r *big.Rat) *big.Int {
	q, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// clamp keeps a number within one more than wholeDigits can write.
func clamp(i *big.Int) int64 {
	const most = largest + 1
	switch {
	case i.Cmp(big.NewInt(most)) > 0:
		return most
	case i.Cmp(big.NewInt(-most)) < 0:
		return -most
	}
	return i.Int64()
}

// integers is the integers within the limits; nil if there are none.
func (l limits) integers() choice {
	low, high := l.whole()
	var c choice
	if low <= 0 && 0 <= high {
		c = append(c, literal("0"))
	}
	if high > 0 {
		c = append(c, naturals(max(1, low), high)...)
	}
	if low < 0 {
		c = append(c, after1("-", naturals(max(1, -high), -low))...)
	}
	return c
}

// numbers is the integers within the limits, and those numbers with a fraction
// whose whole part and the next integer away from zero are within: m.ddd with
// the limits around [m, m+1), or its negative.
func (l limits) numbers() choice {
	c := l.integers()
	low, high := l.whole()
	if first := max(0, low); first <= high-1 {
		c = append(c, sequence{upTo(first, high-1), fraction()})
	}
	if first := max(0, -high); first <= -low-1 {
		c = append(c, sequence{literal("-"), upTo(first, -low-1), fraction()})
	}
	return c
}

func (t *translator) number(v *value, name string) (expression, error) {
	var l limits
	for _, m := range v.members {
		if !slices.Contains(ofType["number"], m.name) {
			continue
		}
		if m.kind != number {
			return nil, t.errorf(m.value, "must be a number")
		}
		r, err := m.rational()
		if err != nil {
			return nil, err
		}
		l.add(m.name, r)
	}
	var c choice
	switch {
	case name == "integer" && l == limits{}:
		return wholeNumber(), nil
	case name == "number" && l == limits{}:
		return anyNumber(), nil
	case name == "integer":
		c = l.integers()
	default:
		c = l.numbers()
	}
	if c == nil {
		return nil, t.errorf(v, "no %s within its limits can be written: supported are integers of up to %d digits and, for numbers, fractions between two of them", name, wholeDigits)
	}
	return c, nil
}

// add narrows the limits by a keyword.
func (l *limits) add(keyword string, r *big.Rat) {
	open := strings.HasPrefix(keyword, "exclusive")
	if strings.HasSuffix(strings.ToLower(keyword), "minimum") {
		if c := cmpOr(l.low, r, -1); c < 0 || c == 0 && open {
			l.low, l.lowOpen = r, open
		}
	} else if c := cmpOr(l.high, r, 1); c > 0 || c == 0 && open {
		l.high, l.highOpen = r, open
	}
}

// cmpOr compares, and is otherwise if there is nothing to compare.
func cmpOr(a, b *big.Rat, otherwise int) int {
	if a == nil {
		return otherwise
	}
	return a.Cmp(b)
}
