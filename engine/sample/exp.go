package sample

import (
	"math"
	"math/bits"
)

// weightBits is the binary logarithm of the most likely token's weight.
const weightBits = 44

// MaxVocab is the most logits of a row, so that the sum of its weights stays
// below 2^63.
const MaxVocab = 1 << 19

// least is where weights become 0: exp(least) is just below 2^-45.
const least = -31.1917

const ln2 = 0.693147180559945309417232

// steps is into how many parts a factor of 2 is cut by the table of powers.
const (
	stepBits = 8
	steps    = 1 << stepBits
)

// powers is 2^(i/steps). Square roots and products are rounded the same on every
// machine; 8 of each leave a relative error below 1e-15.
var powers = powersOf2()

func powersOf2() (t [steps]float64) {
	var roots [stepBits]float64 // 2^(1/2), 2^(1/4), ...
	for i, r := 0, 2.; i < stepBits; i++ {
		r = math.Sqrt(r)
		roots[i] = r
	}
	for i := range t {
		t[i] = 1
		for k, r := range roots {
			if i>>(stepBits-1-k)&1 == 1 {
				t[i] = float64(t[i] * r)
			}
		}
	}
	return t
}

// magic turns a float64 below 2^51 into a whole number by its addition: the
// sum's unit in the last place is 1.
const magic = 3 << 51

// The coefficients of weight's polynomial, exact until they are used.
const (
	c1 = ln2 / steps
	c2 = c1 * c1 / 2
	c3 = c2 * c1 / 3
	c4 = c3 * c1 / 4
)

// Arithmetic are the constants of a weight, for devices that compute the same.
type Arithmetic struct {
	WeightBits, StepBits int
	Least                float64    // exponents below it have weight 0
	Scale                float64    // steps of the table per unit of the exponent
	Series               [4]float64 // of the polynomial, from the first power on
}

// Weights gives the constants.
func Weights() Arithmetic {
	return Arithmetic{WeightBits: weightBits, StepBits: stepBits, Least: least, Scale: steps / ln2, Series: [4]float64{c1, c2, c3, c4}}
}

// weight is the whole number nearest to 2^44 exp(d), for d <= 0. With
// d steps/ln2 = n + r, |r| <= 1/2, it is 2^(n/steps) times the Taylor polynomial
// of exp(x) for x = r ln2/steps, whose error is below x^5/120 < 4e-17. The
// polynomial is summed as a tree (Estrin's scheme), which takes half the time of
// Horner's chain. The conversions keep compilers from fusing a product and a
// sum, which rounds once where others round twice.
func weight(d float64) uint64 {
	if d < least {
		return 0
	}
	y := float64(d * (steps / ln2))
	t := y + magic
	n := int64(math.Float64bits(t)) << 13 >> 13 // the mantissa, with its sign
	r := y - (t - magic)
	q := float64(r * r)
	p := float64((float64(q*c4)+float64(r*c3)+c2)*q) + float64(r*c1) + 1
	power := math.Float64bits(powers[n&(steps-1)]) + uint64(n>>stepBits+weightBits)<<52
	return uint64(int64(float64(p*math.Float64frombits(power)) + 0.5))
}

// logWeight is the natural logarithm of w / 2^44, for w > 0. With w = m 2^e and
// m in [2/3, 4/3), ln m = 2 artanh(z) for z = (m-1)/(m+1), |z| <= 1/5, whose
// series is cut where z^25/25 < 2e-19.
func logWeight(w uint64) float64 {
	e := bits.Len64(w)
	m := math.Ldexp(float64(w), -e) // in [1/2, 1)
	if m < 2./3 {
		m, e = 2*m, e-1
	}
	z := (m - 1) / (m + 1)
	q := float64(z * z)
	s := 1. / 23
	for k := 21; k >= 1; k -= 2 {
		s = float64(s*q) + 1/float64(k)
	}
	return float64(2*float64(z*s)) + float64(float64(e-weightBits)*ln2)
}

// widen is float64(f) for finite f, five times as fast in a loop on amd64: the
// conversion's instruction keeps the upper half of its register, so it waits for
// what the iteration before has left there. The bits of f, moved to their places
// in a float64, are f times 2^-896, the difference of the exponents' biases.
func widen(f float32) float64 {
	b := math.Float32bits(f)
	wide := uint64(b&math.MaxInt32)<<29 | uint64(b>>31)<<63
	return float64(math.Float64frombits(wide) * 0x1p896)
}
