//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"time"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

const (
	streamNonBlocking  = 0x1 // CU_STREAM_NON_BLOCKING: it does not wait for the null stream
	eventBlockingSync  = 0x1 // CU_EVENT_BLOCKING_SYNC
	eventDisableTiming = 0x2 // CU_EVENT_DISABLE_TIMING
)

// NewStream makes a stream.
func (c *Context) NewStream() (driver.Stream, error) {
	var s driver.Stream
	if err := c.call(&c.driver.streamCreate, uintptr(unsafe.Pointer(&s)), streamNonBlocking); err != nil {
		return 0, err
	}
	c.keep(streams, uint64(s))
	return s, nil
}

// DropStream frees a stream; what is queued in it runs.
func (c *Context) DropStream(s driver.Stream) error {
	c.endCapturing(s)
	return c.free(streams, uint64(s))
}

// Synchronize waits for a stream.
func (c *Context) Synchronize(s driver.Stream) error {
	return c.quick(&c.driver.streamSynchronize, uintptr(s), 0, 0, 0)
}

// NewEvent makes an event whose waits block.
func (c *Context) NewEvent(timed bool) (driver.Event, error) {
	flags := uintptr(eventBlockingSync | eventDisableTiming)
	if timed {
		flags = eventBlockingSync
	}
	var e driver.Event
	if err := c.call(&c.driver.eventCreate, uintptr(unsafe.Pointer(&e)), flags); err != nil {
		return 0, err
	}
	c.keep(events, uint64(e))
	return e, nil
}

// DropEvent frees an event.
func (c *Context) DropEvent(e driver.Event) error { return c.free(events, uint64(e)) }

// Record makes the event wait for what the stream holds now.
func (c *Context) Record(e driver.Event, s driver.Stream) error {
	return c.quick(&c.driver.eventRecord, uintptr(e), uintptr(s), 0, 0)
}

// WaitEvent blocks until what the event was last recorded after is done.
func (c *Context) WaitEvent(e driver.Event) error {
	return c.quick(&c.driver.eventSynchronize, uintptr(e), 0, 0, 0)
}

// StreamWait makes what is queued in the stream from now on wait for the event.
func (c *Context) StreamWait(s driver.Stream, e driver.Event) error {
	return c.quick(&c.driver.streamWaitEvent, uintptr(s), uintptr(e), 0, 0)
}

// Elapsed is the time between two timed events that have passed, to about 0.5 us.
func (c *Context) Elapsed(from, to driver.Event) (time.Duration, error) {
	var ms float32
	if err := c.call(&c.driver.eventElapsedTime, uintptr(unsafe.Pointer(&ms)), uintptr(from), uintptr(to)); err != nil {
		return 0, err
	}
	return time.Duration(float64(ms) * float64(time.Millisecond)), nil
}
