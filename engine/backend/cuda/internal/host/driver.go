//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"tierlab/engine/backend/cuda/internal/driver"
)

const (
	mib            = 1 << 20
	defaultMemory  = 1024 * mib
	defaultWorkers = 4
	// strictMemory is as much as is compared after a launch, or made NaN when it
	// is allocated.
	strictMemory    = 64 * mib
	sharedPerBlock  = 48 << 10
	sharedOptin     = 227 << 10
	sharedPerSM     = 228 << 10
	maxBlockThreads = 1024
)

type hostDriver struct{ o Options }

// NewWith is the driver with options.
func NewWith(o Options) (driver.Driver, error) {
	if o.MemoryBytes < 0 || o.Workers < 0 {
		return nil, fmt.Errorf("host: %d bytes of memory and %d workers: neither may be negative", o.MemoryBytes, o.Workers)
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = defaultMemory
	}
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), defaultWorkers)
	}
	return hostDriver{o}, nil
}

func (d hostDriver) Name() string { return "host" }

// Version is that of the interface whose behaviour is mimicked.
func (d hostDriver) Version() (int, error) { return 13000, nil }

func (d hostDriver) Devices() ([]driver.Device, error) { return []driver.Device{d.device()}, nil }

// device has the limits of an H100 or H200, so that code takes the same paths as
// there, and few multiprocessors.
func (d hostDriver) device() driver.Device {
	return driver.Device{
		Name: "host", UUID: "GPU-00000000-0000-0000-0000-000000000000", PCI: "0000:00:00.0",
		Major: 9, Minor: 0, SMs: 4, WarpSize: 32,
		ClockKHz: 1_000_000, MemoryKHz: 1_000_000, BusBits: 64,
		MemoryBytes: d.o.MemoryBytes, L2Bytes: 4 * mib,
		SharedPerBlock: sharedPerBlock, SharedOptin: sharedOptin, SharedPerSM: sharedPerSM,
		RegistersPerSM: 65536, ThreadsPerSM: 2048,
	}
}

func (d hostDriver) Open(ordinal int) (driver.Context, error) {
	if ordinal != 0 {
		return nil, fail("cuDeviceGet", invalidDevice, fmt.Sprintf("device %d is asked for, the host has only device 0", ordinal))
	}
	return &hostContext{
		o: d.o, device: d.device(), hostMemory: map[*byte][]byte{},
		streams: map[driver.Stream]*stream{}, events: map[driver.Event]*event{},
		modules: map[driver.Module]*module{}, functions: map[driver.Function]*function{},
		graphs: map[driver.Graph]*graph{}, execs: map[driver.Exec]*graph{},
	}, nil
}

// hostContext serializes all calls: there is one device, and its work is done
// when a call returns.
type hostContext struct {
	o      Options
	device driver.Device

	mu          sync.Mutex
	closed      bool
	allocations []*allocation // sorted by address
	used        int64
	hostMemory  map[*byte][]byte
	last        uintptr // handle
	streams     map[driver.Stream]*stream
	events      map[driver.Event]*event
	modules     map[driver.Module]*module
	functions   map[driver.Function]*function
	graphs      map[driver.Graph]*graph
	execs       map[driver.Exec]*graph
	workers     []*worker
}

func (c *hostContext) Device() driver.Device { return c.device }

func (c *hostContext) Bind() error {
	if err := c.enter(); err != nil {
		return err
	}
	c.mu.Unlock()
	return nil
}

// enter begins a call, with c.mu locked if there is no error.
func (c *hostContext) enter() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return driver.ErrClosed
	}
	return nil
}

func (c *hostContext) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var errs []error
	for _, a := range c.allocations {
		errs = append(errs, unmap(a.mapped))
	}
	for _, m := range c.hostMemory {
		errs = append(errs, unmap(m))
	}
	for _, m := range c.modules {
		errs = append(errs, m.unload())
	}
	for _, w := range c.workers {
		errs = append(errs, w.close())
	}
	c.allocations, c.workers, c.used = nil, nil, 0
	clear(c.hostMemory)
	clear(c.streams)
	clear(c.events)
	clear(c.modules)
	clear(c.functions)
	clear(c.graphs)
	clear(c.execs)
	return errors.Join(errs...)
}

// handle is a new one, of whatever kind.
func (c *hostContext) handle() uintptr {
	c.last++
	return c.last
}

// find is the allocation that holds bytes bytes from p on.
func (c *hostContext) find(p driver.Ptr, bytes int64) (*allocation, bool) {
	i, exact := slices.BinarySearchFunc(c.allocations, p, func(a *allocation, p driver.Ptr) int {
		switch {
		case a.at < p:
			return -1
		case a.at > p:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	if i < 0 || bytes < 0 || uint64(p-c.allocations[i].at)+uint64(bytes) > uint64(len(c.allocations[i].data)) {
		return nil, false
	}
	return c.allocations[i], true
}
