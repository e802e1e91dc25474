// Package ceiling measures what a machine's memory and arithmetic units can do
// at most, with the instructions that the CPU backend would use: what its decode
// and prefill are compared with.
package ceiling

import (
	"fmt"

	"tierlab/engine/backend/cpu/internal/kernels"
)

// Bench holds the threads and the memory of a measurement. A machine that others
// share gives different figures from one moment to the next, so each call is
// short and made between what it is compared with.
type Bench struct {
	pool    *kernels.Pool
	ceiling *kernels.Ceiling
	Kernels string // the instruction set, as backend.Caps names it
}

// New prepares a measurement for numerics "f32" or "bf16" with the fastest
// instruction set of this machine. bytes is what a pass reads: as many as the
// weights that a decode step reads, since a large third cache may hold a part.
func New(numerics string, threads int, bytes int64) (*Bench, error) {
	num := kernels.F32
	switch numerics {
	case kernels.F32.String():
	case kernels.BF16.String():
		num = kernels.BF16
	default:
		return nil, fmt.Errorf("numerics %q: want f32 or bf16", numerics)
	}
	if threads < 1 {
		return nil, fmt.Errorf("%d threads: want at least 1", threads)
	}
	isa := kernels.Detect().Best(num)
	k, err := kernels.New(num, isa)
	if err != nil {
		return nil, err
	}
	pool := kernels.NewPool(threads)
	c, err := k.NewCeiling(pool, bytes)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Bench{pool: pool, ceiling: c, Kernels: isa.String()}, nil
}

// ReadGBs reads all bytes once with all threads: 1e9 bytes a second.
func (b *Bench) ReadGBs() float64 { return b.ceiling.ReadGBs() }

// GFLOPs multiplies in registers with all threads for some milliseconds: 1e9
// operations a second.
func (b *Bench) GFLOPs() float64 { return b.ceiling.GFLOPs() }

// Close ends the threads and frees the memory.
func (b *Bench) Close() error {
	b.pool.Close()
	return b.ceiling.Close()
}
