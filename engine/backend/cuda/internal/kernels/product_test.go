package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
)

var (
	smallProducts = []kernels.ProductKernel{
		kernels.SmallProduct{Tokens: 8, RowTiles: 1, Warps: 8, Slots: 2, BlocksPerSM: 3},
		kernels.SmallProduct{Tokens: 16, RowTiles: 1, Warps: 8, Slots: 2, BlocksPerSM: 2},
		kernels.SmallProduct{Tokens: 32, RowTiles: 2, Warps: 8, Slots: 1, BlocksPerSM: 1},
	}
	tiledProducts = []kernels.ProductKernel{
		kernels.TiledProduct{T: 16, N: 32, K: 128, Stages: 3, WarpsT: 1, WarpsN: 2, BlocksPerSM: 3},
		kernels.TiledProduct{T: 32, N: 32, K: 128, Stages: 2, WarpsT: 1, WarpsN: 2, BlocksPerSM: 2},
		kernels.TiledProduct{T: 64, N: 64, K: 64, Stages: 4, WarpsT: 2, WarpsN: 2, BlocksPerSM: 2},
		kernels.TiledProduct{T: 128, N: 128, K: 64, Stages: 3, WarpsT: 2, WarpsN: 2, BlocksPerSM: 1},
	}
)

// operands are w and x, random enough for sums to round.
func operands(s kernels.ProductShape, tokens int) (w, x []bf16.Number) {
	fill := func(n int, seed uint32) []bf16.Number {
		v := make([]bf16.Number, n)
		for i := range v {
			seed = seed*1664525 + 1013904223
			v[i] = bf16.Of(float32(int32(seed)) / (1 << 31))
		}
		return v
	}
	return fill(s.N*s.K, 1), fill(tokens*s.K, 2)
}

// product runs a kernel for count of bucket tokens and returns y's bits, bucket
// rows of them; what was not written is 0xa5.
func product(t *testing.T, r *rig.Rig, k kernels.ProductKernel, s kernels.ProductShape, w, x []bf16.Number, count, bucket int) []byte {
	t.Helper()
	size := 2
	if s.F32 {
		size = 4
	}
	y := make([]byte, bucket*s.N*size)
	for i := range y {
		y[i] = 0xa5
	}
	to := rig.Upload(t, r, y)
	p := kernels.ProductParams{Count: rig.Upload(t, r, []int32{int32(count)}), W: rig.Upload(t, r, w), X: rig.Upload(t, r, x), Y: to}
	r.Launch(t, k.Launch(r.Function(t, k.Unit(s, r.Arch), k.Function()), s, bucket, &p))
	return rig.Download[byte](t, r, to, len(y))
}

// compileAll compiles kernels for shapes, several at once, so that the compiler
// has them on disk.
func compileAll(t *testing.T, r *rig.Rig, all []kernels.ProductKernel, shapes []kernels.ProductShape) {
	t.Helper()
	var units []kernels.Unit
	for _, k := range all {
		for _, s := range shapes {
			units = append(units, k.Unit(s, r.Arch))
		}
	}
	if _, err := kernels.Compile(t.Context(), r.Compiler, units); err != nil {
		t.Fatal(err)
	}
}

// compare holds y to sums in f64, whose own error does not count: products of
// bf16 are exact in f32, K of them are added in f32, and the sum is rounded once.
func compare(t *testing.T, s kernels.ProductShape, w, x []bf16.Number, y []byte, count int) {
	t.Helper()
	size := len(y) / (len(x) / s.K) / s.N
	all := len(x) / s.K * s.N
	for i := 0; i < all; i += 1 + all*s.K>>25 { // of large products, a sample
		token, n := i/s.N, i%s.N
		bits := uint32(0)
		for b := range size {
			bits |= uint32(y[i*size+b]) << (8 * b)
		}
		if token >= count {
			if want := uint32(0xa5a5a5a5) >> (32 - 8*size); bits != want {
				t.Fatalf("token %d is written, of which %d count", token, count)
			}
			continue
		}
		if size == 2 {
			bits <<= 16
		}
		got, sum, scale := float64(math.Float32frombits(bits)), 0.0, 0.0
		for k := range s.K {
			v := float64(w[n*s.K+k].Float()) * float64(x[token*s.K+k].Float())
			sum += v
			scale += math.Abs(v)
		}
		bound := scale * float64(s.K) / (1 << 22)
		if size == 2 {
			bound += math.Abs(sum) / (1 << 8)
		}
		if !(math.Abs(got-sum) <= bound) {
			t.Fatalf("y[%d][%d] is %g, want %g within %g", token, n, got, sum, bound)
		}
	}
}

