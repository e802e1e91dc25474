//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// poison is a NaN in every float format and -1 in every integer; fibres.h has
// the same.
const poison = 0xff

const (
	alignment = 256
	// guardBytes lie around an allocation without access. They take no memory.
	guardBytes = 1 << 20
)

// allocation is device memory: [guard][data, slack][guard]. data ends at the
// guard, up to its alignment.
type allocation struct {
	at     driver.Ptr
	mapped []byte
	data   []byte
	slack  []byte
}

// mapPages maps memory that is zero and can be read and written.
func mapPages(bytes int) ([]byte, error) {
	return syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

func unmap(b []byte) error { return syscall.Munmap(b) }

// noAccess makes pages fault.
func noAccess(pages []byte) error { return syscall.Mprotect(pages, syscall.PROT_NONE) }

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// fill sets all of b to v.
func fill(b []byte, v byte) {
	if len(b) == 0 {
		return
	}
	b[0] = v
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

func newAllocation(bytes int) (*allocation, error) {
	aligned := roundUp(bytes, alignment)
	inner := roundUp(aligned, os.Getpagesize())
	m, err := syscall.Mmap(-1, 0, inner+2*guardBytes, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", inner, err)
	}
	if err := syscall.Mprotect(m[guardBytes:guardBytes+inner], syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", inner, errors.Join(err, unmap(m)))
	}
	body := m[guardBytes+inner-aligned : guardBytes+inner]
	if bytes <= strictMemory {
		fill(body, poison)
	} else {
		fill(body[bytes:], poison)
	}
	return &allocation{
		at: driver.Ptr(uintptr(unsafe.Pointer(&body[0]))), mapped: m,
		data: body[:bytes:bytes], slack: body[bytes:],
	}, nil
}

func (c *hostContext) Memory() (free, total int64, err error) {
	if err := c.enter(); err != nil {
		return 0, 0, err
	}
	defer c.mu.Unlock()
	return c.o.MemoryBytes - c.used, c.o.MemoryBytes, nil
}

func (c *hostContext) Alloc(bytes int64) (driver.Ptr, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	if bytes <= 0 {
		return 0, fail("cuMemAlloc_v2", invalidValue, fmt.Sprintf("%d bytes are asked for", bytes))
	}
	if bytes > c.o.MemoryBytes-c.used {
		return 0, &driver.OutOfMemoryError{Device: c.device.Name, Asked: bytes, Free: c.o.MemoryBytes - c.used, Total: c.o.MemoryBytes}
	}
	a, err := newAllocation(int(bytes))
	if err != nil {
		return 0, err
	}
	i, _ := slices.BinarySearchFunc(c.allocations, a, byAddress)
	c.allocations = slices.Insert(c.allocations, i, a)
	c.used += bytes
	return a.at, nil
}

func byAddress(a, b *allocation) int {
	if a.at < b.at {
		return -1
	}
	if a.at > b.at {
		return 1
	}
	return 0
}

func (c *hostContext) Free(p driver.Ptr) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	a, ok := c.find(p, 1)
	if !ok || a.at != p {
		return fail("cuMemFree_v2", invalidValue, fmt.Sprintf("no allocation begins at 0x%x", uint64(p)))
	}
	c.allocations = slices.DeleteFunc(c.allocations, func(b *allocation) bool { return a == b })
	c.used -= int64(len(a.data))
	return unmap(a.mapped)
}

func (c *hostContext) AllocHost(bytes int) ([]byte, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.mu.Unlock()
	if bytes <= 0 {
		return nil, fail("cuMemHostAlloc", invalidValue, fmt.Sprintf("%d bytes are asked for", bytes))
	}
	m, err := mapPages(bytes)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", bytes, err)
	}
	c.hostMemory[&m[0]] = m
	return m, nil
}

func (c *hostContext) FreeHost(b []byte) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if len(b) > 0 {
		if m, ok := c.hostMemory[&b[0]]; ok {
			delete(c.hostMemory, &b[0])
			return unmap(m)
		}
	}
	return fail("cuMemFreeHost", invalidValue, "the bytes are not of AllocHost")
}

// memory is the bytes bytes from p on.
func (c *hostContext) memory(call string, p driver.Ptr, bytes int64) ([]byte, error) {
	a, ok := c.find(p, bytes)
	if !ok {
		return nil, fail(call, invalidValue, fmt.Sprintf("%d bytes from 0x%x on: %s", bytes, uint64(p), c.nearest(uint64(p))))
	}
	from := int64(p - a.at)
	return a.data[from : from+bytes], nil
}

// nearest says where an address lies among the allocations.
func (c *hostContext) nearest(p uint64) string {
	if p < 1<<16 {
		return "a null pointer, or one beyond all memory"
	}
	var best *allocation
	for _, a := range c.allocations {
		if uint64(a.at) <= p+alignment {
			best = a
		}
	}
	switch {
	case best == nil:
		return "no allocation is near"
	case p < uint64(best.at):
		return fmt.Sprintf("%d bytes before an allocation of %d", uint64(best.at)-p, len(best.data))
	case p < uint64(best.at)+uint64(len(best.data)):
		return fmt.Sprintf("at byte %d of an allocation of %d", p-uint64(best.at), len(best.data))
	}
	return fmt.Sprintf("%d bytes after the end of an allocation of %d", p-uint64(best.at)-uint64(len(best.data)), len(best.data))
}
