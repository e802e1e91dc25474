package reference

import (
	"math"

	"tierlab/engine/bf16"
)

// Norm adds y, unless it is nil, to the residual stream h of one position, and
// gives the new h, rounded as the kernel keeps it, and x = h / rms(h) * weight.
func Norm(h []float32, y []bf16.Number, weight []float32, eps float32) (sum []float32, x []float64) {
	sum, x = make([]float32, len(h)), make([]float64, len(h))
	var squares float64
	for i, v := range h {
		if y != nil {
			v += y[i].Float()
		}
		sum[i] = v
		squares += float64(v) * float64(v)
	}
	scale := 1 / math.Sqrt(squares/float64(len(h))+float64(eps))
	for i, v := range sum {
		x[i] = float64(v) * scale * float64(weight[i])
	}
	return sum, x
}

// SiLU is silu(gate) * up, with silu(x) = x / (1 + exp(-x)).
func SiLU(gate, up bf16.Number) float64 {
	g := float64(gate.Float())
	return g / (1 + math.Exp(-g)) * float64(up.Float())
}

// Head finishes one head of queries or keys: it adds the bias, normalizes and
// turns pair (i, i + D/2) by angle i. Without bias or norm those are nil. Values
// have no angles. magnitude is |a cos| + |b sin| of the pair behind each result.
func Head(head []bf16.Number, bias, norm []float32, eps float32, angles []float64) (out, magnitude []float64) {
	out, magnitude = make([]float64, len(head)), make([]float64, len(head))
	var squares float64
	for i, v := range head {
		out[i] = float64(v.Float())
		if bias != nil {
			out[i] += float64(bias[i])
		}
		squares += out[i] * out[i]
	}
	if norm != nil {
		scale := 1 / math.Sqrt(squares/float64(len(head))+float64(eps))
		for i := range out {
			out[i] *= scale * float64(norm[i])
		}
	}
	for i := range out {
		magnitude[i] = math.Abs(out[i])
	}
	half := len(head) / 2
	for i, angle := range angles {
		sin, cos := math.Sincos(angle)
		a, b := out[i], out[i+half]
		out[i], out[i+half] = a*cos-b*sin, b*cos+a*sin
		magnitude[i] = math.Abs(a*cos) + math.Abs(b*sin)
		magnitude[i+half] = math.Abs(b*cos) + math.Abs(a*sin)
	}
	return out, magnitude
}

// Dot is the sum of the products of a row of activations and a row of weights.
func Dot(x, w []bf16.Number) float64 {
	var sum float64
	for i := range x {
		sum += float64(x[i].Float()) * float64(w[i].Float())
	}
	return sum
}

// Angles are cosine and sine of RoPE's angles, [positions][len(frequencies)][2].
func Angles(frequencies []float64, positions int) []float32 {
	v := make([]float32, 0, 2*positions*len(frequencies))
	for at := range positions {
		for _, f := range frequencies {
			sin, cos := math.Sincos(f * float64(at))
			v = append(v, float32(cos), float32(sin))
		}
	}
	return v
}
