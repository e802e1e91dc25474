package fake

import (
	"errors"
	"fmt"
	"sync"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Options are what a Driver pretends.
type Options struct {
	Memory  int64 // bytes of the device; 0: 1 GiB
	Devices int   // 0: one
	Version int   // of CUDA, 1000 x major + 10 x minor; 0: 13000
	// Kernels are bodies of kernels by name. One without a body is recorded alone.
	Kernels map[string]Kernel
}

// Kernel computes what a launch would. Context.Bytes gives it the memory that
// the launch's parameters point to.
type Kernel func(*Context, driver.Launch)

// Driver is the fake. Its methods may be called by several goroutines.
type Driver struct {
	options Options

	mu      sync.Mutex
	calls   []Call
	count   map[string]int
	plans   []plan
	opened  []*Context
	counter uint64 // of handles and addresses
}

// plan is a failure that a test asks for.
type plan struct {
	name string
	nth  int
	err  error
}

var _ driver.Driver = (*Driver)(nil)

// New makes a driver.
func New(o Options) *Driver {
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.Devices == 0 {
		o.Devices = 1
	}
	if o.Version == 0 {
		o.Version = 13000
	}
	return &Driver{options: o, count: map[string]int{}}
}

// Name is "fake".
func (d *Driver) Name() string { return "fake" }

// Version is that of the options.
func (d *Driver) Version() (int, error) { return d.options.Version, nil }

// Devices have the sizes of an H200, but for the memory.
func (d *Driver) Devices() ([]driver.Device, error) {
	all := make([]driver.Device, d.options.Devices)
	for i := range all {
		all[i] = driver.Device{
			Ordinal: i, Name: "Fake GPU", UUID: fmt.Sprintf("GPU-00000000-0000-0000-0000-%012x", i), PCI: fmt.Sprintf("0000:%02x:00.0", i+1),
			Major: 9, SMs: 132, WarpSize: 32, ClockKHz: 1_980_000, MemoryKHz: 3_201_000, BusBits: 6144,
			MemoryBytes: d.options.Memory, L2Bytes: 60 << 20,
			SharedPerBlock: 48 << 10, SharedOptin: 227 << 10, SharedPerSM: 228 << 10, RegistersPerSM: 65536, ThreadsPerSM: 2048,
		}
	}
	return all, nil
}

// Open opens a device; each context has its own memory.
func (d *Driver) Open(ordinal int) (driver.Context, error) {
	devices, err := d.Devices()
	if err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= len(devices) {
		return nil, fail("cuDeviceGet", 101, "CUDA_ERROR_INVALID_DEVICE", fmt.Sprintf("there is no device %d", ordinal))
	}
	c := newContext(d, devices[ordinal])
	if err := c.note(Call{Name: "Open"}); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.opened = append(d.opened, c)
	d.mu.Unlock()
	if err := c.Bind(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Fail makes the nth call of a name from now on, 1 being the next, return err.
func (d *Driver) Fail(name string, nth int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plans = append(d.plans, plan{name: name, nth: d.count[name] + nth, err: err})
}

// Leaks lists what is neither freed nor belongs to a context that is closed.
func (d *Driver) Leaks() []string {
	d.mu.Lock()
	opened := d.opened
	d.mu.Unlock()
	var all []string
	for _, c := range opened {
		all = append(all, c.leaks()...)
	}
	return all
}

// handle is a new handle.
func (d *Driver) handle() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counter++
	return d.counter
}

func fail(call string, code int, name, text string) error {
	return &driver.Error{Call: call, Code: code, Name: name, Text: text}
}

func invalid(call, text string) error { return fail(call, 1, "CUDA_ERROR_INVALID_VALUE", text) }
