package cuda

import (
	"errors"
	"fmt"
	"runtime"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/products"
	"tierlab/engine/sample"
)

// depth is how many steps may be submitted ahead of the one that is due.
const depth = 1

// Backend computes steps on a device.
type Backend struct {
	caps   backend.Caps
	sizes  sizes
	slots  *backend.Slots
	work   kernels.Work // of the step that is laid out
	phases phases

	dev      driver.Context
	held     owned
	set      *kernels.Set
	products *products.Products
	graphs   graphs

	weights       *weights
	acts          *activations
	keys, values  driver.Ptr // bf16 [layers][blocks][KVHeads][BlockTokens][HeadDim]
	layerElements int64      // of one layer's keys

	stream  driver.Stream
	ring    []flight
	head    int // the oldest under way
	flying  int
	sampler sample.Sampler
	failed  error
}

// The errors of a backend that is not driven as it should be.
var (
	errFull   = errors.New("cuda: Submit with Depth + 1 steps under way")
	errIdle   = errors.New("cuda: Wait with no step under way")
	errClosed = errors.New("cuda: the backend is closed")
)

// Caps says what the backend is.
func (b *Backend) Caps() backend.Caps { return b.caps }

// Phases are the parts of Open.
func (b *Backend) Phases() []backend.Phase { return b.phases.all() }

// Submit queues a step.
func (b *Backend) Submit(s *backend.Step) error {
	if b.failed != nil {
		return b.failed
	}
	if b.flying == len(b.ring) {
		return b.fail(errFull)
	}
	if err := b.check(s); err != nil {
		return b.fail(err)
	}
	if err := b.slots.Apply(s.Plan); err != nil {
		return b.fail(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.dev.Bind(); err != nil {
		return b.fail(fmt.Errorf("cuda: %w", err))
	}
	f := &b.ring[(b.head+b.flying)%len(b.ring)]
	b.lay(f, s)
	if err := b.launch(f); err != nil {
		return b.fail(fmt.Errorf("cuda: plan %d: %w", s.Plan.ID, err))
	}
	b.flying++
	return nil
}

// check refuses what no kernel looks at.
func (b *Backend) check(s *backend.Step) error {
	if err := b.caps.Check(s); err != nil {
		return err
	}
	for i := range s.Picks {
		if err := s.Picks[i].Validate(); err != nil {
			return fmt.Errorf("cuda: plan %d, pick %d: %w", s.Plan.ID, i, err)
		}
	}
	return nil
}

// Wait waits for the oldest step under way.
func (b *Backend) Wait(r *backend.Result) error {
	if b.failed != nil {
		return b.failed
	}
	if b.flying == 0 {
		return b.fail(errIdle)
	}
	f := &b.ring[b.head]
	b.head = (b.head + 1) % len(b.ring)
	b.flying--
	if err := b.await(f); err != nil {
		return b.fail(fmt.Errorf("cuda: plan %d: %w", f.step.Plan.ID, err))
	}
	if err := b.collect(f, r); err != nil {
		return b.fail(fmt.Errorf("cuda: plan %d: %w", f.step.Plan.ID, err))
	}
	f.step = nil
	return nil
}

// await blocks until the device has run a step.
func (b *Backend) await(f *flight) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.dev.Bind(); err != nil {
		return err
	}
	return b.dev.WaitEvent(f.done)
}

// Close waits for the device and gives back what was taken from it. Closing
// twice is no error.
func (b *Backend) Close() error {
	if b.failed == errClosed {
		return nil
	}
	b.failed = errClosed
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := b.settle()
	if given := b.held.close(); err == nil {
		err = given
	}
	*b = Backend{caps: b.caps, phases: b.phases, failed: errClosed}
	if err != nil {
		return fmt.Errorf("cuda: closing: %w", err)
	}
	return nil
}

// settle waits for what is queued, so that nothing is taken from under a step.
func (b *Backend) settle() error {
	if b.stream == 0 {
		return nil
	}
	if err := b.dev.Bind(); err != nil {
		return err
	}
	return b.dev.Synchronize(b.stream)
}

func (b *Backend) fail(err error) error {
	b.failed = err
	return err
}
