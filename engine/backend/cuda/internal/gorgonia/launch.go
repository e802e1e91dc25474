//go:build gorgonia_cu

package gorgonia

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Load takes in a cubin or PTX.
func (c *cuContext) Load(image []byte) (driver.Module, error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	if len(image) == 0 {
		return 0, errors.New("cuModuleLoadData: the image is empty: compile the unit again")
	}
	m, err := cu.LoadData(string(image)) // cu copies all bytes and ends them with a zero
	if err != nil {
		return 0, named("cuModuleLoadData", err)
	}
	return keep(c, c.modules, m), nil
}

// Unload frees a module.
func (c *cuContext) Unload(m driver.Module) error {
	return free(c, c.modules, m, func(m cu.Module) error { return named("cuModuleUnload", m.Unload()) })
}

// Function finds a kernel.
func (c *cuContext) Function(m driver.Module, name string) (driver.Function, error) {
	module, err := find(c, c.modules, m)
	if err != nil {
		return 0, err
	}
	f, err := module.Function(name)
	if err != nil {
		return 0, fmt.Errorf("kernel %s: %w", name, named("cuModuleGetFunction", err))
	}
	return keep(c, c.functions, f), nil
}

// Attributes are what a kernel takes.
func (c *cuContext) Attributes(f driver.Function) (driver.Attributes, error) {
	function, err := find(c, c.functions, f)
	if err != nil {
		return driver.Attributes{}, err
	}
	var a driver.Attributes
	for _, ask := range []struct {
		to   *int
		code cu.FunctionAttribute
	}{
		{&a.Registers, cu.NumRegs}, {&a.StaticShared, cu.SharedSizeBytes}, {&a.Local, cu.LocalSizeBytes},
		{&a.MaxThreads, cu.FnMaxThreadsPerBlock}, {&a.BinaryArch, cu.BinaryVersion},
	} {
		if *ask.to, err = function.Attribute(ask.code); err != nil {
			return driver.Attributes{}, named("cuFuncGetAttribute", err)
		}
	}
	return a, nil
}

// SetShared has nothing to do for what every kernel may have.
func (c *cuContext) SetShared(f driver.Function, bytes int) error {
	if _, err := find(c, c.functions, f); err != nil {
		return err
	}
	if bytes > c.device.SharedPerBlock {
		return lacking(fmt.Sprintf("cannot raise a kernel's shared memory above %d bytes, and %d are asked for", c.device.SharedPerBlock, bytes))
	}
	return nil
}

// Occupancy is how many such blocks a multiprocessor holds.
func (c *cuContext) Occupancy(f driver.Function, threads, shared int) (int, error) {
	function, err := find(c, c.functions, f)
	if err != nil {
		return 0, err
	}
	blocks, err := function.MaxActiveBlocksPerMultiProcessor(threads, int64(shared))
	return blocks, named("cuOccupancyMaxActiveBlocksPerMultiprocessor", err)
}

// Launch queues a kernel. cu copies eight bytes for each pointer it is given into
// one array, and hands the driver pointers into that: the first one leads to the
// whole struct.
func (c *cuContext) Launch(l driver.Launch, s driver.Stream) error {
	function, err1 := find(c, c.functions, l.Function)
	stream, err2 := find(c, c.streams, s)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if len(l.Params) == 0 {
		return errors.New("cuLaunchKernel: no parameters are given")
	}
	words := make([]uint64, (len(l.Params)+7)/8)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 8*len(words)), l.Params)
	pieces := make([]unsafe.Pointer, len(words))
	for i := range words {
		pieces[i] = unsafe.Pointer(&words[i])
	}
	g, b := l.Grid, l.Block
	return named("cuLaunchKernel", function.Launch(int(g[0]), int(g[1]), int(g[2]), int(b[0]), int(b[1]), int(b[2]), l.Shared, stream, pieces))
}
