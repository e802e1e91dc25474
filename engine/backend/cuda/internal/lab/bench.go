package lab

import (
	"context"
	"errors"
	"math/rand/v2"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
)

// Bench is a device that the lab works on. It is used by one goroutine, on a
// thread to which the context is bound.
type Bench struct {
	dev      driver.Context
	compiler kernels.Compiler
	arch     string
	stream   driver.Stream
	fill     *kernels.Set // has the kernel that makes random operands
	mostSets int          // of operands that take turns under a clock
}

// New makes a bench of a device in use. It compiles a kernel.
func New(ctx context.Context, dev driver.Context, c kernels.Compiler, arch string) (*Bench, error) {
	m, err := model.Preset("tiny") // what makes operands has no size of a model in it
	if err != nil {
		return nil, err
	}
	b := &Bench{dev: dev, compiler: &memo{Compiler: c, made: map[string]kernels.Compiled{}}, arch: arch, mostSets: 512}
	if b.fill, err = kernels.Load(ctx, dev, b.compiler, b.spec(m), "seeded"); err != nil {
		return nil, err
	}
	if b.stream, err = dev.NewStream(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// spec is what a model's kernels are compiled for on this device.
func (b *Bench) spec(m model.Config) kernels.Spec {
	return kernels.Spec{Model: m, Arch: b.arch, BlockTokens: 64, MaxBlocks: (m.Context + 63) / 64, SplitTokens: 256}
}

// Close frees what the bench took. Closing twice is no error.
func (b *Bench) Close() error {
	var errs []error
	if b.fill != nil {
		errs = append(errs, b.fill.Close())
	}
	if b.stream != 0 {
		errs = append(errs, b.dev.DropStream(b.stream))
	}
	b.fill, b.stream = nil, 0
	return errors.Join(errs...)
}

// draw begins a set of operands, drawn from a seed.
func (b *Bench) draw(seed uint64) *operands {
	return &operands{b: b, rand: rand.New(rand.NewPCG(seed, 1)), once: map[string]driver.Ptr{}}
}
