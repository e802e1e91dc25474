//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// kind is a kind of what a context makes. Close frees them in this order, so
// that nothing is freed which something left over still uses.
type kind uint8

const (
	execs kind = iota
	graphs
	modules
	events
	streams
	hostMemory
	memory
	kinds
)

type resource struct {
	kind   kind
	handle uint64
}

// Context is a device in use.
type Context struct {
	driver *Driver
	device driver.Device
	number int32   // CUdevice
	handle uintptr // CUcontext

	closed    atomic.Bool
	capturing atomic.Int32 // streams that capture
	locked    atomic.Pointer[[]span]
	// parameters is how many bytes of parameters each function takes, where the
	// driver tells.
	parameters atomic.Pointer[map[driver.Function]int]

	mu       sync.Mutex
	live     map[resource]bool
	captures map[driver.Stream]bool
}

var _ driver.Context = (*Context)(nil)

func newContext(d *Driver, described driver.Device, number int32) *Context {
	c := &Context{driver: d, device: described, number: number, live: map[resource]bool{}, captures: map[driver.Stream]bool{}}
	c.locked.Store(new([]span))
	c.parameters.Store(&map[driver.Function]int{})
	return c
}

// Device describes the device.
func (c *Context) Device() driver.Device { return c.device }

// Bind makes the context current on the calling thread, which the goroutine has
// locked.
func (c *Context) Bind() error {
	if c.closed.Load() {
		return driver.ErrClosed
	}
	return c.driver.call(&c.driver.ctxSetCurrent, c.handle)
}

// call is a call of an open context.
//
//go:uintptrescapes
func (c *Context) call(s *symbol, args ...uintptr) error {
	if c.closed.Load() {
		return driver.ErrClosed
	}
	return c.driver.call(s, args...)
}

// quick is the same without an allocation.
//
//go:uintptrescapes
func (c *Context) quick(s *symbol, a, b, d, e uintptr) error {
	if c.closed.Load() {
		return driver.ErrClosed
	}
	return c.driver.quick(s, a, b, d, e)
}

// within runs f on a thread on which the context is current, and restores what
// was current there.
func (c *Context) within(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before uintptr
	if err := c.driver.call(&c.driver.ctxGetCurrent, uintptr(unsafe.Pointer(&before))); err != nil {
		return err
	}
	if before == c.handle {
		return f()
	}
	if err := c.driver.call(&c.driver.ctxSetCurrent, c.handle); err != nil {
		return err
	}
	return errors.Join(f(), c.driver.call(&c.driver.ctxSetCurrent, before))
}

func (c *Context) keep(k kind, handle uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live[resource{k, handle}] = true
}

// free gives one resource back. One that the driver fails to free is gone, too.
func (c *Context) free(k kind, handle uint64) error {
	if c.closed.Load() {
		return driver.ErrClosed
	}
	c.mu.Lock()
	ok := c.live[resource{k, handle}]
	delete(c.live, resource{k, handle})
	c.mu.Unlock()
	s := c.driver.destroyer(k)
	if !ok {
		return &driver.Error{Call: s.name, Code: invalidValue, Name: "CUDA_ERROR_INVALID_VALUE", Text: fmt.Sprintf("%#x is freed already, or was not made by this context", handle)}
	}
	return c.within(func() error { return c.driver.call(s, uintptr(handle)) })
}

func (d *Driver) destroyer(k kind) *symbol {
	return [kinds]*symbol{
		execs: &d.graphExecDestroy, graphs: &d.graphDestroy, modules: &d.moduleUnload, events: &d.eventDestroy,
		streams: &d.streamDestroy, hostMemory: &d.memFreeHost, memory: &d.memFree,
	}[k]
}

// Close waits for the device, frees what is left and releases the primary
// context. After a kernel has failed every call returns that failure: Close goes
// on, and returns the first.
func (c *Context) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.mu.Lock()
	left := maps.Clone(c.live)
	clear(c.live)
	c.mu.Unlock()
	c.locked.Store(new([]span))
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	note(c.within(func() error {
		note(c.driver.call(&c.driver.ctxSynchronize))
		for k := range kinds {
			for r := range left {
				if r.kind == k {
					note(c.driver.call(c.driver.destroyer(k), uintptr(r.handle)))
				}
			}
		}
		return nil
	}))
	note(c.driver.call(&c.driver.primaryRelease, uintptr(c.number)))
	return first
}