// TestProducts compares the kernels with sums in f64 at sizes around their tiles,
// for rows of w beyond the last tile, inputs beyond the last stage and tokens
// beyond the count.
func TestProducts(t *testing.T) {
	odd := []kernels.ProductShape{{Name: "wide", N: 500, K: 96}, {Name: "odd", N: 33, K: 48}}
	counts := []struct{ count, bucket int }{{0, 4}, {1, 1}, {7, 8}, {9, 16}, {16, 16}, {31, 48}, {65, 70}, {70, 70}}
	all := append(append([]kernels.ProductKernel(nil), smallProducts...), tiledProducts...)
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		if r.Name != "host" {
			counts = append(counts, []struct{ count, bucket int }{{129, 256}, {1000, 1024}}...)
			all = append(all, kernels.TiledProduct{T: 128, N: 256, K: 64, Stages: 4, WarpsT: 2, WarpsN: 4, BlocksPerSM: 1})
			odd = append(odd, kernels.ProductShape{Name: "o", N: 1024, K: 4096}, kernels.ProductShape{Name: "down", N: 512, K: 14336})
			compileAll(t, r, all, append(odd, invariant))
		}
		for i, k := range all {
			shapes := []kernels.ProductShape{invariant}
			if r.Name != "host" {
				shapes = append(shapes, odd...)
			} else if i%2 == 0 { // a host compiles each for a second
				shapes = append(shapes, odd[i/2%len(odd)])
			}
			for _, s := range shapes {
				for _, c := range counts {
					t.Run(fmt.Sprintf("%v/%dx%d/%d of %d", k, s.N, s.K, c.count, c.bucket), func(t *testing.T) {
						r.Bind(t)
						w, x := operands(s, c.bucket)
						compare(t, s, w, x, product(t, r, k, s, w, x, c.count, c.bucket), c.count)
					})
				}
			}
		}
	})
}

var invariant = kernels.ProductShape{Name: "invariant", N: 35, K: 224, F32: true}

// TestProductsInvariant holds the kernels of a family to one result for a row of
// x, bit by bit, wherever it stands and whatever stands beside it.
func TestProductsInvariant(t *testing.T) {
	const rows, quietNaN = 70, 0x7fc0
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		s := invariant
		if r.Name != "host" {
			s.K = 4096
		}
		w, x := operands(s, rows)
		for _, family := range [][]kernels.ProductKernel{smallProducts, tiledProducts} {
			want := product(t, r, family[0], s, w, x, rows, rows)
			row := len(want) / rows
			for _, k := range family {
				for _, c := range []struct{ from, n, at, bucket int }{{0, 1, 0, 1}, {69, 1, 5, 8}, {3, 9, 7, 16}, {11, 50, 14, 64}} {
					beside := make([]bf16.Number, c.bucket*s.K)
					for i := range beside {
						beside[i] = quietNaN
					}
					copy(beside[c.at*s.K:], x[c.from*s.K:][:c.n*s.K])
					got := product(t, r, k, s, w, beside, c.bucket, c.bucket)
					if string(got[c.at*row:][:c.n*row]) != string(want[c.from*row:][:c.n*row]) {
						t.Errorf("%v: rows %d to %d have other bits at %d of a batch of %d", k, c.from, c.from+c.n-1, c.at, c.bucket)
					}
				}
			}
		}
	})
}

// TestProductShape refuses what no kernel can multiply.
func TestProductShape(t *testing.T) {
	for _, s := range []kernels.ProductShape{{Name: "a", N: 8, K: 24}, {Name: "b", K: 16}, {Name: "c", N: 1}} {
		if s.Validate() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	if err := (kernels.ProductShape{Name: "d", N: 500, K: 96}).Validate(); err != nil {
		t.Error(err)
	}
}
