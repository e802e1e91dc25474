package kernels

import "unsafe"

// cacheLine is the alignment in bytes at which a line of a panel is read in one
// access.
const cacheLine = 64

func alignedF32(n int) []float32 {
	s := make([]float32, n+cacheLine/4)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s))) & (cacheLine - 1) / 4)
	return s[skip : skip+n : skip+n]
}

func alignedU16(n int) []uint16 {
	s := make([]uint16, n+cacheLine/2)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s))) & (cacheLine - 1) / 2)
	return s[skip : skip+n : skip+n]
}
