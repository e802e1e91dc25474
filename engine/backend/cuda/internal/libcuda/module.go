//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Of enum CUfunction_attribute_enum.
const (
	functionMaxThreads    = 0
	functionStaticShared  = 1
	functionLocal         = 3
	functionRegisters     = 4
	functionBinaryVersion = 6
	functionMaxDynamic    = 8
)

// Load takes in a cubin or PTX.
func (c *Context) Load(image []byte) (driver.Module, error) {
	if len(image) == 0 {
		return 0, errors.New("cuModuleLoadData: the image is empty: compile the unit again")
	}
	// The driver is told no length: a cubin has it in its header and PTX ends with
	// a zero, which this copy adds.
	ended := append(append(make([]byte, 0, len(image)+1), image...), 0)
	var m driver.Module
	if err := c.call(&c.driver.moduleLoadData, uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&ended[0]))); err != nil {
		return 0, err
	}
	c.keep(modules, uint64(m))
	return m, nil
}

// Unload frees a module; its functions are gone.
func (c *Context) Unload(m driver.Module) error { return c.free(modules, uint64(m)) }

// Function finds a kernel and loads its code, which the driver would else do at
// the first launch: within a capture that may fail.
func (c *Context) Function(m driver.Module, name string) (driver.Function, error) {
	if strings.ContainsRune(name, 0) {
		return 0, fmt.Errorf("no kernel is named %q", name)
	}
	terminated := append([]byte(name), 0)
	var f driver.Function
	if err := c.call(&c.driver.moduleGetFunction, uintptr(unsafe.Pointer(&f)), uintptr(m), uintptr(unsafe.Pointer(&terminated[0]))); err != nil {
		return 0, fmt.Errorf("kernel %s: %w", name, err)
	}
	if c.driver.funcLoad.address != 0 {
		if err := c.call(&c.driver.funcLoad, uintptr(f)); err != nil {
			return 0, fmt.Errorf("kernel %s: %w", name, err)
		}
	}
	c.learnParameters(f)
	return f, nil
}

// learnParameters asks how many bytes of parameters a kernel takes, so that a
// launch which brings fewer is refused: the driver would read what lies behind.
// Where the driver does not say, nothing is checked.
func (c *Context) learnParameters(f driver.Function) {
	if c.driver.funcGetParamInfo.address == 0 {
		return
	}
	var offset, size uint64
	if c.call(&c.driver.funcGetParamInfo, uintptr(f), 0, uintptr(unsafe.Pointer(&offset)), uintptr(unsafe.Pointer(&size))) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := maps.Clone(*c.parameters.Load())
	known[f] = int(size)
	c.parameters.Store(&known)
}

// Attributes are what a kernel takes.
func (c *Context) Attributes(f driver.Function) (driver.Attributes, error) {
	var a driver.Attributes
	for _, ask := range []struct {
		to   *int
		code uintptr
	}{
		{&a.Registers, functionRegisters}, {&a.StaticShared, functionStaticShared}, {&a.Local, functionLocal},
		{&a.MaxThreads, functionMaxThreads}, {&a.BinaryArch, functionBinaryVersion},
	} {
		var value int32
		if err := c.call(&c.driver.funcGetAttribute, uintptr(unsafe.Pointer(&value)), ask.code, uintptr(f)); err != nil {
			return driver.Attributes{}, err
		}
		*ask.to = int(value)
	}
	return a, nil
}

// SetShared raises how much dynamic shared memory a launch may ask for, which
// is 48 KiB less the static without it.
func (c *Context) SetShared(f driver.Function, bytes int) error {
	return c.call(&c.driver.funcSetAttribute, uintptr(f), functionMaxDynamic, uintptr(bytes))
}

// Occupancy is how many such blocks a multiprocessor holds.
func (c *Context) Occupancy(f driver.Function, threads, shared int) (int, error) {
	var blocks int32
	err := c.call(&c.driver.occupancy, uintptr(unsafe.Pointer(&blocks)), uintptr(f), uintptr(threads), uintptr(shared))
	return int(blocks), err
}

// Launch queues a kernel. It allocates nothing.
func (c *Context) Launch(l driver.Launch, s driver.Stream) error {
	if l.Function == 0 {
		return errors.New("cuLaunchKernel: no function is given")
	}
	if want := max(1, (*c.parameters.Load())[l.Function]); len(l.Params) < want {
		return fmt.Errorf("cuLaunchKernel: %d bytes of parameters are given, the kernel takes %d", len(l.Params), want)
	}
	if c.closed.Load() {
		return driver.ErrClosed
	}
	// The frame is on the heap and points to Params: see the package comment.
	d := c.driver
	f := d.frames.Get().(*frame)
	f.params[0] = unsafe.Pointer(unsafe.SliceData(l.Params))
	f.args = [11]uintptr{
		uintptr(l.Function),
		uintptr(l.Grid[0]), uintptr(l.Grid[1]), uintptr(l.Grid[2]),
		uintptr(l.Block[0]), uintptr(l.Block[1]), uintptr(l.Block[2]),
		uintptr(l.Shared), uintptr(s), uintptr(unsafe.Pointer(&f.params)), 0,
	}
	r, _, _ := purego.SyscallN(d.launchKernel.address, f.args[:]...)
	f.params[0] = nil // after the call: until here it keeps Params alive
	d.frames.Put(f)
	if int32(r) != 0 {
		return d.failed(d.launchKernel.name, int32(r))
	}
	return nil
}
