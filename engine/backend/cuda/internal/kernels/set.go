package kernels

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Set holds the kernels of a Spec, loaded on a device. Its launch methods are in
// launch.go, attend.go and choose.go: each queues one kernel in a stream, whose
// grid is made for a bucket, which is how many tokens, rows or samples the step
// may have at most; how many count is in device memory. They may be captured
// into a graph, and want the device's context to be current on the thread.
type Set struct {
	spec      Spec
	dev       driver.Context
	entries   [kernelCount]entry
	functions [kernelCount]driver.Function
	resident  [kernelCount]int // blocks that the device holds at once, of kernels that stride
	modules   []driver.Module
	reports   []Report
}

// Report is what compiling and loading a unit gave.
type Report struct {
	Unit       Unit
	Log        string // the compiler's
	Attributes driver.Attributes
	Cached     bool // it was found on disk
}

// Load compiles the units of a Spec, as many at once as there are processors, and
// loads them: those of the names given, to launch another one is an error, or all
// without any. The device's context is current on the calling thread.
func Load(ctx context.Context, dev driver.Context, c Compiler, s Spec, names ...string) (*Set, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	set := &Set{spec: s, dev: dev, entries: s.entries()}
	var ids []kernelID
	var units []Unit
	for i, e := range set.entries {
		if len(names) == 0 || slices.Contains(names, e.name) {
			ids, units = append(ids, kernelID(i)), append(units, s.unit(e))
		}
	}
	compiled, err := Compile(ctx, c, units)
	if err != nil {
		return nil, err
	}
	for i, k := range ids {
		if err := set.load(k, units[i], compiled[i]); err != nil {
			return nil, errors.Join(fmt.Errorf("kernel %s: %w", units[i].Name, err), set.Close())
		}
	}
	return set, nil
}

// load takes one unit's image in.
func (s *Set) load(k kernelID, u Unit, c Compiled) error {
	module, err := s.dev.Load(c.Image)
	if err != nil {
		return err
	}
	s.modules = append(s.modules, module)
	f, err := s.dev.Function(module, s.entries[k].name)
	if err != nil {
		return err
	}
	if n := s.entries[k].shared; n > 0 {
		if err := s.dev.SetShared(f, n); err != nil {
			return fmt.Errorf("%d bytes of shared memory for a block: %w", n, err)
		}
	}
	a, err := s.dev.Attributes(f)
	if err != nil {
		return err
	}
	if err := s.fill(k, f); err != nil {
		return err
	}
	s.functions[k] = f
	s.reports = append(s.reports, Report{Unit: u, Log: c.Log, Attributes: a, Cached: c.Cached})
	return nil
}

// fill finds out how many blocks of a kernel that strides fill the device.
func (s *Set) fill(k kernelID, f driver.Function) error {
	e := &s.entries[k]
	if !e.strides {
		return nil
	}
	n, err := s.dev.Occupancy(f, e.threads, e.shared)
	if err != nil {
		return err
	}
	if n < 1 {
		return fmt.Errorf("no multiprocessor holds a block of %d threads with %d bytes of shared memory", e.threads, e.shared)
	}
	s.resident[k] = n * s.dev.Device().SMs
	return nil
}

// Spec is what the kernels are specialised for.
func (s *Set) Spec() Spec { return s.spec }

// Reports has one entry for each unit that is loaded, in the order of Spec.Units.
func (s *Set) Reports() []Report { return s.reports }

// Close unloads the kernels. No launch of them is under way. Closing twice is no
// error.
func (s *Set) Close() error {
	var errs []error
	for _, m := range s.modules {
		errs = append(errs, s.dev.Unload(m))
	}
	s.modules = nil
	return errors.Join(errs...)
}

// Compile compiles units, as many at once as there are processors, and gives the
// results in the same order. The first failure ends it.
func Compile(ctx context.Context, c Compiler, units []Unit) ([]Compiled, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]Compiled, len(units))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(units), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := range next {
				var err error
				if out[i], err = c.Compile(ctx, units[i]); err != nil {
					cancel(fmt.Errorf("kernel %s: %w", units[i].Name, err))
				}
			}
		})
	}
feed:
	for i := range units {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return out, nil
}
