package kernels

import (
	"math"
	"testing"

	"tierlab/engine/bf16"
	"tierlab/engine/kv"
)

// Put rounds as package bf16 does, whatever the instructions.
func TestPut(t *testing.T) {
	eachKernels(t, func(t *testing.T, k *Kernels) {
		for _, cols := range []int{1, 31, 32, 33, 64, 200} {
			const rows = 19
			x := normal(20, rows*cols)
			for i := range x {
				if i%11 == 0 {
					x[i] = math.Float32frombits(uint32(i) * 0x9e3779b1)
				}
			}
			p := panel(k, rows, cols, x)
			e := k.num.lineElems()
			for i := range rows {
				at, step := p.at(i)
				for c := range p.lines * e {
					var want float32
					if c < cols {
						want = x[i*cols+c]
					}
					j := at + c/e*step + c%e
					switch {
					case k.num == BF16 && p.b16[j] != uint16(bf16.Of(want)), k.num == F32 && math.Float32bits(p.f32[j]) != math.Float32bits(want):
						t.Fatalf("row %d, column %d of %d is not %08x", i, c, cols, math.Float32bits(want))
					}
				}
			}
		}
	})
}

func TestRowsAgainstFloat64(t *testing.T) {
	eachKernels(t, func(t *testing.T, k *Kernels) {
		near := func(what string, i int, got float32, want float64) {
			t.Helper()
			if !(math.Abs(float64(got)-want) <= 1e-6*math.Abs(want)+1e-7) {
				t.Fatalf("%s: element %d is %g, want %g", what, i, got, want)
			}
		}
		for _, n := range []int{1, 15, 16, 17, 48, 100, 768} {
			x, y := normal(21, n), normal(22, n)
			dst := make([]float32, n)

			k.RMSNorm(dst, x, y, 1e-5)
			var squares float64
			for _, v := range x {
				squares += float64(v) * float64(v)
			}
			for i, v := range dst {
				near("norm", i, v, float64(x[i])/math.Sqrt(squares/float64(n)+1e-5)*float64(y[i]))
			}

			x[0] = 100
			x[n-1] = -100
			k.SwiGLU(dst, x, y)
			for i, v := range dst {
				near("swiglu", i, v, float64(x[i])/(1+math.Exp(-float64(x[i])))*float64(y[i]))
			}

			copy(dst, x)
			k.Add(dst, y)
			for i, v := range dst {
				near("add", i, v, float64(x[i]+y[i]))
			}

			half := n
			heads := normal(23, 3*2*half)
			turned := append([]float32(nil), heads...)
			cos, sin := make([]float32, half), make([]float32, half)
			for i := range cos {
				s, c := math.Sincos(float64(i))
				cos[i], sin[i] = float32(c), float32(s)
			}
			k.Rope(turned, cos, sin)
			for i, v := range turned {
				h, d := i/(2*half)*2*half, i%(2*half)
				a, b := float64(heads[h+d%half]), float64(heads[h+d%half+half])
				c, s := float64(cos[d%half]), float64(sin[d%half])
				want := a*c - b*s
				if d >= half {
					want = b*c + a*s
				}
				if math.Abs(float64(v)-want) > 1e-6 {
					t.Fatalf("rope: element %d is %g, want %g", i, v, want)
				}
			}
		}
	})
}

// exp is within a few units of the last place where the result is normal.
func TestExp(t *testing.T) {
	for x := -87.0; x < 88; x += 0.0371 {
		got, want := float64(exp(float32(x))), math.Exp(float64(float32(x)))
		if math.Abs(got-want) > 3e-7*want {
			t.Fatalf("exp(%g) = %g, want %g", x, got, want)
		}
	}
	if exp(0) != 1 || exp(float32(math.Inf(-1))) != 0 || exp(-200) != 0 {
		t.Errorf("exp(0) = %g, exp(-inf) = %g, exp(-200) = %g", exp(0), exp(float32(math.Inf(-1))), exp(-200))
	}
}

