package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"tierlab/engine/bf16"
)

// DType is how a file stores numbers, by safetensors' name of it.
type DType string

// The types that are read and written.
const (
	BF16 DType = "BF16"
	F16  DType = "F16"
	F32  DType = "F32"
)

// size is the bytes of one number, and 0 for a type that is not read.
func (d DType) size() int {
	switch d {
	case BF16, F16:
		return 2
	case F32:
		return 4
	}
	return 0
}

// decode reads little-endian numbers; src has len(dst) of them.
func (d DType) decode(dst []float32, src []byte) {
	switch d {
	case BF16:
		decodeBF16(dst, src)
	case F16:
		for i := range dst {
			dst[i] = f16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	}
}

// decodeBF16 takes four numbers a load: a bf16 is the upper half of an f32.
func decodeBF16(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		x := binary.LittleEndian.Uint64(src)
		dst[3] = math.Float32frombits(uint32(x>>32) & 0xffff0000)
		dst[2] = math.Float32frombits(uint32(x >> 32 << 16))
		dst[1] = math.Float32frombits(uint32(x) & 0xffff0000)
		dst[0] = math.Float32frombits(uint32(x) << 16)
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// f16ToF32 is exact. The product moves the exponent's bias from 15 to 127, and
// makes a subnormal f16 the normal f32 that it equals.
func f16ToF32(h uint16) float32 {
	magnitude := uint32(h&0x7fff) << 13
	x := math.Float32bits(math.Float32frombits(magnitude) * 0x1p112)
	if h&0x7c00 == 0x7c00 {
		x = magnitude | 0x7f800000
	}
	return math.Float32frombits(x | uint32(h&0x8000)<<16)
}

// append writes little-endian numbers, rounded to the nearest, ties to even.
func (d DType) append(dst []byte, src []float32) []byte {
	for _, x := range src {
		switch d {
		case BF16:
			dst = binary.LittleEndian.AppendUint16(dst, uint16(bf16.Of(x)))
		case F16:
			dst = binary.LittleEndian.AppendUint16(dst, f32ToF16(x))
		case F32:
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
		}
	}
	return dst
}

// f32ToF16 counts x in steps of f16's spacing at its exponent. A count of
// 2^10 to 2^11 has the implicit bit, which adds one to the exponent's field;
// one that rounds up to 2^11 carries into it; below 2^10 it is a subnormal.
func f32ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign, magnitude := uint16(b>>16&0x8000), math.Float32frombits(b&0x7fffffff)
	switch {
	case x != x:
		return sign | 0x7e00
	case magnitude >= 65520: // half way from the largest f16 to 2^16
		return sign | 0x7c00
	}
	exponent := max(int(b>>23&0xff)-127, -14)
	steps := math.RoundToEven(math.Ldexp(float64(magnitude), 10-exponent))
	return sign | uint16(int(steps)+(exponent+14)<<10)
}

// errDType says which types are read.
func errDType(d DType) error {
	return fmt.Errorf("its dtype is %s: %s, %s and %s are supported", d, BF16, F16, F32)
}
