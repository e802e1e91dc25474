package fake

import (
	"fmt"
	"slices"
	"sync"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Context is a device in use.
type Context struct {
	driver *Driver
	device driver.Device

	running sync.Mutex // held by whoever runs what streams hold; taken before mu

	mu        sync.Mutex
	closed    bool
	threads   map[int]bool // on which it is current
	memory    []*allocation
	address   driver.Ptr // of the next allocation
	taken     int64
	locked    []lockedMemory
	streams   map[driver.Stream]*stream
	events    map[driver.Event]*event
	modules   map[driver.Module][]string // names of kernels
	functions map[driver.Function]*function
	graphs    map[driver.Graph][]operation
	execs     map[driver.Exec][]operation
	ticks     int // operations run: the clock of events
}

var _ driver.Context = (*Context)(nil)

func newContext(d *Driver, device driver.Device) *Context {
	return &Context{
		driver: d, device: device, address: 0x7f00_0000_0000, threads: map[int]bool{},
		streams: map[driver.Stream]*stream{}, events: map[driver.Event]*event{},
		modules: map[driver.Module][]string{}, functions: map[driver.Function]*function{},
		graphs: map[driver.Graph][]operation{}, execs: map[driver.Exec][]operation{},
	}
}

// Device describes the device.
func (c *Context) Device() driver.Device { return c.device }

// Bind makes the context current on the calling thread.
func (c *Context) Bind() error {
	if err := c.note(Call{Name: "Bind"}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.threads[thread()] = true
	return nil
}

// note records a call that may come from any thread.
func (c *Context) note(call Call) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return driver.ErrClosed
	}
	return c.driver.record(call)
}

// enter records a call that wants the context to be current.
func (c *Context) enter(call Call) error {
	if err := c.current(call.Name); err != nil {
		return err
	}
	return c.note(call)
}

func (c *Context) current(call string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.threads[thread()] {
		return nil
	}
	return fail(call, 201, "CUDA_ERROR_INVALID_CONTEXT", "the context is not current on this thread: lock the thread and call Bind")
}

// enterWaiting records a call that a thread which captures may not make, and
// breaks the capture if it does.
func (c *Context) enterWaiting(call Call) error {
	if err := c.enter(call); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	broke := false
	for _, s := range c.streams {
		if s.capturing && s.capturer == thread() {
			s.broken, broke = true, true
		}
	}
	if broke {
		return fail(call.Name, 900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "this thread captures a stream: it may neither allocate nor wait until the capture ends")
	}
	return nil
}

// Close runs what is queued, and frees what is left.
func (c *Context) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return nil
	}
	err := c.note(Call{Name: "Close"})
	c.drainAll()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.memory, c.locked, c.taken = nil, nil, 0
	clear(c.streams)
	clear(c.events)
	clear(c.modules)
	clear(c.functions)
	clear(c.graphs)
	clear(c.execs)
	return err
}

// leaks lists what lives.
func (c *Context) leaks() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	all := []string{"context"}
	for _, a := range c.memory {
		all = append(all, fmt.Sprintf("%d bytes at %#x", a.bytes, a.from))
	}
	for _, l := range c.locked {
		all = append(all, fmt.Sprintf("%d bytes page-locked", l.to-l.from))
	}
	for s := range c.streams {
		all = append(all, fmt.Sprintf("stream %d", s))
	}
	for e := range c.events {
		all = append(all, fmt.Sprintf("event %d", e))
	}
	for m, names := range c.modules {
		all = append(all, fmt.Sprintf("module %d of %v", m, names))
	}
	for g := range c.graphs {
		all = append(all, fmt.Sprintf("graph %d", g))
	}
	for x := range c.execs {
		all = append(all, fmt.Sprintf("exec %d", x))
	}
	slices.Sort(all)
	return all
}

// drop takes a handle out of what lives.
func drop[K comparable, V any](c *Context, call string, live map[K]V, handle K) error {
	if err := c.note(Call{Name: call}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := live[handle]; !ok {
		return fail(call, 400, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("%v is dropped already, or was not made by this context", handle))
	}
	delete(live, handle)
	return nil
}
