package reference

import "math"

// Error is ||got - want|| / ||want||: infinite where anything of got is no finite
// number, or where want is all zero and got is not.
func Error(got, want []float64) float64 {
	var off, all float64
	for i, w := range want {
		g := got[i]
		if math.IsNaN(g) || math.IsInf(g, 0) {
			return math.Inf(1)
		}
		off += (g - w) * (g - w)
		all += w * w
	}
	switch {
	case off == 0:
		return 0
	case all == 0:
		return math.Inf(1)
	}
	return math.Sqrt(off / all)
}
