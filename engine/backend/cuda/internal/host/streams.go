//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"fmt"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
)

// stream runs what it is given at once, or adds it to the graph that is being
// captured.
type stream struct{ capture *graph }

type event struct {
	timed    bool
	at       time.Time // zero: not recorded
	captured *graph    // recorded in a stream that was being captured
}

func (c *hostContext) NewStream() (driver.Stream, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	h := driver.Stream(c.handle())
	c.streams[h] = &stream{}
	return h, nil
}

func (c *hostContext) stream(call string, h driver.Stream) (*stream, error) {
	s, ok := c.streams[h]
	if !ok {
		return nil, noHandle(call, "stream", uintptr(h))
	}
	return s, nil
}

func (c *hostContext) event(call string, h driver.Event) (*event, error) {
	e, ok := c.events[h]
	if !ok {
		return nil, noHandle(call, "event", uintptr(h))
	}
	return e, nil
}

func (c *hostContext) DropStream(h driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if _, err := c.stream("cuStreamDestroy_v2", h); err != nil {
		return err
	}
	delete(c.streams, h)
	return nil
}

func (c *hostContext) Synchronize(h driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	s, err := c.stream("cuStreamSynchronize", h)
	if err == nil && s.capture != nil {
		s.capture.broken = true
		err = fail("cuStreamSynchronize", captureUnsupported, "the stream is being captured")
	}
	return err
}

func (c *hostContext) NewEvent(timed bool) (driver.Event, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	h := driver.Event(c.handle())
	c.events[h] = &event{timed: timed}
	return h, nil
}

func (c *hostContext) DropEvent(h driver.Event) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if _, err := c.event("cuEventDestroy_v2", h); err != nil {
		return err
	}
	delete(c.events, h)
	return nil
}

func (c *hostContext) Record(h driver.Event, on driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	e, err := c.event("cuEventRecord", h)
	if err != nil {
		return err
	}
	s, err := c.stream("cuEventRecord", on)
	if err != nil {
		return err
	}
	e.captured = s.capture
	if s.capture == nil {
		e.at = time.Now()
	}
	return nil
}

func (c *hostContext) WaitEvent(h driver.Event) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	e, err := c.event("cuEventSynchronize", h)
	if err == nil && e.captured != nil {
		e.captured.broken = true
		err = fail("cuEventSynchronize", captureUnsupported, "the event was recorded in a stream that is being captured")
	}
	return err
}

// StreamWait has nothing to wait for; an event of a capture draws the stream
// into it.
func (c *hostContext) StreamWait(on driver.Stream, h driver.Event) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	e, err := c.event("cuStreamWaitEvent", h)
	if err != nil {
		return err
	}
	s, err := c.stream("cuStreamWaitEvent", on)
	if err != nil {
		return err
	}
	if e.captured != nil && s.capture == nil {
		s.capture = e.captured
	}
	return nil
}

func (c *hostContext) Elapsed(from, to driver.Event) (time.Duration, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	var at [2]time.Time
	for i, h := range []driver.Event{from, to} {
		e, err := c.event("cuEventElapsedTime", h)
		if err != nil {
			return 0, err
		}
		if !e.timed || e.at.IsZero() {
			return 0, fail("cuEventElapsedTime", invalidHandle, fmt.Sprintf("event %d is not timed, or not recorded", h))
		}
		at[i] = e.at
	}
	return at[1].Sub(at[0]), nil
}
