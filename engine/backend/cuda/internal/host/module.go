//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/ebitengine/purego"

	"tierlab/engine/backend/cuda/internal/driver"
)

// What host_describe of fibres.h tells of a kernel.
const (
	describeParams = iota
	describeThreads
	describeShared
)

// module is an image; each worker has its own copy of it, since a copy's
// variables are one block's.
type module struct {
	image  []byte
	copies []*library
}

type library struct {
	handle, run, describe uintptr
}

type function struct {
	module                  *module
	name                    string
	kernels                 []uintptr // in each copy
	params, threads, static int
	dynamic                 int // the bound of dynamic shared memory
}

func (c *hostContext) Load(image []byte) (driver.Module, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	m := &module{image: image}
	if _, err := c.copyFor(m, 0); err != nil {
		return 0, err
	}
	h := driver.Module(c.handle())
	c.modules[h] = m
	return h, nil
}

// worker is worker i.
func (c *hostContext) worker(i int, path string) (*worker, error) {
	for len(c.workers) <= i {
		w, err := newWorker()
		if err != nil {
			return nil, err
		}
		if err := faults.add(w, path); err != nil {
			return nil, errors.Join(err, w.close())
		}
		c.workers = append(c.workers, w)
	}
	return c.workers[i], nil
}

// copyFor is the module's copy for worker i.
func (c *hostContext) copyFor(m *module, i int) (*library, error) {
	for len(m.copies) <= i {
		path, err := writeImage(m.image)
		if err != nil {
			return nil, err
		}
		_, err = c.worker(len(m.copies), path)
		var l *library
		if err == nil {
			l, err = openLibrary(path)
		}
		if err := errors.Join(err, os.Remove(path)); err != nil {
			return nil, err
		}
		m.copies = append(m.copies, l)
	}
	return m.copies[i], nil
}

func writeImage(image []byte) (path string, err error) {
	f, err := os.CreateTemp("", "tierlab-kernel-*.so")
	if err != nil {
		return "", fmt.Errorf("write a kernel to load it: %w", err)
	}
	_, err = f.Write(image)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("write a kernel to load it: %w", err)
	}
	return f.Name(), nil
}

func openLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fail("cuModuleLoadDataEx", invalidImage, "not an image of this host's compiler: "+err.Error())
	}
	l := &library{handle: handle}
	for name, at := range map[string]*uintptr{"host_run": &l.run, "host_describe": &l.describe} {
		if *at, err = purego.Dlsym(handle, name); err != nil {
			return nil, fail("cuModuleLoadDataEx", invalidImage, "not an image of this host's compiler: "+err.Error())
		}
	}
	if got := l.tell(0, 0); got != int(unsafe.Sizeof(control{})) {
		return nil, fail("cuModuleLoadDataEx", invalidImage,
			fmt.Sprintf("the image is of another version: its workers have %d bytes, not %d", got, unsafe.Sizeof(control{})))
	}
	return l, nil
}

// tell asks host_describe; without a kernel it tells the size of a control.
func (l *library) tell(kernel uintptr, what int) int {
	r, _, _ := purego.SyscallN(l.describe, kernel, uintptr(what))
	return int(r)
}

func (m *module) unload() error {
	var errs []error
	for _, l := range m.copies {
		errs = append(errs, purego.Dlclose(l.handle))
	}
	m.copies = nil
	return errors.Join(errs...)
}

func (c *hostContext) Unload(h driver.Module) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	m, ok := c.modules[h]
	if !ok {
		return noHandle("cuModuleUnload", "module", uintptr(h))
	}
	delete(c.modules, h)
	for at, f := range c.functions {
		if f.module == m {
			delete(c.functions, at)
		}
	}
	return m.unload()
}

func (c *hostContext) Function(h driver.Module, name string) (driver.Function, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	const call = "cuModuleGetFunction"
	m, ok := c.modules[h]
	if !ok {
		return 0, noHandle(call, "module", uintptr(h))
	}
	l := m.copies[0]
	kernel, err := purego.Dlsym(l.handle, "kernel_"+name)
	if err != nil {
		return 0, fail(call, notFound, fmt.Sprintf("the module has no kernel %q", name))
	}
	f := driver.Function(c.handle())
	c.functions[f] = &function{
		module: m, name: name, kernels: []uintptr{kernel}, dynamic: sharedPerBlock,
		params: l.tell(kernel, describeParams), threads: l.tell(kernel, describeThreads), static: l.tell(kernel, describeShared),
	}
	return f, nil
}

func (c *hostContext) function(call string, h driver.Function) (*function, error) {
	f, ok := c.functions[h]
	if !ok {
		return nil, noHandle(call, "function", uintptr(h))
	}
	return f, nil
}

// Attributes has a plausible number of registers: 32.
func (c *hostContext) Attributes(h driver.Function) (driver.Attributes, error) {
	if err := c.enter(); err != nil {
		return driver.Attributes{}, err
	}
	defer c.mu.Unlock()
	f, err := c.function("cuFuncGetAttribute", h)
	if err != nil {
		return driver.Attributes{}, err
	}
	return driver.Attributes{Registers: 32, StaticShared: f.static, MaxThreads: f.threads, BinaryArch: 90}, nil
}

func (c *hostContext) SetShared(h driver.Function, bytes int) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	f, err := c.function("cuFuncSetAttribute", h)
	if err != nil {
		return err
	}
	if bytes < 0 || bytes+f.static > sharedOptin {
		return fail("cuFuncSetAttribute", invalidValue,
			fmt.Sprintf("%d bytes of dynamic and %d of static shared memory: a block has at most %d", bytes, f.static, sharedOptin))
	}
	f.dynamic = bytes
	return nil
}

// Occupancy follows from threads and shared memory; each block also takes 1 KiB
// of that, as on Hopper.
func (c *hostContext) Occupancy(h driver.Function, threads, shared int) (int, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	f, err := c.function("cuOccupancyMaxActiveBlocksPerMultiprocessor", h)
	if err != nil {
		return 0, err
	}
	if threads < 1 || shared < 0 {
		return 0, fail("cuOccupancyMaxActiveBlocksPerMultiprocessor", invalidValue, fmt.Sprintf("%d threads, %d bytes", threads, shared))
	}
	if threads > f.threads || shared > f.dynamic {
		return 0, nil
	}
	return min(32, c.device.ThreadsPerSM/roundUp(threads, 32), sharedPerSM/(f.static+shared+1024)), nil
}
