package quickjs

import "github.com/tetratelabs/wazero/experimental"

// linear is the memory of one instance after the other: pages that a program
// has touched stay with the process, and are cleared before the next one.
type linear struct {
	buf  []byte
	used int // bytes that may not be zero
}

func newLinear(size int64) *linear { return &linear{buf: make([]byte, size)} }

// Allocate implements experimental.MemoryAllocator. Only the latest memory
// handed out may be in use.
func (l *linear) Allocate(_, _ uint64) experimental.LinearMemory {
	clear(l.buf[:l.used])
	l.used = 0
	return l
}

// Reallocate implements experimental.LinearMemory.
func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(len(l.buf)) {
		return nil
	}
	l.used = max(l.used, int(size))
	return l.buf[:size]
}

// Free implements experimental.LinearMemory.
func (l *linear) Free() {}
