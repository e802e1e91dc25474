package kernels

import "math"

// Constants of exp: ln 2 in two parts, the first exact in 9 bits so that its
// multiples are exact, and the Taylor series, which on [-ln2/2, ln2/2] is within
// 2e-7 of exp relatively.
const (
	log2e = 1.44269504088896341
	ln2Hi = 0.693359375
	ln2Lo = -2.12194440e-4

	expLow  = -200 // exp of less is 0 in f32
	expHigh = 88.7 // exp of more is beyond f32
)

// exp is e^x: 0 below the range of f32 and exactly 1 at 0.
func exp(x float32) float32 {
	x = min(max(x, expLow), expHigh)
	n := math.RoundToEven(float64(x * log2e))
	f := float32(n)
	r := x - f*ln2Hi
	r -= f * ln2Lo
	p := float32(1.0 / 720)
	p = p*r + 1.0/120
	p = p*r + 1.0/24
	p = p*r + 1.0/6
	p = p*r + 0.5
	p = p*r + 1
	p = p*r + 1
	return float32(float64(p) * math.Float64frombits(uint64(1023+int64(n))<<52))
}

// softmax takes in one tile of a row's scores s, whose length is a multiple of
// 16 and of which the first visible ones count. m and l are the maximum and the
// sum of exponentials so far. It replaces s by exp(scale*s - new maximum), by
// exactly 0 what is not visible, and returns the new m and l and the factor by
// which what was weighed before shrinks. The sum is taken in 16 lanes, score j
// in lane j mod 16, and the lanes by halves, so that zeros at the end change
// nothing.
func softmax(s []float32, visible int, scale float32, m, l float32) (float32, float32, float32) {
	if visible <= 0 {
		clear(s)
		return m, l, 1
	}
	top := m
	for j := range s[:visible] {
		s[j] *= scale
		top = max(top, s[j])
	}
	var lane [16]float32
	for j, v := range s[:visible] {
		s[j] = exp(v - top)
		lane[j&15] += s[j]
	}
	clear(s[visible:])
	shrink := exp(m - top)
	return top, float32(l*shrink) + sumLanes(&lane), shrink
}

func softmaxF32(dst []float32, step int, s []float32, visible int, scale, m, l float32) (float32, float32, float32) {
	m, l, shrink := softmax(s, visible, scale, m, l)
	putF32(dst, step, s)
	return m, l, shrink
}

func softmaxB16(dst []uint16, step int, s []float32, visible int, scale, m, l float32) (float32, float32, float32) {
	m, l, shrink := softmax(s, visible, scale, m, l)
	putB16(dst, step, s)
	return m, l, shrink
}
