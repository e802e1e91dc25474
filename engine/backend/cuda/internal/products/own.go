package products

import (
	"context"
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// The most tokens for product_small, for it where it is timed, and for which time
// goes by the weights' bytes whatever multiplies them.
const (
	mostSmall       = 16
	mostSmallTimed  = 32
	mostMemoryBound = 64
)

// smallKernel is product_small for so many tokens.
func smallKernel(tokens int) kernels.SmallProduct {
	switch {
	case tokens <= 8:
		return kernels.SmallProduct{Tokens: 8, RowTiles: 1, Warps: 8, Slots: 2, BlocksPerSM: 3}
	case tokens <= 16:
		return kernels.SmallProduct{Tokens: 16, RowTiles: 1, Warps: 8, Slots: 2, BlocksPerSM: 2}
	}
	return kernels.SmallProduct{Tokens: 32, RowTiles: 1, Warps: 8, Slots: 2, BlocksPerSM: 2}
}

// ownKernel is a kernel of this project, compiled for a shape.
type ownKernel struct {
	dev      driver.Context
	kernel   kernels.ProductKernel
	shape    kernels.ProductShape
	function driver.Function
}

// own is an ownKernel at a bucket.
type own struct {
	*ownKernel
	tokens int
}

func (c own) String() string { return c.kernel.String() }
func (c own) trusted() bool  { return true } // a place of batch-invariant mode has tiled kernels only
func (c own) drop() error    { return nil }

func (c own) multiply(s driver.Stream, p *kernels.ProductParams) error {
	return c.dev.Launch(c.kernel.Launch(c.function, c.shape, c.tokens, p), s)
}

// workshop gathers the kernels that are wanted and compiles each once.
type workshop struct {
	dev   driver.Context
	arch  string
	slots map[slot]*ownKernel
	order []*ownKernel
}

type slot struct {
	kernel kernels.ProductKernel
	shape  kernels.ProductShape
}

func (w *workshop) own(k kernels.ProductKernel, s Shape, tokens int) own {
	at := slot{k, s.kernel()}
	if w.slots[at] == nil {
		w.slots[at] = &ownKernel{dev: w.dev, kernel: k, shape: s.kernel()}
		w.order = append(w.order, w.slots[at])
	}
	return own{ownKernel: w.slots[at], tokens: tokens}
}

// build compiles the kernels, several at once, and loads them. The modules are
// the caller's, also with an error.
func (w *workshop) build(ctx context.Context, c kernels.Compiler) (modules []driver.Module, err error) {
	units := make([]kernels.Unit, len(w.order))
	for i, k := range w.order {
		units[i] = k.kernel.Unit(k.shape, w.arch)
	}
	compiled, err := kernels.Compile(ctx, c, units)
	if err != nil {
		return nil, err
	}
	for i, k := range w.order {
		module, err := w.dev.Load(compiled[i].Image)
		if err != nil {
			return modules, fmt.Errorf("kernel %s: %w", units[i].Name, err)
		}
		modules = append(modules, module)
		if k.function, err = w.dev.Function(module, k.kernel.Function()); err != nil {
			return modules, fmt.Errorf("kernel %s: %w", units[i].Name, err)
		}
		if n := k.kernel.Shared(); n > 0 {
			if err := w.dev.SetShared(k.function, n); err != nil {
				return modules, fmt.Errorf("kernel %s wants %d bytes of shared memory for a block: %w", units[i].Name, n, err)
			}
		}
	}
	return modules, nil
}
