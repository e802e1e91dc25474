package reference

import (
	"math"

	"tierlab/engine/bf16"
)

// Attend is the attention of one query head over the keys and values of n
// positions: softmax(q k / sqrt(D)) v. key and value give a position's head.
func Attend(q []bf16.Number, n int, key, value func(position int) []bf16.Number) []float64 {
	scores, most := make([]float64, n), math.Inf(-1)
	for i := range scores {
		scores[i] = Dot(q, key(i)) / math.Sqrt(float64(len(q)))
		most = max(most, scores[i])
	}
	out, total := make([]float64, len(q)), 0.
	for i, s := range scores {
		weight := math.Exp(s - most)
		total += weight
		for j, v := range value(i) {
			out[j] += weight * float64(v.Float())
		}
	}
	for j := range out {
		out[j] /= total
	}
	return out
}
