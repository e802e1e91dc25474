package fake

import (
	"errors"
	"fmt"
	"slices"

	"tierlab/engine/backend/cuda/internal/driver"
)

// BeginCapture starts a capture.
func (c *Context) BeginCapture(s driver.Stream) error {
	if err := c.enter(Call{Name: "BeginCapture", Stream: s}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[s]
	if st == nil {
		return noStream("BeginCapture", s)
	}
	if st.capturing {
		return fail("BeginCapture", 401, "CUDA_ERROR_ILLEGAL_STATE", "the stream captures already")
	}
	st.capturing, st.capturer = true, thread()
	return nil
}

// EndCapture ends a capture.
func (c *Context) EndCapture(s driver.Stream) (driver.Graph, error) {
	g := driver.Graph(c.driver.handle())
	if err := c.enter(Call{Name: "EndCapture", Stream: s, Graph: g}); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[s]
	switch {
	case st == nil:
		return 0, noStream("EndCapture", s)
	case !st.capturing:
		return 0, fail("EndCapture", 401, "CUDA_ERROR_ILLEGAL_STATE", "the stream does not capture")
	case st.capturer != thread():
		return 0, fail("EndCapture", 908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "another thread began the capture")
	}
	operations, broken := st.captured, st.broken
	st.capturing, st.broken, st.captured = false, false, nil
	if broken {
		return 0, fail("EndCapture", 901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "an earlier call has broken the capture")
	}
	c.graphs[g] = operations
	return g, nil
}

// DropGraph frees a graph.
func (c *Context) DropGraph(g driver.Graph) error { return drop(c, "DropGraph", c.graphs, g) }

// Instantiate makes a graph ready to launch.
func (c *Context) Instantiate(g driver.Graph) (driver.Exec, error) {
	x := driver.Exec(c.driver.handle())
	if err := c.enter(Call{Name: "Instantiate", Graph: g, Exec: x}); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	operations, ok := c.graphs[g]
	if !ok {
		return 0, noGraph("Instantiate", g)
	}
	c.execs[x] = slices.Clone(operations)
	return x, nil
}

func noGraph(call string, g driver.Graph) error {
	return fail(call, 400, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("there is no graph %d", g))
}

func noExec(call string, x driver.Exec) error {
	return fail(call, 400, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("there is no exec %d", x))
}

// Update wants the same methods in the same order.
func (c *Context) Update(x driver.Exec, g driver.Graph) error {
	if err := c.enter(Call{Name: "Update", Exec: x, Graph: g}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	operations, ok := c.graphs[g]
	if !ok {
		return noGraph("Update", g)
	}
	before, ok := c.execs[x]
	if !ok {
		return noExec("Update", x)
	}
	if !slices.EqualFunc(before, operations, func(a, b operation) bool { return a.call.Name == b.call.Name }) {
		return fail("Update", 910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", fmt.Sprintf("graph %d has another shape", g))
	}
	c.execs[x] = slices.Clone(operations)
	return nil
}

// LaunchGraph queues what was captured, and records it.
func (c *Context) LaunchGraph(x driver.Exec, s driver.Stream) error {
	if err := c.enter(Call{Name: "LaunchGraph", Exec: x, Stream: s}); err != nil {
		return err
	}
	c.mu.Lock()
	operations, ok := c.execs[x]
	st := c.streams[s]
	c.mu.Unlock()
	switch {
	case !ok:
		return noExec("LaunchGraph", x)
	case st == nil:
		return noStream("LaunchGraph", s)
	case st.capturing:
		return fail("LaunchGraph", 900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "the stream captures: a graph within a graph is not served")
	}
	for _, op := range operations {
		op.call.Replayed, op.call.Stream = x, s
		if err := errors.Join(c.driver.record(op.call), c.push(st, op)); err != nil {
			return err
		}
	}
	return nil
}

// DropExec frees what was instantiated.
func (c *Context) DropExec(x driver.Exec) error { return drop(c, "DropExec", c.execs, x) }
