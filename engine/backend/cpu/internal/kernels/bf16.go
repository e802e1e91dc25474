package kernels

import "math"

// RoundBF16 rounds to the nearest bf16, ties to even, and returns its bits: the
// upper half of an f32. A NaN stays one.
func RoundBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// WidenBF16 is the value of a bf16, exactly.
func WidenBF16(b uint16) float32 {
	return math.Float32frombits(uint32(b) << 16)
}
