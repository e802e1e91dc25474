package cuda

import (
	"errors"
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
)

// maxGraphs bounds the graphs that are kept, each of which takes some kilobytes
// a launch on the device. Serving meets some dozens of shapes.
const maxGraphs = 256

// graphs are the captured graphs by shape.
type graphs struct {
	dev    driver.Context
	stream driver.Stream // to capture in; nothing runs there
	held   map[shape]*captured
	uses   uint64
}

// captured is a graph that can be launched.
type captured struct {
	exec driver.Exec
	used uint64 // when last
}

// get is the graph of a shape, which queue is asked for the first time.
func (g *graphs) get(n shape, queue func(driver.Stream) error, idle func() error) (driver.Exec, error) {
	g.uses++
	if c := g.held[n]; c != nil {
		c.used = g.uses
		return c.exec, nil
	}
	if len(g.held) >= maxGraphs {
		if err := g.forget(idle); err != nil {
			return 0, err
		}
	}
	exec, err := g.capture(queue)
	if err != nil {
		return 0, fmt.Errorf("capturing the step of %d tokens: %w", n.tokens, err)
	}
	g.held[n] = &captured{exec, g.uses}
	return exec, nil
}

// capture makes a graph of what queue queues.
func (g *graphs) capture(queue func(driver.Stream) error) (driver.Exec, error) {
	if err := g.dev.BeginCapture(g.stream); err != nil {
		return 0, err
	}
	err := queue(g.stream)
	graph, end := g.dev.EndCapture(g.stream) // also after an error: the stream is to be usable
	if err = errors.Join(err, end); err != nil {
		if end == nil {
			err = errors.Join(err, g.dev.DropGraph(graph))
		}
		return 0, err
	}
	exec, err := g.dev.Instantiate(graph)
	if dropped := g.dev.DropGraph(graph); dropped != nil {
		if err == nil {
			err = g.dev.DropExec(exec)
		}
		return 0, errors.Join(dropped, err)
	}
	return exec, err
}

// forget drops the graph that was not used for longest, when the device is idle.
func (g *graphs) forget(idle func() error) error {
	if err := idle(); err != nil {
		return err
	}
	var oldest shape
	found := false
	for n, c := range g.held {
		if !found || c.used < g.held[oldest].used {
			oldest, found = n, true
		}
	}
	exec := g.held[oldest].exec
	delete(g.held, oldest)
	return g.dev.DropExec(exec)
}

// close drops all graphs.
func (g *graphs) close() error {
	var errs []error
	for _, c := range g.held {
		errs = append(errs, g.dev.DropExec(c.exec))
	}
	g.held = nil
	return errors.Join(errs...)
}
