package sample

import (
	"math"
	"math/bits"
)

// weightBits is the binary logarithm of the most likely token's weight.
const weightBits = 44

// maxVocab bounds a row's length so that its weights' sum stays below 2^63.
const maxVocab = 1 << 19

// least is where weights become 0: exp(least) is just below 2^-45.
const least = -31.1917

const (
	ln2 = 0.693147180559945309417232
	// ln2Hi + ln2Lo = ln2 / 16. ln2Hi has 32 significant bits, so that its
	// product with a whole number below 2^21 is exact; the split of ln2 is that
	// of fdlibm's e_exp.c.
	ln2Hi = 6.93147180369123816490e-01 / 16
	ln2Lo = 1.90821492927058770002e-10 / 16
)

// exp2 is 2^(i/16).
var exp2 = [16]float64{
	1,
	1.044273782427413840321966,
	1.090507732665257659207011,
	1.138788634756691653703830,
	1.189207115002721066717500,
	1.241857812073484048593677,
	1.296839554651009665933754,
	1.354255546936892728298015,
	1.414213562373095048801689,
	1.476826145939499311386907,
	1.542210825407940823612292,
	1.610490331949254308179521,
	1.681792830507429086062251,
	1.756252160373299483112161,
	1.834008086409342463487083,
	1.915206561397147293872611,
}

// magic turns a float64 below 2^51 into a whole number by its addition: the
// sum's unit in the last place is 1.
const magic = 3 << 51

// weight is the whole number nearest to 2^44 exp(d), for d <= 0: with
// d = n ln2/16 + r it is 2^(n/16) times the Taylor polynomial of exp(r), whose
// error is below r^7/5040 < 5e-16. The polynomial is summed as a tree
// (Estrin's scheme), which takes half the time of Horner's chain. The
// conversions keep compilers from fusing a product and a sum, which rounds once
// where others round twice.
func weight(d float64) uint64 {
	if d < least {
		return 0
	}
	t := float64(d*(16/ln2)) + magic
	n := int64(math.Float64bits(t)) << 13 >> 13 // the mantissa, with its sign
	f := t - magic
	r := (d - float64(f*ln2Hi)) - float64(f*ln2Lo)
	q := float64(r * r)
	high := float64((float64(r*(1./120))+1./24+float64(q*(1./720)))*q) + (float64(r*(1./6)) + 1./2)
	p := float64(high*q) + (r + 1)
	scale := math.Float64frombits(uint64(n>>4+weightBits+1023) << 52)
	return uint64(int64(float64(float64(p*exp2[n&15])*scale) + 0.5))
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
