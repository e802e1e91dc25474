package kernels

import (
	"fmt"
	"math"
	"unsafe"
)

// hugePage is the size and alignment that the kernel needs to back memory with
// one entry of the page table on amd64 and, with pages of 4 KiB, on arm64.
const hugePage = 2 << 20

// slab is memory outside the Go heap where the system allows: gigabytes of
// weights would otherwise let as many bytes of garbage gather before the
// collector runs. It is zeroed.
type slab struct {
	f32 []float32 // with F32
	b16 []uint16  // with BF16
	raw []byte    // as mapped; nil when it is on the heap
}

// newSlab allocates n elements.
func newSlab(num Numerics, n int) (slab, error) {
	size := 4
	if num == BF16 {
		size = 2
	}
	if n < 0 || n > (math.MaxInt-hugePage)/size {
		return slab{}, fmt.Errorf("memory for %d elements: beyond any machine", n)
	}
	raw, err := mapMemory(n*size + hugePage)
	if err != nil {
		return slab{}, fmt.Errorf("memory of %d bytes: %w", n*size, err)
	}
	s := slab{raw: raw}
	p := unsafe.Pointer(unsafe.SliceData(raw))
	p = unsafe.Add(p, -uintptr(p)&(hugePage-1))
	if num == BF16 {
		s.b16 = unsafe.Slice((*uint16)(p), n)
	} else {
		s.f32 = unsafe.Slice((*float32)(p), n)
	}
	return s, nil
}

func (s *slab) free() error {
	raw := s.raw
	*s = slab{}
	if raw == nil {
		return nil
	}
	return unmapMemory(raw)
}
