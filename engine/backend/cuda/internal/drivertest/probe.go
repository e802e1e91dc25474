package drivertest

import (
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// The parameters of probe.cu, field by field.
type (
	mixParams struct {
		To     driver.Ptr
		N      int32
		First  uint8
		Second uint16
		Third  float32
		Fourth int64
		Last   [40]uint32
	}
	whereParams   struct{ To driver.Ptr }
	reverseParams struct {
		From, To driver.Ptr
		Words    int32
	}
)

func params[P any](p *P) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}

const mixThreads = 64

// mixOf is a launch of probe_mix that another seed makes another.
func mixOf(f driver.Function, to driver.Ptr, n int, seed uint32) (driver.Launch, mixParams) {
	p := mixParams{To: to, N: int32(n), First: uint8(seed), Second: uint16(seed * 7), Third: float32(seed * 11), Fourth: int64(seed) * 13}
	for i := range p.Last {
		p.Last[i] = seed * uint32(i+17)
	}
	return driver.Launch{Function: f, Grid: [3]uint32{uint32((n + mixThreads - 1) / mixThreads), 1, 1}, Block: [3]uint32{mixThreads, 1, 1}, Params: params(&p)}, p
}

// mixed is what probe_mix leaves of words.
func mixed(words []uint32, p mixParams) []uint32 {
	after := make([]uint32, len(words))
	for i, w := range words {
		after[i] = w*3 + uint32(p.First) + uint32(p.Second) + uint32(p.Third) + uint32(p.Fourth) + p.Last[i%40]
	}
	return after
}

// counting is n words that tell where they are.
func counting(n int, from uint32) []uint32 {
	words := make([]uint32, n)
	for i := range words {
		words[i] = from + uint32(i)*2654435761
	}
	return words
}

func same(t testing.TB, what string, got, want []uint32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d words, want %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: word %d of %d is %#x, want %#x", what, i, len(got), got[i], want[i])
		}
	}
}
