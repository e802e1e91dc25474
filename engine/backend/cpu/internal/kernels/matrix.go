package kernels

import (
	"errors"
	"fmt"
	"tierlab/engine/bf16"
)

// Matrix holds weights as the products read them. 16 rows make a panel, and a
// step in k of a panel is 1 KiB: with F32, [16 k][16 rows]; with BF16, [16 pairs
// of k][16 rows][2], which is at once an operand of VDPBF16PS and a tile of AMX.
// A panel is its steps in a row, and the matrix its panels in a row, so a
// product over a range of rows reads memory from front to back. Rows and
// columns are filled up with zeros.
type Matrix struct {
	num        Numerics
	rows, cols int
	lines      int // steps in k of a panel
	mem        slab
}

// panelRows is the number of rows of a panel: the f32 lanes of a vector register,
// and the columns of a tile.
const panelRows = 16

// stepElems is the number of elements of one step in k of a panel.
func (n Numerics) stepElems() int { return panelRows * n.lineElems() }

// Rows is the number of rows, which are a product's outputs.
func (m *Matrix) Rows() int { return m.rows }

// Cols is the number of columns, which are a product's inputs.
func (m *Matrix) Cols() int { return m.cols }

// PaddedRows is Rows rounded up to a multiple of 16: the room that a product's
// output needs.
func (m *Matrix) PaddedRows() int { return (m.rows + panelRows - 1) &^ (panelRows - 1) }

// Bytes is the memory taken.
func (m *Matrix) Bytes() int64 { return int64(len(m.mem.f32))*4 + int64(len(m.mem.b16))*2 }

// Close frees the memory. Nothing may use the matrix then.
func (m *Matrix) Close() error { return m.mem.free() }

// Pack reads a matrix and lays it out. read writes rows row, row+1, ... as far as
// they fill dst, whose length is a multiple of cols; it is called for multiples
// of 16 and at most 16 rows, by the pool's workers at once.
func (k *Kernels) Pack(p *Pool, rows, cols int, read func(row int, dst []float32) error) (*Matrix, error) {
	if rows <= 0 || cols <= 0 {
		return nil, fmt.Errorf("pack a matrix of %d x %d: want positive sizes", rows, cols)
	}
	e := k.num.lineElems()
	m := &Matrix{num: k.num, rows: rows, cols: cols, lines: (cols + e - 1) / e}
	panels := m.PaddedRows() / panelRows
	mem, err := newSlab(k.num, panels*m.lines*k.num.stepElems())
	if err != nil {
		return nil, fmt.Errorf("pack a matrix of %d x %d: %w", rows, cols, err)
	}
	m.mem = mem
	bufs := make([][]float32, p.Workers())
	errs := make([]error, panels)
	p.Run(panels, func(worker, panel int) {
		if bufs[worker] == nil {
			bufs[worker] = make([]float32, panelRows*cols)
		}
		row := panel * panelRows
		buf := bufs[worker][:min(panelRows, rows-row)*cols]
		if errs[panel] = read(row, buf); errs[panel] == nil {
			m.pack(panel, buf)
		}
	})
	for _, err := range errs { // the first says enough
		if err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// pack lays out the rows of one panel, which follow each other in src.
func (m *Matrix) pack(panel int, src []float32) {
	base := panel * m.lines * m.num.stepElems()
	for r := 0; r*m.cols < len(src); r++ {
		row := src[r*m.cols : (r+1)*m.cols]
		if m.num == BF16 {
			packRowB16(m.mem.b16[base:], r, row)
		} else {
			packRowF32(m.mem.f32[base:], r, row)
		}
	}
}

// packRowF32 puts a row of weights into lane r of a panel.
func packRowF32(dst []float32, r int, row []float32) {
	for c, x := range row {
		dst[c*panelRows+r] = x
	}
}

// packRowB16 rounds a row of weights into lane r of a panel.
func packRowB16(dst []uint16, r int, row []float32) {
	for c, x := range row {
		dst[c>>1*(2*panelRows)+2*r+c&1] = uint16(bf16.Of(x))
	}
}

// Row writes row r, of length Cols, to dst: an embedding out of a tied head.
func (m *Matrix) Row(dst []float32, r int) {
	if r < 0 || r >= m.rows {
		panic(fmt.Sprintf("kernels: row %d of a matrix of %d", r, m.rows))
	}
	base, lane := r/panelRows*m.lines*m.num.stepElems(), r%panelRows
	dst = dst[:m.cols]
	if m.num == BF16 {
		src := m.mem.b16[base:]
		for c := range dst {
			dst[c] = bf16.Number(src[c>>1*(2*panelRows)+2*lane+c&1]).Float()
		}
		return
	}
	src := m.mem.f32[base:]
	for c := range dst {
		dst[c] = src[c*panelRows+lane]
	}
}

// MatrixBytes is the memory that a packed matrix takes.
func (k *Kernels) MatrixBytes(rows, cols int) int64 {
	e := k.num.lineElems()
	panels, lines := (rows+panelRows-1)/panelRows, (cols+e-1)/e
	return int64(panels) * int64(lines) * 1024
}
