package kernels

import "math"

// RMSNorm writes w * x / sqrt(mean(x^2) + eps) to dst, which may be x.
func (k *Kernels) RMSNorm(dst, x, w []float32, eps float32) {
	k.ops.rmsNorm(dst[:len(x)], x, w[:len(x)], eps)
}

// SwiGLU writes silu(gate) * up to dst, which may be either; silu(x) = x / (1 + exp(-x)).
func (k *Kernels) SwiGLU(dst, gate, up []float32) {
	k.ops.swiGLU(dst[:len(gate)], gate, up[:len(gate)])
}

// Add adds x to dst: a residual, or a bias.
func (k *Kernels) Add(dst, x []float32) { k.ops.add(dst[:len(x)], x) }

// Rope rotates the heads in x, each of 2*len(cos) elements, by the angles of one
// position: elements i and i+headDim/2 are a pair, as in Hugging Face's
// rotate_half.
func (k *Kernels) Rope(x, cos, sin []float32) { k.ops.rope(x, cos, sin[:len(cos)]) }

func rope(x, cos, sin []float32) {
	half := len(cos)
	for ; len(x) >= 2*half; x = x[2*half:] {
		lo, hi := x[:half], x[half:2*half]
		for i, c := range cos {
			a, b := lo[i], hi[i]
			lo[i] = float32(a*c) - float32(b*sin[i])
			hi[i] = float32(b*c) + float32(a*sin[i])
		}
	}
}

// rmsNorm sums squares in 16 lanes, element j in lane j mod 16, and the lanes
// by halves.
func rmsNorm(dst, x, w []float32, eps float32) {
	var lane [16]float32
	for j, v := range x {
		lane[j&15] += v * v
	}
	sum := sumLanes(&lane)
	inv := float32(1 / math.Sqrt(float64(sum/float32(len(x))+eps)))
	for j, v := range x {
		dst[j] = v * inv * w[j]
	}
}

// sumLanes adds the upper half to the lower one until one lane is left.
func sumLanes(lane *[16]float32) float32 {
	for h := 8; h > 0; h /= 2 {
		for j := range h {
			lane[j] += lane[j+h]
		}
	}
	return lane[0]
}

func swiGLU(dst, gate, up []float32) {
	for j, g := range gate {
		dst[j] = g / (1 + exp(-g)) * up[j]
	}
}

func add(dst, x []float32) {
	for j, v := range x {
		dst[j] += v
	}
}

func scale(dst, x []float32, f float32) {
	for j, v := range x {
		dst[j] = v * f
	}
}
