package cuda

import (
	"slices"

	"tierlab/engine/backend/cuda/internal/driver"
)

// owned is what a backend has taken from the driver and gives back, the latest
// first.
type owned struct {
	dev  driver.Context
	back []func() error
}

func (o *owned) later(back func() error) { o.back = append(o.back, back) }

func (o *owned) memory(bytes int64) (driver.Ptr, error) {
	p, err := o.dev.Alloc(bytes)
	if err == nil {
		o.later(func() error { return o.dev.Free(p) })
	}
	return p, err
}

// host takes page-locked memory.
func (o *owned) host(bytes int) ([]byte, error) {
	b, err := o.dev.AllocHost(bytes)
	if err == nil {
		o.later(func() error { return o.dev.FreeHost(b) })
	}
	return b, err
}

func (o *owned) stream() (driver.Stream, error) {
	s, err := o.dev.NewStream()
	if err == nil {
		o.later(func() error { return o.dev.DropStream(s) })
	}
	return s, err
}

func (o *owned) event() (driver.Event, error) {
	e, err := o.dev.NewEvent(false)
	if err == nil {
		o.later(func() error { return o.dev.DropEvent(e) })
	}
	return e, err
}

// close gives everything back. Its error is the first: after a failure of the
// device every call that follows fails the same way.
func (o *owned) close() error {
	var first error
	for _, back := range slices.Backward(o.back) {
		if err := back(); err != nil && first == nil {
			first = err
		}
	}
	o.back = nil
	return first
}
