package kernels

import "fmt"

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
		k.ops.mulB16(y, stride, x.b16, x.n, w.mem.b16[from:], w.lines, panels, false)
	} else {
		k.ops.mulF32(y, stride, x.f32, x.n, w.mem.f32[from:], w.lines, panels, false)
	}
}

// mulF32 is the portable product. Element (i, r) is one sum over k in
// ascending order.
func mulF32(c []float32, ldc int, a []float32, n int, b []float32, lines, panels int, acc bool) {
	for p := range panels {
		panel := b[p*lines*256:][:lines*256]
		for i := range n {
			base := i &^ 15
			h := min(16, n-base)
			out := (*[panelRows]float32)(c[i*ldc+p*panelRows:])
			var sum [panelRows]float32
			if acc {
				sum = *out
			}
			row := a[(base*lines+i-base)*16:]
			for l := range lines {
				dotF32(&sum, (*[16]float32)(row[l*h*16:]), (*[256]float32)(panel[l*256:]))
			}
			*out = sum
		}
	}
}

func dotF32(sum *[panelRows]float32, x *[16]float32, w *[256]float32) {
	for j, v := range x {
		step := (*[panelRows]float32)(w[j*panelRows:])
		for r, u := range step {
			sum[r] += v * u
		}
	}
}

// mulB16 is mulF32 for bf16.
func mulB16(c []float32, ldc int, a []uint16, n int, b []uint16, lines, panels int, acc bool) {
	for p := range panels {
		panel := b[p*lines*512:][:lines*512]
		for i := range n {
			base := i &^ 15
			h := min(16, n-base)
			out := (*[panelRows]float32)(c[i*ldc+p*panelRows:])
			var sum [panelRows]float32
			if acc {
				sum = *out
			}
			row := a[(base*lines+i-base)*32:]
			for l := range lines {
				dotB16(&sum, (*[32]uint16)(row[l*h*32:]), (*[512]uint16)(panel[l*512:]))
			}
			*out = sum
		}
	}
}

func dotB16(sum *[panelRows]float32, x *[32]uint16, w *[512]uint16) {
	for j := 0; j < 32; j += 2 {
		v0, v1 := WidenBF16(x[j]), WidenBF16(x[j+1])
		step := (*[2 * panelRows]uint16)(w[j*panelRows:])
		for r := range panelRows {
			sum[r] += v0 * WidenBF16(step[2*r])
			sum[r] += v1 * WidenBF16(step[2*r+1])
		}
	}
}

// ChunkRows is how many rows of w one task of a parallel product over n rows of
// activations takes best, a multiple of 32: small enough that a worker which
// is late takes less, and large enough that activations are read seldom.
func (k *Kernels) ChunkRows(w *Matrix, n, workers int) int {
	share := w.PaddedRows() / (workers * 4) &^ 31
	return min(max(share, 32), 256)
}
