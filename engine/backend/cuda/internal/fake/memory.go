package fake

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

const (
	poison    = 0xA5    // what new memory holds
	alignment = 512     // of addresses
	gap       = 1 << 20 // between allocations, so that running over an end is found
	page      = 4096
)

// allocation is device memory. Its bytes are made when something touches them:
// a test may hand out more memory than the machine has.
type allocation struct {
	from  driver.Ptr
	bytes int64
	data  []byte
}

type lockedMemory struct{ from, to uintptr }

// Memory is what the options say, less what is taken.
func (c *Context) Memory() (free, total int64, err error) {
	if err := c.enter(Call{Name: "Memory"}); err != nil {
		return 0, 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.device.MemoryBytes - c.taken, c.device.MemoryBytes, nil
}

// Alloc takes device memory.
func (c *Context) Alloc(n int64) (driver.Ptr, error) {
	if n <= 0 {
		return 0, invalid("Alloc", fmt.Sprintf("%d bytes are asked for", n))
	}
	if err := c.enterWaiting(Call{Name: "Alloc", Bytes: n}); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if free := c.device.MemoryBytes - c.taken; n > free {
		return 0, &driver.OutOfMemoryError{Device: c.device.Name, Asked: n, Free: free, Total: c.device.MemoryBytes}
	}
	a := &allocation{from: c.address, bytes: n}
	c.memory = append(c.memory, a)
	c.taken += n
	c.address += driver.Ptr((n+alignment-1)/alignment*alignment + gap)
	return a.from, nil
}

// Free gives memory of Alloc back.
func (c *Context) Free(p driver.Ptr) error {
	if err := c.note(Call{Name: "Free", To: p}); err != nil {
		return err
	}
	c.drainAll()
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.memory, func(a *allocation) bool { return a.from == p })
	if i < 0 {
		return invalid("Free", fmt.Sprintf("no allocation begins at %#x", p))
	}
	c.taken -= c.memory[i].bytes
	c.memory = slices.Delete(c.memory, i, i+1)
	return nil
}

// Bytes is device memory as a kernel sees it. It panics if they do not lie in
// one allocation.
func (c *Context) Bytes(p driver.Ptr, n int64) []byte {
	b, err := c.bytes("a kernel", p, n)
	if err != nil {
		panic(err)
	}
	return b
}

func (c *Context) bytes(call string, p driver.Ptr, n int64) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, driver.ErrClosed
	}
	for _, a := range c.memory {
		if at := int64(p - a.from); p >= a.from && at <= a.bytes && n >= 0 && n <= a.bytes-at {
			if a.data == nil {
				a.data = bytes.Repeat([]byte{poison}, int(a.bytes))
			}
			return a.data[at : at+n : at+n], nil
		}
	}
	return nil, invalid(call, fmt.Sprintf("no allocation holds %d bytes at %#x", n, p))
}

// AllocHost takes memory that counts as page-locked.
func (c *Context) AllocHost(n int) ([]byte, error) {
	if n <= 0 {
		return nil, invalid("AllocHost", fmt.Sprintf("%d bytes are asked for", n))
	}
	if err := c.enterWaiting(Call{Name: "AllocHost", Bytes: int64(n)}); err != nil {
		return nil, err
	}
	b := make([]byte, n+page)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) % page)
	b = b[skip : skip+n : skip+n]
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.locked = append(c.locked, lockedMemory{from, from + uintptr(n)})
	return b, nil
}

// FreeHost gives a slice of AllocHost back.
func (c *Context) FreeHost(b []byte) error {
	if err := c.note(Call{Name: "FreeHost", Bytes: int64(len(b))}); err != nil {
		return err
	}
	c.drainAll()
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.locked, func(l lockedMemory) bool { return l.from == from })
	if i < 0 {
		return invalid("FreeHost", "this memory is freed already, or is not of AllocHost")
	}
	c.locked = slices.Delete(c.locked, i, i+1)
	return nil
}

// hostCopy queues a copy from or to memory of the host. Memory of Go is not
// captured, and is waited for.
func (c *Context) hostCopy(call Call, device driver.Ptr, host []byte, run func(device []byte)) error {
	if len(host) == 0 {
		return nil
	}
	locked, capturing := c.host(host, call.Stream)
	if capturing && !locked {
		return errors.New("a copy that is captured has its host memory from AllocHost")
	}
	call.Bytes = int64(len(host))
	memory, err := c.bytes(call.Name, device, call.Bytes)
	if err != nil {
		return err
	}
	if err := c.queue(call, func() { run(memory) }); err != nil {
		return err
	}
	if !locked {
		c.drainStream(call.Stream)
	}
	return nil
}

// host says whether memory is of AllocHost, and whether the stream captures.
func (c *Context) host(b []byte, s driver.Stream) (locked, capturing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[s]
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return slices.ContainsFunc(c.locked, func(l lockedMemory) bool { return l.from <= from && from+uintptr(len(b)) <= l.to }), st != nil && st.capturing
}

// CopyIn copies to the device.
func (c *Context) CopyIn(dst driver.Ptr, src []byte, s driver.Stream) error {
	return c.hostCopy(Call{Name: "CopyIn", To: dst, Stream: s}, dst, src, func(to []byte) { copy(to, src) })
}

// CopyOut copies from the device.
func (c *Context) CopyOut(dst []byte, src driver.Ptr, s driver.Stream) error {
	return c.hostCopy(Call{Name: "CopyOut", From: src, Stream: s}, src, dst, func(from []byte) { copy(dst, from) })
}

// CopyWithin copies inside the device.
func (c *Context) CopyWithin(dst, src driver.Ptr, n int64, s driver.Stream) error {
	if n == 0 {
		return nil
	}
	to, err1 := c.bytes("CopyWithin", dst, n)
	from, err2 := c.bytes("CopyWithin", src, n)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return c.queue(Call{Name: "CopyWithin", To: dst, From: src, Bytes: n, Stream: s}, func() { copy(to, from) })
}

// Fill sets bytes.
func (c *Context) Fill(dst driver.Ptr, value byte, n int64, s driver.Stream) error {
	if n == 0 {
		return nil
	}
	to, err := c.bytes("Fill", dst, n)
	if err != nil {
		return err
	}
	return c.queue(Call{Name: "Fill", To: dst, Bytes: n, Value: value, Stream: s}, func() {
		for i := range to {
			to[i] = value
		}
	})
}
