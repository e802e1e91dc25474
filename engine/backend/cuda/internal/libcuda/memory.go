//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

const portable = 0x01 // CU_MEMHOSTALLOC_PORTABLE: page-locked for every context

// span is page-locked memory.
type span struct{ from, to uintptr }

// Memory is what the device has, in bytes.
func (c *Context) Memory() (free, total int64, err error) {
	err = c.call(&c.driver.memGetInfo, uintptr(unsafe.Pointer(&free)), uintptr(unsafe.Pointer(&total)))
	return free, total, err
}

// Alloc takes device memory, which holds what it held.
func (c *Context) Alloc(bytes int64) (driver.Ptr, error) {
	if bytes <= 0 {
		return 0, fmt.Errorf("cuMemAlloc_v2: %d bytes are asked for: ask for 1 at least", bytes)
	}
	var p driver.Ptr
	err := c.call(&c.driver.memAlloc, uintptr(unsafe.Pointer(&p)), uintptr(bytes))
	if hasCode(err, outOfMemory) {
		free, total, _ := c.Memory()
		return 0, &driver.OutOfMemoryError{Device: c.device.Name, Asked: bytes, Free: free, Total: total}
	}
	if err != nil {
		return 0, err
	}
	c.keep(memory, uint64(p))
	return p, nil
}

// Free gives memory of Alloc back. The driver waits for the device first.
func (c *Context) Free(p driver.Ptr) error { return c.free(memory, uint64(p)) }

// AllocHost takes page-locked memory.
func (c *Context) AllocHost(bytes int) ([]byte, error) {
	if bytes <= 0 {
		return nil, fmt.Errorf("cuMemHostAlloc: %d bytes are asked for: ask for 1 at least", bytes)
	}
	var p unsafe.Pointer
	if err := c.call(&c.driver.memHostAlloc, uintptr(unsafe.Pointer(&p)), uintptr(bytes), portable); err != nil {
		if errors.Is(err, driver.ErrClosed) {
			return nil, err
		}
		return nil, fmt.Errorf("%d bytes of page-locked memory (look at free memory and ulimit -l): %w", bytes, err)
	}
	from := uintptr(p)
	c.keep(hostMemory, uint64(from))
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := append(slices.Clone(*c.locked.Load()), span{from, from + uintptr(bytes)})
	c.locked.Store(&spans)
	return unsafe.Slice((*byte)(p), bytes), nil
}

// FreeHost gives a slice of AllocHost back, whole.
func (c *Context) FreeHost(b []byte) error {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	if err := c.free(hostMemory, uint64(from)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := slices.DeleteFunc(slices.Clone(*c.locked.Load()), func(s span) bool { return s.from == from })
	c.locked.Store(&spans)
	return nil
}

// isLocked tells memory of AllocHost.
func (c *Context) isLocked(b []byte) bool {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for _, s := range *c.locked.Load() {
		if s.from <= from && from+uintptr(len(b)) <= s.to {
			return true
		}
	}
	return false
}

// CopyIn copies to the device. From memory of Go it waits for the stream: the
// driver may have staged the bytes when it returns, or may not.
func (c *Context) CopyIn(dst driver.Ptr, src []byte, s driver.Stream) error {
	if len(src) == 0 {
		return nil
	}
	locked := c.isLocked(src)
	if !locked && c.isCapturing(s) {
		return errCaptured
	}
	err := c.quick(&c.driver.copyIn, uintptr(dst), uintptr(unsafe.Pointer(unsafe.SliceData(src))), uintptr(len(src)), uintptr(s))
	if err == nil && !locked {
		err = c.Synchronize(s)
	}
	runtime.KeepAlive(src)
	return err
}

// CopyOut copies from the device, and waits where the memory is Go's.
func (c *Context) CopyOut(dst []byte, src driver.Ptr, s driver.Stream) error {
	if len(dst) == 0 {
		return nil
	}
	locked := c.isLocked(dst)
	if !locked && c.isCapturing(s) {
		return errCaptured
	}
	err := c.quick(&c.driver.copyOut, uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(src), uintptr(len(dst)), uintptr(s))
	if err == nil && !locked {
		err = c.Synchronize(s)
	}
	runtime.KeepAlive(dst)
	return err
}

var errCaptured = errors.New("a copy that is captured has its host memory from AllocHost: a later launch of the graph would use memory that Go has taken back")

// CopyWithin copies inside the device; the areas do not overlap.
func (c *Context) CopyWithin(dst, src driver.Ptr, bytes int64, s driver.Stream) error {
	if bytes == 0 {
		return nil
	}
	return c.quick(&c.driver.copyWithin, uintptr(dst), uintptr(src), uintptr(bytes), uintptr(s))
}

// Fill sets bytes.
func (c *Context) Fill(dst driver.Ptr, value byte, bytes int64, s driver.Stream) error {
	if bytes == 0 {
		return nil
	}
	return c.quick(&c.driver.memset, uintptr(dst), uintptr(value), uintptr(bytes), uintptr(s))
}
