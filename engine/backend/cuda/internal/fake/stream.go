package fake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
)

// stream holds what was queued until something waits for it.
type stream struct {
	queued []operation
	done   int // of all operations ever queued
	first  int // number of queued[0]

	capturing, broken bool
	capturer          int // thread
	captured          []operation
}

// most is how many operations wait at most: a stream that is full runs some.
const most = 1 << 12

// operation is what a stream runs.
type operation struct {
	call Call
	run  func()
}

// event is a point of a stream: it has passed when that many operations are
// done.
type event struct {
	timed   bool
	stream  *stream // nil: never recorded
	after   int
	at      int // of the clock, once passed
	pending bool
}

// NewStream makes a stream.
func (c *Context) NewStream() (driver.Stream, error) {
	s := driver.Stream(c.driver.handle())
	if err := c.enter(Call{Name: "NewStream", Stream: s}); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams[s] = &stream{}
	return s, nil
}

// DropStream runs what is queued and frees the stream.
func (c *Context) DropStream(s driver.Stream) error {
	c.drainStream(s)
	return drop(c, "DropStream", c.streams, s)
}

// Synchronize runs what is queued; a stream that captures refuses it.
func (c *Context) Synchronize(s driver.Stream) error {
	if err := c.enterWaiting(Call{Name: "Synchronize", Stream: s}); err != nil {
		return err
	}
	c.mu.Lock()
	st := c.streams[s]
	capturing := st != nil && st.capturing
	if capturing {
		st.broken = true
	}
	c.mu.Unlock()
	switch {
	case st == nil:
		return noStream("Synchronize", s)
	case capturing:
		return fail("Synchronize", 900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "the stream captures")
	}
	c.drainStream(s)
	return nil
}

// drainStream runs all that a stream holds.
func (c *Context) drainStream(s driver.Stream) {
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	st := c.streams[s]
	c.mu.Unlock()
	if st != nil {
		c.drain(st, -1)
	}
}

// drainAll runs all that is queued, as a driver does before memory is freed.
func (c *Context) drainAll() {
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.streams))
	c.mu.Unlock()
	for _, st := range all {
		c.drain(st, -1)
	}
}

// drain runs a stream's operations up to a number of them, -1 for all. The
// caller holds c.running.
func (c *Context) drain(st *stream, upto int) {
	for {
		c.mu.Lock()
		if st.done-st.first == len(st.queued) || upto >= 0 && st.done >= upto {
			if st.done-st.first == len(st.queued) {
				st.queued, st.first = nil, st.done
			}
			c.mu.Unlock()
			return
		}
		op := st.queued[st.done-st.first]
		st.queued[st.done-st.first] = operation{}
		st.done++
		c.ticks++
		c.mu.Unlock()
		op.run()
	}
}

func noStream(call string, s driver.Stream) error {
	return fail(call, 400, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("there is no stream %d", s))
}

// queue puts an operation into the stream, or into its capture.
func (c *Context) queue(call Call, run func()) error {
	c.mu.Lock()
	st := c.streams[call.Stream]
	call.Captured = st != nil && st.capturing
	c.mu.Unlock()
	if err := c.enter(call); err != nil {
		return err
	}
	if st == nil {
		return noStream(call.Name, call.Stream)
	}
	call.Captured = false
	return c.push(st, operation{call, run})
}

func (c *Context) push(st *stream, op operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case st.broken:
		return fail(op.call.Name, 901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "an earlier call has broken the capture")
	case st.capturing:
		st.captured = append(st.captured, op)
		return nil
	}
	st.queued = append(st.queued, op)
	if len(st.queued) >= most {
		c.mu.Unlock()
		c.running.Lock()
		c.drain(st, -1)
		c.running.Unlock()
		c.mu.Lock()
	}
	return nil
}

// NewEvent makes an event.
func (c *Context) NewEvent(timed bool) (driver.Event, error) {
	e := driver.Event(c.driver.handle())
	if err := c.enter(Call{Name: "NewEvent", Event: e}); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events[e] = &event{timed: timed}
	return e, nil
}

// DropEvent frees an event.
func (c *Context) DropEvent(e driver.Event) error { return drop(c, "DropEvent", c.events, e) }

func (c *Context) event(call string, e driver.Event) (*event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ev := c.events[e]; ev != nil {
		return ev, nil
	}
	return nil, fail(call, 400, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("there is no event %d", e))
}

// Record makes the event pass after what the stream holds now.
func (c *Context) Record(e driver.Event, s driver.Stream) error {
	ev, err := c.event("Record", e)
	if err != nil {
		return err
	}
	if err := c.queue(Call{Name: "Record", Event: e, Stream: s}, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		ev.at, ev.pending = c.ticks, false
	}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.streams[s]; !st.capturing {
		ev.stream, ev.after, ev.pending = st, st.first+len(st.queued), true
	}
	return nil
}

// WaitEvent runs what the event was last recorded after.
func (c *Context) WaitEvent(e driver.Event) error {
	if err := c.enterWaiting(Call{Name: "WaitEvent", Event: e}); err != nil {
		return err
	}
	ev, err := c.event("WaitEvent", e)
	if err != nil {
		return err
	}
	c.running.Lock()
	defer c.running.Unlock()
	c.pass(ev.stream, ev.after)
	return nil
}

// pass runs a stream up to where an event of it passes.
func (c *Context) pass(st *stream, after int) {
	if st != nil {
		c.drain(st, after)
	}
}

// StreamWait makes what is queued in the stream from now on come after the
// event as it was recorded last.
func (c *Context) StreamWait(s driver.Stream, e driver.Event) error {
	ev, err := c.event("StreamWait", e)
	if err != nil {
		return err
	}
	c.mu.Lock()
	st, after := ev.stream, ev.after
	c.mu.Unlock()
	return c.queue(Call{Name: "StreamWait", Event: e, Stream: s}, func() { c.pass(st, after) })
}

// Elapsed is a microsecond for each operation that ran between the events.
func (c *Context) Elapsed(from, to driver.Event) (time.Duration, error) {
	if err := c.enter(Call{Name: "Elapsed"}); err != nil {
		return 0, err
	}
	f, err1 := c.event("Elapsed", from)
	t, err2 := c.event("Elapsed", to)
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !f.timed || !t.timed || f.stream == nil || t.stream == nil:
		return 0, fail("Elapsed", 400, "CUDA_ERROR_INVALID_HANDLE", "an event is not timed, or was never recorded")
	case f.pending || t.pending:
		return 0, fail("Elapsed", 600, "CUDA_ERROR_NOT_READY", "an event has not passed: wait for it")
	}
	return time.Duration(t.at-f.at) * time.Microsecond, nil
}
