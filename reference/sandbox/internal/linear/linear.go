// Package linear is the linear memory of WebAssembly instances that live one
// after the other in one process.
package linear

import "github.com/tetratelabs/wazero/experimental"

// Memory is the memory of one instance after the other: pages that a program
// has touched stay with the process, and are cleared before the next one.
type Memory struct {
	buf   []byte
	used  int    // bytes that may not be zero
	limit uint64 // of the current instance
}

// New makes room for instances of up to size bytes. The system gives the pages
// when they are touched.
func New(size int64) *Memory { return &Memory{buf: make([]byte, size), limit: uint64(size)} }

// Limit bounds the next instances' memory below the room that there is.
func (m *Memory) Limit(size int64) { m.limit = min(uint64(size), uint64(len(m.buf))) }

// Allocate implements experimental.MemoryAllocator. Only the latest memory
// handed out may be in use.
func (m *Memory) Allocate(_, _ uint64) experimental.LinearMemory {
	clear(m.buf[:m.used])
	m.used = 0
	return m
}

// Reallocate implements experimental.LinearMemory: nil is no more room.
func (m *Memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		return nil
	}
	m.used = max(m.used, int(size))
	return m.buf[:size]
}

// Free implements experimental.LinearMemory.
func (m *Memory) Free() {}
