package lab

import (
	"context"
	"errors"
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/model"
)

// Case is one kernel at one shape.
type Case struct {
	Kernel string // "rms_norm"
	Shape  string // "llama-3.1-8b/tokens=256"
	Bytes  int64  // that pass through memory at least
	FLOPs  int64  // of the matrix units; 0: none to speak of
	Bound  float64
	// Versions are what computes it, the first one as the engine does.
	Versions []Version

	model model.Config
	draw  func(*Ready, *operands) *trial
}

func (c Case) String() string { return c.Kernel + "/" + c.Shape }

// trial is one computation made ready.
type trial struct {
	launch  func(driver.Stream) error // by the engine's own set
	params  []byte                    // of the kernel, for a candidate
	product *kernels.ProductParams    // of a product
	before  func()                    // keeps what the kernel changes, for compare; may be nil
	// compare gives what the kernel left and what it should be, or the sample of
	// it that counts. It downloads, after the launch.
	compare func() (got, want []float64)
}

// Ready is a version of a case that is compiled and loaded.
type Ready struct {
	b   *Bench
	c   Case
	v   Version
	set *kernels.Set       // of the version that the engine has
	run func(*trial) error // queues a trial
	// Registers and Stack, in bytes, are a thread's in the kernel that takes most of
	// them; 0 of a library's, which does not tell.
	Registers, Stack int

	closers []func() error
}

// Ready compiles and loads a version of a case.
func (b *Bench) Ready(ctx context.Context, c Case, v Version) (*Ready, error) {
	r := &Ready{b: b, c: c, v: v}
	if err := v.open(ctx, r); err != nil {
		return nil, errors.Join(fmt.Errorf("%v, version %s: %w", c, v.Name, err), r.Close())
	}
	return r, nil
}

// takes notes what a kernel of the version takes.
func (r *Ready) takes(a driver.Attributes) {
	r.Registers, r.Stack = max(r.Registers, a.Registers), max(r.Stack, a.Local)
}

// Close unloads the version. Closing twice is no error.
func (r *Ready) Close() error {
	var errs []error
	for _, f := range r.closers {
		errs = append(errs, f())
	}
	r.closers = nil
	return errors.Join(errs...)
}

// Check runs the version on operands drawn from a seed and says how far it is
// off, which is an error beyond the case's bound.
func (r *Ready) Check(seed uint64) (off float64, err error) {
	o := r.b.draw(seed)
	defer func() { err = errors.Join(err, o.free()) }()
	t := r.c.draw(r, o)
	if t.before != nil {
		t.before()
	}
	if o.err == nil {
		o.err = r.run(t)
	}
	got, want := t.compare()
	if o.err != nil {
		return 0, fmt.Errorf("%v, version %s: %w", r.c, r.v.Name, o.err)
	}
	if off = reference.Error(got, want); !(off <= r.c.Bound) {
		return off, fmt.Errorf("%v, version %s: ||out - ref|| / ||ref|| = %.2g on operands of seed %d; the bound is %.2g", r.c, r.v.Name, off, seed, r.c.Bound)
	}
	return off, nil
}
