//go:build gorgonia_cu

package gorgonia

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"gorgonia.org/cu"

	"tierlab/engine/backend/cuda/internal/driver"
)

// cuContext keeps cu's values, which have no handles of their own, by numbers.
type cuContext struct {
	unsupported

	number  cu.Device
	device  driver.Device
	primary cu.CUContext

	mu        sync.Mutex
	closed    bool
	last      uintptr // handle
	memory    map[driver.Ptr]bool
	streams   map[driver.Stream]cu.Stream
	events    map[driver.Event]cu.Event
	modules   map[driver.Module]cu.Module
	functions map[driver.Function]cu.Function
}

var _ driver.Context = (*cuContext)(nil)

func newContext(number cu.Device, device driver.Device, primary cu.CUContext) *cuContext {
	return &cuContext{
		number: number, device: device, primary: primary,
		memory: map[driver.Ptr]bool{}, streams: map[driver.Stream]cu.Stream{}, events: map[driver.Event]cu.Event{},
		modules: map[driver.Module]cu.Module{}, functions: map[driver.Function]cu.Function{},
	}
}

// Device describes the device.
func (c *cuContext) Device() driver.Device { return c.device }

func (c *cuContext) open() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return driver.ErrClosed
	}
	return nil
}

// Bind makes the context current on the calling thread.
func (c *cuContext) Bind() error {
	if err := c.open(); err != nil {
		return err
	}
	return named("cuCtxSetCurrent", cu.SetCurrentContext(c.primary))
}

// keep gives one of cu's values a handle.
func keep[H ~uintptr, V any](c *cuContext, live map[H]V, v V) H {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	live[H(c.last)] = v
	return H(c.last)
}

// find is what a handle stands for.
func find[H ~uintptr, V any](c *cuContext, live map[H]V, h H) (V, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := live[h]
	switch {
	case c.closed:
		return v, driver.ErrClosed
	case !ok:
		return v, gone(uint64(h))
	}
	return v, nil
}

func gone(h uint64) error {
	return &driver.Error{Call: "gorgonia.org/cu", Code: 400, Name: "CUDA_ERROR_INVALID_HANDLE", Text: fmt.Sprintf("%#x is freed already, or was not made by this context", h)}
}

// free takes a handle out of what lives and destroys it on a thread on which the
// context is current.
func free[H driver.Ptr | driver.Stream | driver.Event | driver.Module, V any](c *cuContext, live map[H]V, h H, destroy func(V) error) error {
	c.mu.Lock()
	v, ok := live[h]
	delete(live, h)
	closed := c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return driver.ErrClosed
	case !ok:
		return gone(uint64(h))
	}
	return c.within(func() error { return destroy(v) })
}

func (c *cuContext) within(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := cu.CurrentContext()
	if err != nil {
		return named("cuCtxGetCurrent", err)
	}
	if before == c.primary {
		return f()
	}
	if err := cu.SetCurrentContext(c.primary); err != nil {
		return named("cuCtxSetCurrent", err)
	}
	return errors.Join(f(), named("cuCtxSetCurrent", cu.SetCurrentContext(before)))
}

// Close waits for the device, frees what is left and releases the context.
func (c *cuContext) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	errs := []error{c.within(func() error {
		all := []error{named("cuCtxSynchronize", cu.Synchronize())}
		for _, m := range c.modules {
			all = append(all, named("cuModuleUnload", m.Unload()))
		}
		for _, e := range c.events {
			all = append(all, named("cuEventDestroy_v2", cu.DestroyEvent(&e)))
		}
		for _, s := range c.streams {
			all = append(all, named("cuStreamDestroy_v2", s.Destroy()))
		}
		for p := range c.memory {
			all = append(all, named("cuMemFree_v2", cu.MemFree(cu.DevicePtr(p))))
		}
		return errors.Join(all...)
	}), named("cuDevicePrimaryCtxRelease_v2", c.number.ReleasePrimaryCtx())}
	return errors.Join(errs...)
}

// unsupported are the methods that cu has no calls for.
type unsupported struct{}

func lacking(what string) error {
	return fmt.Errorf("gorgonia.org/cu v0.9.6 %s (build without the tag gorgonia_cu): %w", what, errors.ErrUnsupported)
}

var (
	errLocked = lacking("takes no page-locked memory")
	errGraphs = lacking("captures no streams and launches no graphs")
)

func (unsupported) AllocHost(int) ([]byte, error)                  { return nil, errLocked }
func (unsupported) FreeHost([]byte) error                          { return errLocked }
func (unsupported) BeginCapture(driver.Stream) error               { return errGraphs }
func (unsupported) EndCapture(driver.Stream) (driver.Graph, error) { return 0, errGraphs }
func (unsupported) DropGraph(driver.Graph) error                   { return errGraphs }
func (unsupported) Instantiate(driver.Graph) (driver.Exec, error)  { return 0, errGraphs }
func (unsupported) Update(driver.Exec, driver.Graph) error         { return errGraphs }
func (unsupported) LaunchGraph(driver.Exec, driver.Stream) error   { return errGraphs }
func (unsupported) DropExec(driver.Exec) error                     { return errGraphs }
