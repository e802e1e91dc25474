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
	c.mu.Lock()
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.stream("cuStreamDestroy_v2", h); err != nil {
		return err
	}
	delete(c.streams, h)
	return nil
}

func (c *hostContext) Synchronize(h driver.Stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.stream("cuStreamSynchronize", h)
	if err == nil && s.capture != nil {
		err = fail("cuStreamSynchronize", captureUnsupported, "the stream is being captured")
	}
	return err
}

func (c *hostContext) NewEvent(timed bool) (driver.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := driver.Event(c.handle())
	c.events[h] = &event{timed: timed}
	return h, nil
}

func (c *hostContext) DropEvent(h driver.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.event("cuEventDestroy_v2", h); err != nil {
		return err
	}
	delete(c.events, h)
	return nil
}

func (c *hostContext) Record(h driver.Event, on driver.Stream) error {
	c.mu.Lock()
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
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.event("cuEventSynchronize", h)
	if err == nil && e.captured != nil {
		err = fail("cuEventSynchronize", captureUnsupported, "the event was recorded in a stream that is being captured")
	}
	return err
}

// StreamWait has nothing to wait for; an event of a capture draws the stream
// into it.
func (c *hostContext) StreamWait(on driver.Stream, h driver.Event) error {
	c.mu.Lock()
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
	c.mu.Lock()
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

// queue runs n, or keeps it in the stream's capture.
func (c *hostContext) queue(call string, h driver.Stream, n node) error {
	s, err := c.stream(call, h)
	if err != nil {
		return err
	}
	if s.capture != nil {
		s.capture.nodes = append(s.capture.nodes, n)
		return nil
	}
	return n.run()
}

func (c *hostContext) CopyIn(dst driver.Ptr, src []byte, h driver.Stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	to, err := c.memory("cuMemcpyHtoDAsync_v2", dst, int64(len(src)))
	if err != nil {
		return err
	}
	return c.queue("cuMemcpyHtoDAsync_v2", h, node{kind: "copy in", run: func() error { copy(to, src); return nil }})
}

func (c *hostContext) CopyOut(dst []byte, src driver.Ptr, h driver.Stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, err := c.memory("cuMemcpyDtoHAsync_v2", src, int64(len(dst)))
	if err != nil {
		return err
	}
	return c.queue("cuMemcpyDtoHAsync_v2", h, node{kind: "copy out", run: func() error { copy(dst, from); return nil }})
}

func (c *hostContext) CopyWithin(dst, src driver.Ptr, bytes int64, h driver.Stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	to, err := c.memory("cuMemcpyDtoDAsync_v2", dst, bytes)
	if err != nil {
		return err
	}
	from, err := c.memory("cuMemcpyDtoDAsync_v2", src, bytes)
	if err != nil {
		return err
	}
	return c.queue("cuMemcpyDtoDAsync_v2", h, node{kind: "copy", run: func() error { copy(to, from); return nil }})
}

func (c *hostContext) Fill(dst driver.Ptr, value byte, bytes int64, h driver.Stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	to, err := c.memory("cuMemsetD8Async", dst, bytes)
	if err != nil {
		return err
	}
	return c.queue("cuMemsetD8Async", h, node{kind: "fill", run: func() error { fill(to, value); return nil }})
}
