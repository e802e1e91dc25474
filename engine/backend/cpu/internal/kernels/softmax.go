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

// softmaxRow is a row of attention while it passes over tiles of positions.
type softmaxRow struct {
	at, step int     // in a panel, of the row's first line, and from a line to the next, in elements
	visible  int     // scores of the tile that count, from the first
	m, l     float32 // maximum and sum of exponentials so far
	shrink   float32 // by what the sums weighed before this tile are to be multiplied
	_        float32
}

// softmax takes in one tile of a row's scores s. It replaces s by exp(scale*s -
// new maximum), and by exactly 0 what is not visible. The sum is taken in 16
// lanes, score j in lane j mod 16, and the lanes by halves, so that zeros at the
// end change nothing.
func (r *softmaxRow) softmax(s []float32, scale float32) {
	top := r.m
	for j := range s[:r.visible] {
		s[j] *= scale
		top = max(top, s[j])
	}
	var lane [16]float32
	for j, v := range s[:r.visible] {
		s[j] = exp(v - top)
		lane[j&15] += s[j]
	}
	clear(s[r.visible:])
	r.shrink = exp(r.m - top)
	r.m, r.l = top, float32(r.l*r.shrink)+sumLanes(&lane)
}

// softmaxF32 takes the scores of rows, of which each has width, a multiple of
// 32, and which are lds apart in s, and puts probabilities into the rows of p.
func softmaxF32(p, s []float32, lds, width int, rows []softmaxRow, scale float32) {
	for i := range rows {
		r := &rows[i]
		r.softmax(s[i*lds:][:width], scale)
		putF32(p[r.at:], r.step, s[i*lds:][:width])
	}
}

// softmaxB16 is softmaxF32 with probabilities rounded to bf16.
func softmaxB16(p []uint16, s []float32, lds, width int, rows []softmaxRow, scale float32) {
	for i := range rows {
		r := &rows[i]
		r.softmax(s[i*lds:][:width], scale)
		putB16(p[r.at:], r.step, s[i*lds:][:width])
	}
}
