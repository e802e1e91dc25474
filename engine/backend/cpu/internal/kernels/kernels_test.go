package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tierlab/engine/bf16"
	"tierlab/engine/kv"
)

// eachKernels runs f for all loops that this machine has.
func eachKernels(t *testing.T, f func(t *testing.T, k *Kernels)) {
	for _, num := range []Numerics{F32, BF16} {
		for _, isa := range Detect().ISAs(num) {
			k, err := New(num, isa)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("%s/%s", num, isa), func(t *testing.T) { f(t, k) })
		}
	}
}

// normal fills a slice with standard normal numbers of a seed.
func normal(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// as rounds x as the numerics do before a product.
func (n Numerics) as(x float32) float64 {
	if n == BF16 {
		return float64(bf16.Of(x).Float())
	}
	return float64(x)
}

func pack(t testing.TB, k *Kernels, rows, cols int, w []float32) *Matrix {
	t.Helper()
	p := NewPool(2)
	defer p.Close()
	m, err := k.Pack(p, rows, cols, func(row int, dst []float32) error {
		copy(dst, w[row*cols:])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func panel(k *Kernels, n, cols int, x []float32) *Panel {
	p := k.NewPanel(n, cols)
	p.Reset(n)
	for i := range n {
		k.Put(p, i, 0, x[i*cols:(i+1)*cols])
	}
	return p
}

func TestMulAgainstFloat64(t *testing.T) {
	sizes := []struct{ n, rows, cols int }{
		{1, 16, 32}, {1, 40, 100}, {3, 33, 7}, {16, 48, 64}, {17, 64, 96}, {31, 100, 130}, {32, 32, 512}, {50, 80, 1000}, {70, 16, 4100},
	}
	eachKernels(t, func(t *testing.T, k *Kernels) {
		for _, s := range sizes {
			w, x := normal(1, s.rows*s.cols), normal(2, s.n*s.cols)
			m := pack(t, k, s.rows, s.cols, w)
			stride := m.PaddedRows() + 5
			y := make([]float32, s.n*stride)
			k.Mul(y, stride, m, panel(k, s.n, s.cols, x), 0, s.rows)
			for i := range s.n {
				for r := range s.rows {
					var want, size float64
					for c := range s.cols {
						p := k.num.as(w[r*s.cols+c]) * k.num.as(x[i*s.cols+c])
						want += p
						size += math.Abs(p)
					}
					if got := float64(y[i*stride+r]); math.Abs(got-want) > 2e-6*size+1e-30 {
						t.Fatalf("%v: y[%d][%d] = %g, want %g", s, i, r, got, want)
					}
				}
			}
		}
	})
}

// A product's bits do not depend on the rows beside it, nor on how its outputs
// are cut; the longer ones are cut themselves, in lines, panels and rows.
func TestMulBits(t *testing.T) {
	for _, s := range []struct {
		rows, cols int
		n          []int
	}{
		{112, 300, []int{1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 31, 32, 33, 47, 48, 49, 63, 64, 65, 70}},
		{32, 4200, []int{1, 17, 40}},
		{48, 33 * 1024, []int{1, 18, 33}},
		{600, 64, []int{1, 40}},
	} {
		eachKernels(t, func(t *testing.T, k *Kernels) {
			most := s.n[len(s.n)-1]
			w, x := normal(3, s.rows*s.cols), normal(4, most*s.cols)
			m := pack(t, k, s.rows, s.cols, w)
			stride := m.PaddedRows()
			want := make([]float32, most*stride)
			for i := range most {
				k.Mul(want[i*stride:], stride, m, panel(k, 1, s.cols, x[i*s.cols:]), 0, s.rows)
			}
			for _, n := range s.n {
				y := make([]float32, n*stride)
				p := panel(k, n, s.cols, x[(most-n)*s.cols:])
				for lo, step := 0, 16; lo < s.rows; lo, step = lo+step, 4*step {
					k.Mul(y[lo:], stride, m, p, lo, min(lo+step, s.rows))
				}
				sameBits(t, fmt.Sprintf("%d of %d x %d", n, s.rows, s.cols), y, want[(most-n)*stride:])
			}
		})
	}
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: value %d is %g (%08x), want %g (%08x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestRow(t *testing.T) {
	const rows, cols = 37, 70
	w := normal(5, rows*cols)
	eachKernels(t, func(t *testing.T, k *Kernels) {
		m := pack(t, k, rows, cols, w)
		got := make([]float32, cols)
		for r := range rows {
			m.Row(got, r)
			for c, x := range got {
				if float64(x) != k.num.as(w[r*cols+c]) {
					t.Fatalf("row %d, column %d: %g, want %g", r, c, x, w[r*cols+c])
				}
			}
		}
	})
}

// What a block is copied to holds its first tokens and zeros, in all layers.
func TestCopyBlock(t *testing.T) {
	eachKernels(t, func(t *testing.T, k *Kernels) {
		const layers, blockTokens, heads, headDim, tokens = 2, 32, 2, 48, 21
		c, err := k.NewKV(layers, 3, blockTokens, heads, headDim)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const width = heads * headDim
		for l := range layers {
			c.Write(l, []kv.Block{0}, 0, blockTokens, normal(uint64(40+l), blockTokens*width), normal(uint64(50+l), blockTokens*width), width, 0, heads)
			c.Write(l, []kv.Block{1}, 0, tokens, normal(uint64(40+l), blockTokens*width), normal(uint64(50+l), blockTokens*width), width, 0, heads)
			c.Write(l, []kv.Block{2}, 0, blockTokens, normal(60, blockTokens*width), normal(61, blockTokens*width), width, 0, heads)
		}
		c.CopyBlock(0, 2, tokens)
		n := c.blockElems()
		for l := range layers {
			want, got := c.head(l, 1, 0), c.head(l, 2, 0)
			for i := range n {
				if k.num == BF16 && c.mem.b16[got+i] != c.mem.b16[want+i] || k.num == F32 && c.mem.f32[got+i] != c.mem.f32[want+i] {
					t.Fatalf("layer %d: element %d differs from a block that only %d tokens were written to", l, i, tokens)
				}
			}
		}
	})
}
