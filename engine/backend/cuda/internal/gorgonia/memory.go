//go:build gorgonia_cu

package gorgonia

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"gorgonia.org/cu"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Memory is what the device has, in bytes.
func (c *cuContext) Memory() (free, total int64, err error) {
	if err := c.open(); err != nil {
		return 0, 0, err
	}
	free, total, err = cu.MemInfo()
	return free, total, named("cuMemGetInfo_v2", err)
}

// Alloc takes device memory.
func (c *cuContext) Alloc(bytes int64) (driver.Ptr, error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	if bytes <= 0 {
		return 0, fmt.Errorf("cuMemAlloc_v2: %d bytes are asked for: ask for 1 at least", bytes)
	}
	p, err := cu.MemAlloc(bytes)
	var e *driver.Error
	if err = named("cuMemAlloc_v2", err); errors.As(err, &e) && e.Code == outOfMemory {
		left, total, _ := c.Memory()
		return 0, &driver.OutOfMemoryError{Device: c.device.Name, Asked: bytes, Free: left, Total: total}
	}
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory[driver.Ptr(p)] = true
	return driver.Ptr(p), nil
}

// Free gives memory back.
func (c *cuContext) Free(p driver.Ptr) error {
	return free(c, c.memory, p, func(bool) error { return named("cuMemFree_v2", cu.MemFree(cu.DevicePtr(p))) })
}

// CopyIn copies to the device and waits: all memory is Go's here.
func (c *cuContext) CopyIn(dst driver.Ptr, src []byte, s driver.Stream) error {
	if len(src) == 0 {
		return nil
	}
	stream, err := find(c, c.streams, s)
	if err != nil {
		return err
	}
	err = cu.MemcpyHtoDAsync(cu.DevicePtr(dst), unsafe.Pointer(unsafe.SliceData(src)), int64(len(src)), stream)
	err = errors.Join(named("cuMemcpyHtoDAsync_v2", err), c.Synchronize(s))
	runtime.KeepAlive(src)
	return err
}

// CopyOut copies from the device and waits.
func (c *cuContext) CopyOut(dst []byte, src driver.Ptr, s driver.Stream) error {
	if len(dst) == 0 {
		return nil
	}
	stream, err := find(c, c.streams, s)
	if err != nil {
		return err
	}
	err = cu.MemcpyDtoHAsync(unsafe.Pointer(unsafe.SliceData(dst)), cu.DevicePtr(src), int64(len(dst)), stream)
	err = errors.Join(named("cuMemcpyDtoHAsync_v2", err), c.Synchronize(s))
	runtime.KeepAlive(dst)
	return err
}

// CopyWithin copies inside the device.
func (c *cuContext) CopyWithin(dst, src driver.Ptr, bytes int64, s driver.Stream) error {
	if bytes == 0 {
		return nil
	}
	stream, err := find(c, c.streams, s)
	if err != nil {
		return err
	}
	return named("cuMemcpyDtoDAsync_v2", cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), bytes, stream))
}

// Fill sets bytes.
func (c *cuContext) Fill(dst driver.Ptr, value byte, bytes int64, s driver.Stream) error {
	if bytes == 0 {
		return nil
	}
	stream, err := find(c, c.streams, s)
	if err != nil {
		return err
	}
	return named("cuMemsetD8Async", cu.MemsetD8Async(cu.DevicePtr(dst), value, bytes, stream))
}

// NewStream makes a stream.
func (c *cuContext) NewStream() (driver.Stream, error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	s, err := cu.MakeStream(cu.NonBlocking)
	if err != nil {
		return 0, named("cuStreamCreate", err)
	}
	return keep(c, c.streams, s), nil
}

// DropStream frees a stream.
func (c *cuContext) DropStream(s driver.Stream) error {
	return free(c, c.streams, s, func(s cu.Stream) error { return named("cuStreamDestroy_v2", s.Destroy()) })
}

// Synchronize waits for a stream.
func (c *cuContext) Synchronize(s driver.Stream) error {
	stream, err := find(c, c.streams, s)
	if err != nil {
		return err
	}
	return named("cuStreamSynchronize", stream.Synchronize())
}

// NewEvent makes an event whose waits block.
func (c *cuContext) NewEvent(timed bool) (driver.Event, error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	flags := cu.BlockingSyncEvent
	if !timed {
		flags |= cu.DisableTiming
	}
	e, err := cu.MakeEvent(flags)
	if err != nil {
		return 0, named("cuEventCreate", err)
	}
	return keep(c, c.events, e), nil
}

// DropEvent frees an event.
func (c *cuContext) DropEvent(e driver.Event) error {
	return free(c, c.events, e, func(e cu.Event) error { return named("cuEventDestroy_v2", cu.DestroyEvent(&e)) })
}

// Record makes the event wait for what the stream holds now.
func (c *cuContext) Record(e driver.Event, s driver.Stream) error {
	event, err1 := find(c, c.events, e)
	stream, err2 := find(c, c.streams, s)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return named("cuEventRecord", event.Record(stream))
}

// WaitEvent blocks until the event has passed.
func (c *cuContext) WaitEvent(e driver.Event) error {
	event, err := find(c, c.events, e)
	if err != nil {
		return err
	}
	return named("cuEventSynchronize", event.Synchronize())
}

// StreamWait makes a stream wait for an event.
func (c *cuContext) StreamWait(s driver.Stream, e driver.Event) error {
	event, err1 := find(c, c.events, e)
	stream, err2 := find(c, c.streams, s)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return named("cuStreamWaitEvent", stream.Wait(event, 0))
}

// Elapsed is the time between two timed events that have passed.
func (c *cuContext) Elapsed(from, to driver.Event) (time.Duration, error) {
	f, err1 := find(c, c.events, from)
	t, err2 := find(c, c.events, to)
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	ms, err := f.Elapsed(t)
	return time.Duration(ms * float64(time.Millisecond)), named("cuEventElapsedTime", err)
}
