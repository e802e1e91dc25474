package fake

import (
	"fmt"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
)

type stream struct {
	capturing, broken bool
	capturer          int // thread
	operations        []operation
}

// operation is what a stream runs.
type operation struct {
	call Call
	run  func() error
}

type event struct {
	timed, recorded bool
	at              int
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

// DropStream frees a stream.
func (c *Context) DropStream(s driver.Stream) error { return drop(c, "DropStream", c.streams, s) }

// Synchronize has nothing to wait for; a stream that captures refuses it.
func (c *Context) Synchronize(s driver.Stream) error {
	if err := c.enterWaiting(Call{Name: "Synchronize", Stream: s}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[s]
	if st == nil {
		return noStream("Synchronize", s)
	}
	if st.capturing {
		st.broken = true
		return fail("Synchronize", 900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "the stream captures")
	}
	return nil
}

func noStream(call string, s driver.Stream) error {
	return fail(call, 400, "CUDA_ERROR_INVALID_HANDLE", fmt.Sprintf("there is no stream %d", s))
}

// queue runs an operation at once, or puts it into the capture.
func (c *Context) queue(call Call, run func() error) error {
	c.mu.Lock()
	s, closed := c.streams[call.Stream], c.closed
	call.Captured = s != nil && s.capturing
	c.mu.Unlock()
	if err := c.enter(call); err != nil {
		return err
	}
	switch {
	case closed:
		return driver.ErrClosed
	case s == nil:
		return noStream(call.Name, call.Stream)
	case s.broken:
		return fail(call.Name, 901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "an earlier call has broken the capture")
	case s.capturing:
		call.Captured = false
		s.operations = append(s.operations, operation{call, run})
		return nil
	}
	return c.tick(run)
}

// tick runs an operation and moves the clock on.
func (c *Context) tick(run func() error) error {
	c.mu.Lock()
	c.ticks++
	c.mu.Unlock()
	return run()
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

// Record notes when the event passes.
func (c *Context) Record(e driver.Event, s driver.Stream) error {
	return c.queue(Call{Name: "Record", Event: e, Stream: s}, func() error {
		ev, err := c.event("Record", e)
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		ev.recorded, ev.at = true, c.ticks
		return nil
	})
}

// WaitEvent has nothing to wait for.
func (c *Context) WaitEvent(e driver.Event) error {
	if err := c.enterWaiting(Call{Name: "WaitEvent", Event: e}); err != nil {
		return err
	}
	_, err := c.event("WaitEvent", e)
	return err
}

// StreamWait has nothing to wait for.
func (c *Context) StreamWait(s driver.Stream, e driver.Event) error {
	return c.queue(Call{Name: "StreamWait", Event: e, Stream: s}, func() error {
		_, err := c.event("StreamWait", e)
		return err
	})
}

// Elapsed is a microsecond for each operation run between the events.
func (c *Context) Elapsed(from, to driver.Event) (time.Duration, error) {
	if err := c.enter(Call{Name: "Elapsed"}); err != nil {
		return 0, err
	}
	f, err := c.event("Elapsed", from)
	if err != nil {
		return 0, err
	}
	t, err := c.event("Elapsed", to)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !f.timed || !t.timed || !f.recorded || !t.recorded {
		return 0, fail("Elapsed", 400, "CUDA_ERROR_INVALID_HANDLE", "an event is not timed, or was never recorded")
	}
	return time.Duration(t.at-f.at) * time.Microsecond, nil
}