// A tile's softmax against float64, with all numbers of visible scores, and a
// NaN among them.
func TestSoftmax(t *testing.T) {
	eachKernels(t, func(t *testing.T, k *Kernels) {
		const width, scale = 96, 0.125
		weigh := func(s []float32, visible int, m, l float32) ([]float64, float32, float32, float32) {
			s = append([]float32(nil), s...)
			p := k.NewPanel(1, width)
			p.Reset(1)
			rows := []softmaxRow{{visible: visible, m: m, l: l}}
			rows[0].at, rows[0].step = p.at(0)
			out := make([]float64, width)
			if k.num == BF16 {
				k.ops.softmaxB16(p.b16, s, width, width, rows, scale)
				for i := range out {
					out[i] = float64(bf16.Number(p.b16[i]).Float())
				}
			} else {
				k.ops.softmaxF32(p.f32, s, width, width, rows, scale)
				for i := range out {
					out[i] = float64(p.f32[i])
				}
			}
			return out, rows[0].m, rows[0].l, rows[0].shrink
		}
		tolerance := 1e-5
		if k.num == BF16 {
			tolerance = 1.0 / 256
		}
		s := normal(24, width)
		for i := range s {
			s[i] *= 50
		}
		for visible := 0; visible <= width; visible++ {
			p, m, l, shrink := weigh(s, visible, 1, 2)
			top := 1.0
			for _, v := range s[:visible] {
				top = max(top, scale*float64(v))
			}
			sum := 2 * math.Exp(1-top)
			for i, got := range p {
				want := 0.0
				if i < visible {
					want = math.Exp(scale*float64(s[i]) - top)
				}
				sum += want
				if math.Abs(got-want) > tolerance*want+1e-37 {
					t.Fatalf("%d visible: probability %d is %g, want %g", visible, i, got, want)
				}
			}
			if math.Abs(float64(m)-top) > 1e-6 || math.Abs(float64(l)-sum) > 2e-5 || math.Abs(float64(shrink)-math.Exp(1-top)) > 1e-6 {
				t.Fatalf("%d visible: m %g, l %g, shrink %g, want %g, %g, %g", visible, m, l, shrink, top, sum, math.Exp(1-top))
			}
		}
		s[40] = float32(math.NaN())
		if p, _, l, _ := weigh(s, 60, 0, 0); !math.IsNaN(p[40]) || !math.IsNaN(float64(l)) {
			t.Errorf("a NaN has probability %g and gives a sum of %g", p[40], l)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	eachKernels(t, func(t *testing.T, k *Kernels) {
		const rows, cols, n = 64, 64, 20
		m := pack(t, k, rows, cols, normal(1, rows*cols))
		x := k.NewPanel(n, cols)
		y := normal(2, n*cols)
		c, err := k.NewKV(1, 4, 32, 2, 32)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s, table := c.NewScratch(), []kv.Block{1, 3}
		pool := NewPool(2)
		defer pool.Close()
		w := make([]float32, cols)
		job := func(_, task int) { k.Mul(y[task*32:], cols, m, x, task*32, task*32+32) }
		allocs := testing.AllocsPerRun(20, func() {
			x.Reset(n)
			for i := range n {
				row := y[i*cols:][:cols]
				k.RMSNorm(row, row, w, 1e-5)
				k.Rope(row, w[:16], w[:16])
				k.SwiGLU(row, row, w)
				k.Add(row, w)
				k.Put(x, i, 0, row)
			}
			pool.Run(2, job)
			c.Write(0, table, 5, n, y, y, cols, 0, 2)
			a := Attention{Table: table, Start: 5, N: n, Q: y, Out: y, QStride: cols, OutStride: cols, Heads: 2}
			c.Attend(&a, 0, 2, s)
		})
		if allocs != 0 {
			t.Errorf("%v allocations", allocs)
		}
	})
}
