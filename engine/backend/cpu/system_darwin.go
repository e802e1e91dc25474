package cpu

import (
	"math"
	"syscall"
)

// systemLeft is all memory of the machine: macOS gives no figure of what is left
// to a program that does not call its libraries.
func systemLeft() int64 {
	raw, err := syscall.Sysctl("hw.memsize")
	if err != nil || len(raw) > 8 {
		return math.MaxInt64
	}
	// Eight bytes, the lowest first; Sysctl takes a zero at the end for that of a
	// string.
	var n uint64
	for i := range len(raw) {
		n |= uint64(raw[i]) << (8 * i)
	}
	if n == 0 || n > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(n)
}
