//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"fmt"
	"slices"

	"tierlab/engine/backend/cuda/internal/driver"
)

// node is one piece of a stream's work.
type node struct {
	kind     string
	function driver.Function // of a launch
	run      func() error
}

// graph is what a capture recorded, in the order of the calls. An Exec is one
// too.
type graph struct {
	nodes  []node
	broken bool // by a call that a capture does not allow
}

func (c *hostContext) BeginCapture(h driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	s, err := c.stream("cuStreamBeginCapture_v2", h)
	if err != nil {
		return err
	}
	if s.capture != nil {
		return fail("cuStreamBeginCapture_v2", invalidValue, "the stream is being captured")
	}
	s.capture = &graph{}
	return nil
}

// EndCapture ends it for the streams that were drawn in, too.
func (c *hostContext) EndCapture(h driver.Stream) (driver.Graph, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	s, err := c.stream("cuStreamEndCapture", h)
	if err != nil {
		return 0, err
	}
	g := s.capture
	if g == nil {
		return 0, fail("cuStreamEndCapture", invalidValue, "the stream is not being captured")
	}
	for _, other := range c.streams {
		if other.capture == g {
			other.capture = nil
		}
	}
	for _, e := range c.events {
		if e.captured == g {
			e.captured = nil
		}
	}
	if g.broken {
		return 0, fail("cuStreamEndCapture", captureInvalidated, "a call that a capture does not allow has broken it")
	}
	made := driver.Graph(c.handle())
	c.graphs[made] = g
	return made, nil
}

func (c *hostContext) DropGraph(h driver.Graph) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if _, ok := c.graphs[h]; !ok {
		return noHandle("cuGraphDestroy", "graph", uintptr(h))
	}
	delete(c.graphs, h)
	return nil
}

func (c *hostContext) Instantiate(h driver.Graph) (driver.Exec, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	g, ok := c.graphs[h]
	if !ok {
		return 0, noHandle("cuGraphInstantiateWithFlags", "graph", uintptr(h))
	}
	made := driver.Exec(c.handle())
	c.execs[made] = &graph{nodes: slices.Clone(g.nodes)}
	return made, nil
}

func (c *hostContext) Update(h driver.Exec, from driver.Graph) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	const call = "cuGraphExecUpdate_v2"
	to, ok := c.execs[h]
	if !ok {
		return noHandle(call, "executable graph", uintptr(h))
	}
	g, ok := c.graphs[from]
	if !ok {
		return noHandle(call, "graph", uintptr(from))
	}
	if len(to.nodes) != len(g.nodes) {
		return fail(call, updateFailure, fmt.Sprintf("the graph has %d nodes, the executable one %d", len(g.nodes), len(to.nodes)))
	}
	for i, n := range g.nodes {
		if n.kind != to.nodes[i].kind || n.function != to.nodes[i].function {
			return fail(call, updateFailure, fmt.Sprintf("node %d is %s, in the executable graph %s", i, n.kind, to.nodes[i].kind))
		}
	}
	to.nodes = slices.Clone(g.nodes)
	return nil
}

func (c *hostContext) LaunchGraph(h driver.Exec, on driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	const call = "cuGraphLaunch"
	g, ok := c.execs[h]
	if !ok {
		return noHandle(call, "executable graph", uintptr(h))
	}
	s, err := c.stream(call, on)
	if err != nil {
		return err
	}
	if s.capture != nil {
		return fail(call, captureUnsupported, "the stream is being captured")
	}
	for _, n := range g.nodes {
		if err := n.run(); err != nil {
			return err
		}
	}
	return nil
}

func (c *hostContext) DropExec(h driver.Exec) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if _, ok := c.execs[h]; !ok {
		return noHandle("cuGraphExecDestroy", "executable graph", uintptr(h))
	}
	delete(c.execs, h)
	return nil
}
