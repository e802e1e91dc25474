//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"fmt"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: calls that a capture forbids are refused
// on the thread that captures alone, so loaders go on.
const captureThreadLocal = 1

// BeginCapture starts a capture.
func (c *Context) BeginCapture(s driver.Stream) error {
	if err := c.call(&c.driver.streamBeginCapture, uintptr(s), captureThreadLocal); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.captures[s] = true
	c.capturing.Store(int32(len(c.captures)))
	return nil
}

// EndCapture ends a capture. If something within it failed there is no graph,
// and the stream is as before.
func (c *Context) EndCapture(s driver.Stream) (driver.Graph, error) {
	var g driver.Graph
	err := c.call(&c.driver.streamEndCapture, uintptr(s), uintptr(unsafe.Pointer(&g)))
	c.endCapturing(s)
	if err != nil {
		return 0, err
	}
	c.keep(graphs, uint64(g))
	return g, nil
}

func (c *Context) endCapturing(s driver.Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.captures, s)
	c.capturing.Store(int32(len(c.captures)))
}

func (c *Context) isCapturing(s driver.Stream) bool {
	if c.capturing.Load() == 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.captures[s]
}

// DropGraph frees a graph; what was instantiated of it stays.
func (c *Context) DropGraph(g driver.Graph) error { return c.free(graphs, uint64(g)) }

// Instantiate makes a graph ready to launch.
func (c *Context) Instantiate(g driver.Graph) (driver.Exec, error) {
	var x driver.Exec
	if err := c.call(&c.driver.graphInstantiate, uintptr(unsafe.Pointer(&x)), uintptr(g), 0); err != nil {
		return 0, err
	}
	c.keep(execs, uint64(x))
	return x, nil
}

// DropExec frees what was instantiated.
func (c *Context) DropExec(x driver.Exec) error { return c.free(execs, uint64(x)) }

// updateResult is CUgraphExecUpdateResultInfo_v1.
type updateResult struct {
	result int32
	_      int32
	node   uintptr
	from   uintptr
}

// Update gives an Exec the parameters of a graph of the same shape.
func (c *Context) Update(x driver.Exec, g driver.Graph) error {
	var info updateResult
	err := c.call(&c.driver.graphExecUpdate, uintptr(x), uintptr(g), uintptr(unsafe.Pointer(&info)))
	if err == nil || info.result == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, reason(info.result))
}

// reason is what enum CUgraphExecUpdateResult_enum says.
func reason(result int32) string {
	reasons := map[int32]string{
		2: "the graphs have other nodes or edges", 3: "a node is of another type", 4: "a kernel is another", 5: "parameters changed that cannot be",
		6: "a node cannot be updated", 7: "a kernel is another of a kind that cannot be put there", 8: "attributes changed that cannot be",
	}
	if s, ok := reasons[result]; ok {
		return s
	}
	return fmt.Sprintf("the graph cannot be put there (result %d)", result)
}

// LaunchGraph queues a graph.
func (c *Context) LaunchGraph(x driver.Exec, s driver.Stream) error {
	return c.quick(&c.driver.graphLaunch, uintptr(x), uintptr(s), 0, 0)
}
