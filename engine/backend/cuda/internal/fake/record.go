package fake

import (
	"fmt"
	"slices"
	"strings"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Call is one call of a method, or one operation of a graph that was launched.
// Fields that the method has no use for are zero.
type Call struct {
	Name string // of the method of driver.Context: "CopyIn"

	Stream   driver.Stream
	Event    driver.Event
	To, From driver.Ptr
	Bytes    int64
	Value    byte          // of Fill
	Function string        // the kernel's name
	Launch   driver.Launch // its Params are a copy
	Graph    driver.Graph
	Exec     driver.Exec

	Captured bool        // it went into a graph and did not run
	Replayed driver.Exec // the graph whose launch ran it; 0: it was called
	Err      error
}

// String is one line, the same in every run: goldens may hold it.
func (c Call) String() string {
	var b strings.Builder
	b.WriteString(c.Name)
	word := func(format string, args ...any) { fmt.Fprintf(&b, " "+format, args...) }
	if c.Function != "" {
		word("%s", c.Function)
	}
	if c.Name == "Launch" {
		l := c.Launch
		word("grid %s block %s", size(l.Grid), size(l.Block))
		if l.Shared > 0 {
			word("shared %d", l.Shared)
		}
		word("params %d", len(l.Params))
	}
	if c.Bytes != 0 {
		word("%d bytes", c.Bytes)
	}
	if c.Name == "Fill" {
		word("of %#02x", c.Value)
	}
	for _, p := range []struct {
		name   string
		handle uint64
	}{{"stream", uint64(c.Stream)}, {"event", uint64(c.Event)}, {"graph", uint64(c.Graph)}, {"exec", uint64(c.Exec)}} {
		if p.handle != 0 {
			word("%s %d", p.name, p.handle)
		}
	}
	if c.Captured {
		word("(captured)")
	}
	if c.Replayed != 0 {
		word("(of exec %d)", c.Replayed)
	}
	if c.Err != nil {
		word("-> %v", c.Err)
	}
	return b.String()
}

func size(v [3]uint32) string {
	if v[1] == 1 && v[2] == 1 {
		return fmt.Sprint(v[0])
	}
	return fmt.Sprintf("%dx%dx%d", v[0], v[1], v[2])
}

// Calls is the record, oldest first.
func (d *Driver) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Named is the record of one method.
func (d *Driver) Named(name string) []Call {
	return slices.DeleteFunc(d.Calls(), func(c Call) bool { return c.Name != name })
}

// Clear forgets the record.
func (d *Driver) Clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = nil
}

// record appends a call, and answers what a test has planned for it.
func (d *Driver) record(call Call) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if call.Replayed == 0 {
		d.count[call.Name]++
		for _, p := range d.plans {
			if p.name == call.Name && p.nth == d.count[call.Name] {
				call.Err = p.err
			}
		}
	}
	d.calls = append(d.calls, call)
	return call.Err
}
