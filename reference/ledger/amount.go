package ledger

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"tierlab/reference/journal"
)

// meters name the fields of a journal.Amount, in the order of vector.
var meters = [...]string{"usd", "steps", "tokens", "units"}

// vector is an Amount as a list, so that each meter is treated alike.
type vector [len(meters)]int64

func vectorOf(a journal.Amount) vector { return vector{a.PicoUSD, a.Steps, a.Tokens, a.Units} }

func (v vector) amount() journal.Amount {
	return journal.Amount{PicoUSD: v[0], Steps: v[1], Tokens: v[2], Units: v[3]}
}

func (v vector) plus(w vector) vector {
	for i := range v {
		v[i] += w[i]
	}
	return v
}

func (v vector) minus(w vector) vector {
	for i := range v {
		v[i] -= w[i]
	}
	return v
}

// atLeast is the larger of each pair.
func (v vector) atLeast(w vector) vector {
	for i := range v {
		v[i] = max(v[i], w[i])
	}
	return v
}

// sum adds numbers that are not negative, and says whether it fits an int64.
func sum(xs ...int64) (int64, bool) {
	var total uint64
	for _, x := range xs {
		var carry uint64
		if total, carry = bits.Add64(total, uint64(x), 0); carry != 0 {
			return math.MaxInt64, false
		}
	}
	if total > math.MaxInt64 {
		return math.MaxInt64, false
	}
	return int64(total), true
}

// PicoPerUSD is how many picodollars a dollar has.
const PicoPerUSD = 1e12

// Pico rounds a price in US dollars up to whole picodollars. Less than 2^-51 of
// the price is taken for the noise of floating point, so that 0.07 is 70 billion
// and not one more. A price below 0, or no number, is 0; beyond what an int64
// holds it is the most.
func Pico(usd float64) int64 {
	if !(usd > 0) {
		return 0
	}
	x := usd * PicoPerUSD
	if x >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(max(1, math.Ceil(x-x*0x1p-51)))
}

// USD writes picodollars as dollars, exactly.
func USD(pico int64) string {
	sign, u := "", uint64(pico)
	if pico < 0 {
		sign, u = "-", -u
	}
	s := fmt.Sprintf("%012d", u%PicoPerUSD)
	s = strings.TrimRight(s, "0")
	for len(s) < 2 {
		s += "0"
	}
	return fmt.Sprintf("%s$%d.%s", sign, u/PicoPerUSD, s)
}

// written is a meter's value as a person writes it.
func written(meter int, x int64) string {
	if meter == 0 {
		return USD(x)
	}
	return strconv.FormatInt(x, 10)
}
