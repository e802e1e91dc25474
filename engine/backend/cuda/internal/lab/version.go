package lab

import (
	"context"
	"embed"
	"fmt"
	"slices"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
)

// candidates are versions of kernels that are not in use.
//
//go:embed candidates/*.cu
var candidates embed.FS

// Version is a way to compute a case.
type Version struct {
	Name      string
	Candidate bool   // the engine does not have it
	Gain      string // what a candidate is thought to gain
	// units are what it compiles, as far as that is known before it does.
	units func(b *Bench, c Case) []kernels.Unit
	// open makes r run trials.
	open func(ctx context.Context, r *Ready) error
}

// inUse is the version that the engine has: kernels of its set, with the set's
// own grids.
func inUse(names ...string) Version { return sized(names[0], "", func(*kernels.Spec) {}, names...) }

// sized is the same with a spec that is changed.
func sized(name, gain string, change func(*kernels.Spec), names ...string) Version {
	spec := func(b *Bench, c Case) kernels.Spec {
		s := b.spec(c.model)
		change(&s)
		return s
	}
	units := func(b *Bench, c Case) []kernels.Unit {
		return slices.DeleteFunc(spec(b, c).Units(), func(u kernels.Unit) bool { return !slices.Contains(names, u.Name) })
	}
	return Version{Name: name, Candidate: gain != "", Gain: gain, units: units, open: func(ctx context.Context, r *Ready) error {
		set, err := kernels.Load(ctx, r.b.dev, r.b.compiler, spec(r.b, r.c), names...)
		if err != nil {
			return err
		}
		r.set, r.closers = set, append(r.closers, set.Close)
		for _, report := range set.Reports() {
			r.takes(report.Attributes)
		}
		r.run = func(t *trial) error { return t.launch(r.b.stream) }
		return nil
	}}
}

// candidate is a source of the folder candidates, with the function and the
// parameters of the case's kernel.
func candidate(name, gain string, threads int, grid func(m model.Config, threads int) [3]uint32) Version {
	unit := func(b *Bench, c Case) (u kernels.Unit, err error) {
		u = b.spec(c.model).Unit(name, name+".cu", fmt.Sprintf("THREADS=%d", threads))
		u.Source, err = candidates.ReadFile("candidates/" + name + ".cu")
		return u, err
	}
	units := func(b *Bench, c Case) []kernels.Unit {
		u, err := unit(b, c)
		if err != nil {
			return nil // open says so
		}
		return []kernels.Unit{u}
	}
	return Version{Name: name, Candidate: true, Gain: gain, units: units, open: func(ctx context.Context, r *Ready) error {
		u, err := unit(r.b, r.c)
		if err != nil {
			return err
		}
		f, err := r.load(ctx, u, r.c.Kernel, 0)
		if err != nil {
			return err
		}
		l := driver.Launch{Function: f, Grid: grid(r.c.model, threads), Block: [3]uint32{uint32(threads), 1, 1}}
		r.run = func(t *trial) error {
			l.Params = t.params
			return r.b.dev.Launch(l, r.b.stream)
		}
		return nil
	}}
}

// load compiles and loads a unit and allows its kernel so much dynamic shared
// memory.
func (r *Ready) load(ctx context.Context, u kernels.Unit, function string, shared int) (driver.Function, error) {
	made, err := r.b.compiler.Compile(ctx, u)
	if err != nil {
		return 0, err
	}
	module, err := r.b.dev.Load(made.Image)
	if err != nil {
		return 0, err
	}
	r.closers = append(r.closers, func() error { return r.b.dev.Unload(module) })
	f, err := r.b.dev.Function(module, function)
	if err != nil {
		return 0, err
	}
	if shared > 0 {
		if err := r.b.dev.SetShared(f, shared); err != nil {
			return 0, err
		}
	}
	a, err := r.b.dev.Attributes(f)
	r.takes(a)
	return f, err
}
