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
	Kernel string // the first version's unit: "rms_norm"
	Shape  string // "llama-3.1-8b/tokens=256"
	Bytes  int64  // that pass through memory at least
	FLOPs  int64  // of the matrix units; 0: none to speak of
	Bound  float64
	// Versions are what computes it, the first one as package kernels has it.
	Versions []Version

	model model.Config
	load  func(*Ready) error // beyond the kernel's set
	draw  func(*Ready, *operands) *trial
}

func (c Case) String() string { return c.Kernel + "/" + c.Shape }

// Version is a way to compute a case.
type Version struct {
	Name string
	Gain string // what it is thought to gain over the first

	// A candidate has a source of its own, in the folder candidates, macros, or a
	// size of its blocks; the first version has neither.
	File    string
	Macros  []string
	Threads int
	Grid    func(m model.Config, threads int) [3]uint32
}

// trial is one computation made ready.
type trial struct {
	launch func(driver.Stream) error // as the engine launches it
	params []byte                    // of the kernel, for a candidate
	before func()                    // keeps what the kernel changes, for compare; may be nil
	// compare gives what the kernel left and what it should be, or the sample of
	// it that counts. It downloads, after the launch.
	compare func() (got, want []float64)
}

// Ready is a version that is compiled and loaded.
type Ready struct {
	b       *Bench
	c       Case
	v       Version
	set     *kernels.Set
	module  driver.Module
	f       driver.Function
	closers []func() error
}

// Ready compiles and loads a version of a case.
func (b *Bench) Ready(ctx context.Context, c Case, v Version) (*Ready, error) {
	r := &Ready{b: b, c: c, v: v}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%v, version %s: %w", c, v.Name, err), r.Close())
	}
	return r, nil
}

func (r *Ready) open(ctx context.Context) error {
	if r.c.load != nil {
		return r.c.load(r)
	}
	spec := r.b.spec(r.c.model)
	if r.v.Threads == 0 {
		set, err := kernels.LoadOnly(ctx, r.b.dev, r.b.compiler, spec, r.c.Kernel)
		if err != nil {
			return err
		}
		r.set, r.closers = set, append(r.closers, set.Close)
		return nil
	}
	u := spec.Unit(r.v.Name, r.c.Kernel+".cu", append([]string{fmt.Sprintf("THREADS=%d", r.v.Threads)}, r.v.Macros...)...)
	if r.v.File != "" {
		text, err := candidates.ReadFile("candidates/" + r.v.File)
		if err != nil {
			return err
		}
		u.File, u.Source = r.v.File, text
	}
	made, err := r.b.compiler.Compile(ctx, u)
	if err != nil {
		return err
	}
	if r.module, err = r.b.dev.Load(made.Image); err != nil {
		return err
	}
	r.closers = append(r.closers, func() error { return r.b.dev.Unload(r.module) })
	r.f, err = r.b.dev.Function(r.module, r.c.Kernel)
	return err
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

// run queues a trial.
func (r *Ready) run(t *trial) error {
	if r.f == 0 {
		return t.launch(r.b.stream)
	}
	return r.b.dev.Launch(driver.Launch{
		Function: r.f, Grid: r.v.Grid(r.c.model, r.v.Threads), Block: [3]uint32{uint32(r.v.Threads), 1, 1}, Params: t.params,
	}, r.b.stream)
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
