package fake

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

type function struct {
	name   string
	module driver.Module
	shared int // bound of dynamic shared memory
}

const magic = "FAKE\n"

// Image is what the driver loads as a module of these kernels.
func Image(names ...string) []byte { return []byte(magic + strings.Join(names, "\n")) }

// Compiler makes images: it finds the kernels that a unit declares.
type Compiler struct{}

var _ kernels.Compiler = Compiler{}

// Name is "fake".
func (Compiler) Name() string { return "fake" }

// Compile reads the unit's text.
func (Compiler) Compile(_ context.Context, u kernels.Unit) (kernels.Compiled, error) {
	text, err := u.Text()
	if err != nil {
		return kernels.Compiled{}, err
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^KERNEL(?:_BOUNDS)?\((\w+),`).FindAllSubmatch(text, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) == 0 {
		return kernels.Compiled{}, fmt.Errorf("kernel %s: no line of %s begins with KERNEL(name, or KERNEL_BOUNDS(name,", u.Name, u.File)
	}
	return kernels.Compiled{Image: Image(names...)}, nil
}

// Load takes an image of Image or Compiler.
func (c *Context) Load(image []byte) (driver.Module, error) {
	names, ok := strings.CutPrefix(string(image), magic)
	if !ok {
		return 0, fail("Load", 200, "CUDA_ERROR_INVALID_IMAGE", "the image is of another compiler")
	}
	if err := c.enterWaiting(Call{Name: "Load", Bytes: int64(len(image))}); err != nil {
		return 0, err
	}
	m := driver.Module(c.driver.handle())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.modules[m] = strings.Split(names, "\n")
	return m, nil
}

// Unload frees a module and its functions.
func (c *Context) Unload(m driver.Module) error {
	if err := drop(c, "Unload", c.modules, m); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for f, fn := range c.functions {
		if fn.module == m {
			delete(c.functions, f)
		}
	}
	return nil
}

// Function finds a kernel.
func (c *Context) Function(m driver.Module, name string) (driver.Function, error) {
	if err := c.enter(Call{Name: "Function", Function: name}); err != nil {
		return 0, err
	}
	h := driver.Function(c.driver.handle())
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.modules[m], name) {
		return 0, fail("Function", 500, "CUDA_ERROR_NOT_FOUND", fmt.Sprintf("module %d has %v, not %s", m, c.modules[m], name))
	}
	c.functions[h] = &function{name: name, module: m, shared: c.device.SharedPerBlock}
	return h, nil
}

func (c *Context) function(call string, f driver.Function) (*function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fn := c.functions[f]; fn != nil {
		return fn, nil
	}
	return nil, fail(call, 400, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("there is no function %d", f))
}

// Attributes are those of a small kernel.
func (c *Context) Attributes(f driver.Function) (driver.Attributes, error) {
	if err := c.enter(Call{Name: "Attributes"}); err != nil {
		return driver.Attributes{}, err
	}
	if _, err := c.function("Attributes", f); err != nil {
		return driver.Attributes{}, err
	}
	return driver.Attributes{Registers: 32, MaxThreads: 1024, BinaryArch: 10*c.device.Major + c.device.Minor}, nil
}

// SetShared raises a function's bound.
func (c *Context) SetShared(f driver.Function, bytes int) error {
	fn, err := c.function("SetShared", f)
	if err != nil {
		return err
	}
	if err := c.enter(Call{Name: "SetShared", Function: fn.name, Bytes: int64(bytes)}); err != nil {
		return err
	}
	if bytes < 0 || bytes > c.device.SharedOptin {
		return invalid("SetShared", fmt.Sprintf("a block may have %d bytes of shared memory, not %d", c.device.SharedOptin, bytes))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fn.shared = bytes
	return nil
}

// Occupancy counts threads and shared memory.
func (c *Context) Occupancy(f driver.Function, threads, shared int) (int, error) {
	if err := c.enter(Call{Name: "Occupancy"}); err != nil {
		return 0, err
	}
	if _, err := c.function("Occupancy", f); err != nil {
		return 0, err
	}
	if threads < 1 || shared < 0 {
		return 0, invalid("Occupancy", fmt.Sprintf("%d threads, %d bytes", threads, shared))
	}
	blocks := c.device.ThreadsPerSM / threads
	if shared > 0 {
		blocks = min(blocks, c.device.SharedPerSM/shared)
	}
	return blocks, nil
}

// Launch records a launch, and queues the kernel's body if it has one.
func (c *Context) Launch(l driver.Launch, s driver.Stream) error {
	fn, err := c.function("Launch", l.Function)
	if err != nil {
		return err
	}
	l.Params = slices.Clone(l.Params)
	if err := c.checkLaunch(l, fn); err != nil {
		return err
	}
	return c.queue(Call{Name: "Launch", Function: fn.name, Launch: l, Stream: s}, func() {
		if body := c.driver.options.Kernels[fn.name]; body != nil {
			body(c, l)
		}
	})
}

func (c *Context) checkLaunch(l driver.Launch, fn *function) error {
	threads, blocks := uint64(1), uint64(1)
	for i := range 3 {
		threads *= uint64(l.Block[i])
		blocks *= uint64(l.Grid[i])
	}
	switch {
	case threads == 0 || blocks == 0:
		return invalid("Launch", fmt.Sprintf("%s: grid %v, block %v", fn.name, l.Grid, l.Block))
	case threads > 1024 || l.Block[2] > 64:
		return invalid("Launch", fmt.Sprintf("%s: a block of %v threads", fn.name, l.Block))
	case l.Grid[1] > 65535 || l.Grid[2] > 65535 || l.Grid[0] > 1<<31-1:
		return invalid("Launch", fmt.Sprintf("%s: a grid of %v blocks", fn.name, l.Grid))
	case l.Shared < 0 || l.Shared > fn.shared:
		return invalid("Launch", fmt.Sprintf("%s: %d bytes of shared memory, its bound is %d: call SetShared", fn.name, l.Shared, fn.shared))
	case len(l.Params) == 0 || len(l.Params) > 4096:
		return invalid("Launch", fmt.Sprintf("%s: %d bytes of parameters", fn.name, len(l.Params)))
	}
	return nil
}
