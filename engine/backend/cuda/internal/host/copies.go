//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// queue runs n, or keeps it in the stream's capture.
func (c *hostContext) queue(call string, h driver.Stream, n node) error {
	s, err := c.stream(call, h)
	if err != nil {
		return err
	}
	if s.capture != nil {
		s.capture.nodes = append(s.capture.nodes, n)
		return nil
	}
	return n.run()
}

// queueOn is queue for work on bytes bytes from p on, which are looked for now
// and again when it runs.
func (c *hostContext) queueOn(call string, p driver.Ptr, bytes int64, h driver.Stream, f func([]byte) error) error {
	if bytes == 0 {
		return nil
	}
	if _, err := c.memory(call, p, bytes); err != nil {
		return err
	}
	return c.queue(call, h, node{kind: call, run: func() error {
		m, err := c.memory(call, p, bytes)
		if err != nil {
			return err
		}
		return f(m)
	}})
}

// pageLocked refuses memory that a graph could not keep to.
func (c *hostContext) pageLocked(call string, b []byte, h driver.Stream) error {
	s, err := c.stream(call, h)
	if err != nil || s.capture == nil || len(b) == 0 {
		return err
	}
	at := uintptr(unsafe.Pointer(&b[0]))
	for first, m := range c.hostMemory {
		if from := uintptr(unsafe.Pointer(first)); at >= from && at+uintptr(len(b)) <= from+uintptr(len(m)) {
			return nil
		}
	}
	s.capture.broken = true
	return fail(call, captureUnsupported, "a captured copy wants page-locked memory of AllocHost")
}

func (c *hostContext) CopyIn(dst driver.Ptr, src []byte, h driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	const call = "cuMemcpyHtoDAsync_v2"
	if err := c.pageLocked(call, src, h); err != nil {
		return err
	}
	return c.queueOn(call, dst, int64(len(src)), h, func(to []byte) error { copy(to, src); return nil })
}

func (c *hostContext) CopyOut(dst []byte, src driver.Ptr, h driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	const call = "cuMemcpyDtoHAsync_v2"
	if err := c.pageLocked(call, dst, h); err != nil {
		return err
	}
	return c.queueOn(call, src, int64(len(dst)), h, func(from []byte) error { copy(dst, from); return nil })
}

func (c *hostContext) CopyWithin(dst, src driver.Ptr, bytes int64, h driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	const call = "cuMemcpyDtoDAsync_v2"
	if _, err := c.memory(call, src, bytes); err != nil && bytes != 0 {
		return err
	}
	return c.queueOn(call, dst, bytes, h, func(to []byte) error {
		from, err := c.memory(call, src, bytes)
		copy(to, from)
		return err
	})
}

func (c *hostContext) Fill(dst driver.Ptr, value byte, bytes int64, h driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	return c.queueOn("cuMemsetD8Async", dst, bytes, h, func(to []byte) error { fill(to, value); return nil })
}
