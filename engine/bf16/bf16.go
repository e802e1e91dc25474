// Package bf16 converts between f32 and bf16, which is the upper half of an f32.
package bf16

import "math"

// Number is a bf16.
type Number uint16

// Of rounds to the nearest, ties to even, as GPUs, VCVTNEPS2BF16 and torch do. A
// NaN stays one.
func Of(x float32) Number {
	b := math.Float32bits(x)
	if x != x {
		return Number(b>>16) | 0x40
	}
	return Number((b + 0x7fff + b>>16&1) >> 16)
}

// Float is the value, exactly.
func (n Number) Float() float32 { return math.Float32frombits(uint32(n) << 16) }
