package kernels

import (
	"fmt"
	"tierlab/engine/bf16"
)

// Mul computes y[i*stride+r-lo] = sum over c of w[r][c] * x[i][c] for all rows i
// of x and lo <= r < hi. lo is a multiple of 16; so is hi, or it is w.Rows(), and
// then y is written up to the next multiple of 16. stride is at least what is
// written of a row.
//
// The bits of an element of y depend on its row of x and its row of w alone.
func (k *Kernels) Mul(y []float32, stride int, w *Matrix, x *Panel, lo, hi int) {
	if w.num != k.num || x.num != k.num || w.cols != x.cols {
		panic(fmt.Sprintf("kernels: %s product of a %s matrix of %d columns and a %s panel of %d", k.num, w.num, w.cols, x.num, x.cols))
	}
	if lo < 0 || lo%panelRows != 0 || hi > w.rows || hi%panelRows != 0 && hi != w.rows {
		panic(fmt.Sprintf("kernels: rows %d to %d of %d: want multiples of %d", lo, hi, w.rows, panelRows))
	}
	panels := (hi - lo + panelRows - 1) / panelRows
	if panels <= 0 || x.n == 0 {
		return
	}
	if stride < panels*panelRows || len(y) < (x.n-1)*stride+panels*panelRows {
		panic(fmt.Sprintf("kernels: output of %d elements, stride %d, for %d x %d", len(y), stride, x.n, panels*panelRows))
	}
	from := lo / panelRows * w.lines * k.num.stepElems()
	if k.num == BF16 {
		k.ops.mulB16(product[uint16]{c: y, ldc: stride, a: x.b16, n: x.n, b: w.mem.b16[from:], lines: w.lines, panels: panels})
	} else {
		k.ops.mulF32(product[float32]{c: y, ldc: stride, a: x.f32, n: x.n, b: w.mem.f32[from:], lines: w.lines, panels: panels})
	}
}

// product is c[i*ldc+r] = sum over k of a[i][k] * b[r][k], for n rows of a, laid
// out as in Panel, and 16*panels rows of b, laid out as in Matrix.
type product[E float32 | uint16] struct {
	c   []float32
	ldc int
	a   []E
	n   int
	b   []E
	// lines is what a panel of b has. A row of a has aLines (0: as many), of which
	// the product uses those from line from on.
	lines, aLines, from int
	panels              int
	add                 bool // to what c holds
}

// rowLines is the number of lines of a row of a.
func (p *product[E]) rowLines() int {
	if p.aLines == 0 {
		return p.lines
	}
	return p.aLines
}

// row is the index in a, in lines, of the first line of row i that the product
// uses, and the distance to the row's next one.
func (p *product[E]) row(i int) (line, step int) {
	base := i &^ 15
	h := min(16, p.n-base)
	return base*p.rowLines() + p.from*h + i - base, h
}

// mulF32 is the portable product. An element is one sum over k in ascending
// order.
func mulF32(p product[float32]) {
	for panel := range p.panels {
		b := p.b[panel*p.lines*256:][:p.lines*256]
		for i := range p.n {
			out := (*[panelRows]float32)(p.c[i*p.ldc+panel*panelRows:])
			var sum [panelRows]float32
			if p.add {
				sum = *out
			}
			line, step := p.row(i)
			for l := range p.lines {
				dotF32(&sum, (*[16]float32)(p.a[(line+l*step)*16:]), (*[256]float32)(b[l*256:]))
			}
			*out = sum
		}
	}
}

// dotF32 adds the products of one line and one step, four rows at a time so that
// their sums stay in registers.
func dotF32(sum *[panelRows]float32, x *[16]float32, w *[256]float32) {
	for r := 0; r < panelRows; r += 4 {
		s0, s1, s2, s3 := sum[r], sum[r+1], sum[r+2], sum[r+3]
		for j, v := range x {
			u := (*[4]float32)(w[j*panelRows+r:])
			s0 += v * u[0]
			s1 += v * u[1]
			s2 += v * u[2]
			s3 += v * u[3]
		}
		sum[r], sum[r+1], sum[r+2], sum[r+3] = s0, s1, s2, s3
	}
}

// mulB16 is mulF32 for bf16.
func mulB16(p product[uint16]) {
	for panel := range p.panels {
		b := p.b[panel*p.lines*512:][:p.lines*512]
		for i := range p.n {
			out := (*[panelRows]float32)(p.c[i*p.ldc+panel*panelRows:])
			var sum [panelRows]float32
			if p.add {
				sum = *out
			}
			line, step := p.row(i)
			for l := range p.lines {
				dotB16(&sum, (*[32]uint16)(p.a[(line+l*step)*32:]), (*[512]uint16)(b[l*512:]))
			}
			*out = sum
		}
	}
}

// dotB16 is dotF32 for bf16. The even one of a pair of k comes first.
func dotB16(sum *[panelRows]float32, x *[32]uint16, w *[512]uint16) {
	for r := 0; r < panelRows; r += 4 {
		s0, s1, s2, s3 := sum[r], sum[r+1], sum[r+2], sum[r+3]
		for j := 0; j < 32; j += 2 {
			v0, v1 := bf16.Number(x[j]).Float(), bf16.Number(x[j+1]).Float()
			u := (*[8]uint16)(w[j*panelRows+2*r:])
			s0 = s0 + v0*bf16.Number(u[0]).Float() + v1*bf16.Number(u[1]).Float()
			s1 = s1 + v0*bf16.Number(u[2]).Float() + v1*bf16.Number(u[3]).Float()
			s2 = s2 + v0*bf16.Number(u[4]).Float() + v1*bf16.Number(u[5]).Float()
			s3 = s3 + v0*bf16.Number(u[6]).Float() + v1*bf16.Number(u[7]).Float()
		}
		sum[r], sum[r+1], sum[r+2], sum[r+3] = s0, s1, s2, s3
	}
}

// ChunkRows is how many rows of w one task of a parallel product over n rows of
// activations takes best, a multiple of 32: small enough that a worker which
// is late takes less, and large enough that activations are read seldom.
func (k *Kernels) ChunkRows(w *Matrix, n, workers int) int {
	share := w.PaddedRows() / (workers * 4) &^ 31
	return min(max(share, 32), 256)
}
