package kernels

import (
	"fmt"
	"tierlab/engine/bf16"
)

// Panel holds rows of activations as the products read them, already rounded
// where the numerics ask for it. A line is 64 bytes of one row: 16 f32 or 32
// bf16. Rows are in blocks of 16, the last one of n mod 16 if that is not 0, and
// a block of h rows is [lines][h][64 bytes]: a step in k of a block is
// contiguous, and the rows of a block are one tile of AMX. Columns beyond the
// last are zero.
type Panel struct {
	num   Numerics
	cols  int // of a row, unpadded
	lines int // of a row
	n     int // rows in use
	f32   []float32
	b16   []uint16
}

// NewPanel makes room for rows x cols.
func (k *Kernels) NewPanel(rows, cols int) *Panel {
	e := k.num.lineElems()
	p := &Panel{num: k.num, cols: cols, lines: (cols + e - 1) / e}
	size := rows * p.lines * e
	if k.num == BF16 {
		p.b16 = alignedU16(size)
	} else {
		p.f32 = alignedF32(size)
	}
	return p
}

// Reset makes the panel hold n rows, whose contents are undefined until they
// are Put.
func (p *Panel) Reset(n int) {
	e := p.num.lineElems()
	if have := max(len(p.f32), len(p.b16)) / (p.lines * e); n < 0 || n > have {
		panic(fmt.Sprintf("kernels: panel of %d rows reset to %d", have, n))
	}
	p.n = n
}

// Rows is the number of rows in use.
func (p *Panel) Rows() int { return p.n }

// Cols is the length of a row.
func (p *Panel) Cols() int { return p.cols }

// at is the index of a row's first element, and the distance between its lines.
func (p *Panel) at(i int) (offset, step int) {
	e := p.num.lineElems()
	base := i &^ 15
	h := min(16, p.n-base)
	return (base*p.lines + i - base) * e, h * e
}

// Put sets the elements col to col+len(v)-1 of row i, rounded. col is a multiple
// of 32. A line that v ends in is filled up with zeros, so the end of v is a
// multiple of 32 too unless it is the row's. Several goroutines may put
// different rows or lines.
func (k *Kernels) Put(p *Panel, i, col int, v []float32) {
	e := p.num.lineElems()
	if i < 0 || i >= p.n || col&31 != 0 || col+len(v) > p.cols {
		panic(fmt.Sprintf("kernels: put %d columns at row %d, column %d of a panel of %d x %d", len(v), i, col, p.n, p.cols))
	}
	offset, step := p.at(i)
	offset += col / e * step
	if p.num == BF16 {
		k.ops.putB16(p.b16[offset:], step, v)
	} else {
		putF32(p.f32[offset:], step, v)
	}
}

// putB16 rounds v into lines that are step elements apart.
func putB16(dst []uint16, step int, v []float32) {
	for len(v) > 0 {
		m := min(32, len(v))
		line := dst[:32]
		for j, x := range v[:m] {
			line[j] = uint16(bf16.Of(x))
		}
		clear(line[m:])
		if v = v[m:]; len(v) > 0 {
			dst = dst[step:]
		}
	}
}

func putF32(dst []float32, step int, v []float32) {
	for len(v) > 0 {
		m := copy(dst[:16], v)
		clear(dst[m:16])
		if v = v[m:]; len(v) > 0 {
			dst = dst[step:]
		}
	}
}
