package rig_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
)

// params are those of testdata/primitives.cu.
type params struct {
	in, out driver.Ptr
	n, mode int32
}

// primitive launches a kernel of primitives.cu, and gives what it has left in out.
func primitive(t *testing.T, r *rig.Rig, name string, grid, block [3]uint32, shared int, in, out []uint32, mode int32) []uint32 {
	t.Helper()
	source, err := os.ReadFile("testdata/primitives.cu")
	if err != nil {
		t.Fatal(err)
	}
	f := r.Function(t, kernels.Unit{Name: "primitives", Source: source}, name)
	p := params{in: rig.Upload(t, r, in), out: rig.Upload(t, r, out), n: int32(len(in)), mode: mode}
	r.Launch(t, driver.Launch{Function: f, Grid: grid, Block: block, Shared: shared, Params: kernels.Bytes(&p)})
	return rig.Download[uint32](t, r, p.out, len(out))
}

// one is the grid of one block, or the other dimensions of a block.
func one(x uint32) [3]uint32 { return [3]uint32{x, 1, 1} }

func random(n int) []uint32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	v := make([]uint32, n)
	for i := range v {
		v[i] = r.Uint32()
	}
	return v
}

func TestShuffles(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		const threads = 64
		in := random(threads)
		got := primitive(t, r, "shuffles", one(1), one(threads), 0, in, make([]uint32, 16*threads), 0)
		for i, v := range in {
			lane, warp := i%32, in[i/32*32:][:32]
			segment := func(width, from int) uint32 { return warp[lane/width*width+from] }
			want := [16]uint32{
				warp[i*7%32], segment(8, 3), warp[lane^5], v, v, v, v, v, warp[lane^1] ^ uint32(i^1),
			}
			if lane^9 < lane/8*8+8 { // only segments before the lane's own are read from
				want[3] = warp[lane^9]
			}
			if lane >= 3 {
				want[4] = warp[lane-3]
			}
			if lane%16 >= 2 {
				want[5] = warp[lane-2]
			}
			if lane+3 < 32 {
				want[6] = warp[lane+3]
			}
			if lane%16+2 < 16 {
				want[7] = warp[lane+2]
			}
			want[10] = 1
			odd, least, sum, most := 0, int32(math.MaxInt32), float32(0), uint32(0)
			want[12] = slices.Max(warp)
			for j, w := range warp {
				want[9] |= w & 1 << j
				want[11] += w
				odd += int(w & 1)
				least = min(least, int32(w))
				sum += float32(w % 1000) // exact in any order
				most = max(most, w%1000)
			}
			want[10] |= uint32(odd/32) << 1
			want[13], want[14], want[15] = uint32(least), math.Float32bits(sum), math.Float32bits(float32(most))
			for k := range want {
				if got[16*i+k] != want[k] {
					t.Fatalf("thread %d, result %d: %#x, want %#x", i, k, got[16*i+k], want[k])
				}
			}
		}
	})
}

// TestMatrices follows the drawing of ldmatrix in the PTX manual: lane i holds
// of each matrix the elements 2 (i % 4) and the next one of row i / 4.
func TestMatrices(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		in := random(16 * 8) // 16 x 16 elements of 2 bytes
		element := func(row, col int) uint32 { return in[row*8+col/2] >> (col % 2 * 16) & 0xffff }
		for mode := range 2 {
			got := primitive(t, r, "matrices", one(1), one(32), 0, in, make([]uint32, 4*32), int32(mode))
			for lane := range 32 {
				for m := range 4 {
					row, col := lane/4, lane%4*2
					lo, hi := element(m%2*8+row, m/2*8+col), element(m%2*8+row, m/2*8+col+1)
					if mode == 1 {
						lo, hi = element(m%2*8+col, m/2*8+row), element(m%2*8+col+1, m/2*8+row)
					}
					if got[4*lane+m] != lo|hi<<16 {
						t.Fatalf("transposed %d, lane %d, matrix %d: %#x, want %#x", mode, lane, m, got[4*lane+m], lo|hi<<16)
					}
				}
			}
		}
	})
}

// rounded is v as bf16; the device has one NaN.
func rounded(v float32) uint32 {
	if v != v {
		return 0x7fff
	}
	return uint32(bf16.Of(v))
}

// TestProduct wants the bits of a plain loop over k on the host, and on a GPU,
// whose order is not documented, what rounding in f32 allows.
func TestProduct(t *testing.T) {
	const m, n, k = 16, 8, 16
	random := rand.New(rand.NewPCG(2, 3))
	var ab [m*k + k*n]float32
	in := make([]uint32, len(ab)/2)
	for i := range ab {
		b := rounded(float32(random.NormFloat64()))
		ab[i] = math.Float32frombits(b << 16)
		in[i/2] |= b << (i % 2 * 16)
	}
	want, out := make([]float32, m*n), make([]uint32, m*n)
	for i := range want {
		want[i] = float32(random.NormFloat64())
		out[i] = math.Float32bits(want[i])
		for l := range k {
			want[i] += float32(ab[i/n*k+l] * ab[m*k+l*n+i%n])
		}
	}
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		within := 0.
		if r.Name != "host" {
			within = 1e-5 // 20 roundings of sums below 8, or a few more of other bits
		}
		for i, bits := range primitive(t, r, "product", one(1), one(32), 0, in, out, 0) {
			if got := math.Float32frombits(bits); math.Abs(float64(got-want[i])) > within {
				t.Fatalf("row %d, column %d: %g, want %g", i/n, i%n, got, want[i])
			}
		}
	})
}

func TestAsynchronousCopies(t *testing.T) {
	const threads = 64
	poisoned := slices.Repeat([]uint32{math.MaxUint32}, 4)
	in := random(threads * 12)
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		got := primitive(t, r, "copies", one(1), one(threads), 0, in, make([]uint32, threads*24), 0)
		for i := range threads {
			own, have := in[12*i:], got[24*i:][:24]
			want := slices.Concat(poisoned, own[:4], poisoned, own[:4], own[4:8], make([]uint32, 4))
			if r.Name != "host" { // what is read before a wait is anything
				copy(want, have[:4])
				copy(want[8:], have[8:12])
			}
			if !slices.Equal(have, want) {
				t.Fatalf("thread %d: %x, want %x", i, have, want)
			}
		}
	})
}

func TestArithmetic(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		floats := []float32{0, 1, -1, 1.00390625, 1.01171875, 3.4e38, -126.5, -127, -200, 130,
			float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-40, 0.3, 12.75}
		in := make([]uint32, 32)
		for i := range in {
			in[i] = math.Float32bits(floats[i%len(floats)] * float32(1+i/len(floats)))
		}
		got := primitive(t, r, "arithmetic", one(1), one(32), 0, in, make([]uint32, 4*32), 0)
		for i, b := range in {
			v := math.Float32frombits(b)
			power := float32(math.Exp2(float64(v)))
			if power < 0x1p-126 {
				power = 0
			}
			high, _ := bits.Mul64(uint64(b)<<32|uint64(i), 0x9e3779b97f4a7c15)
			ffs := 0
			if b != 0 {
				ffs = bits.TrailingZeros32(b) + 1
			}
			want := [4]uint32{
				rounded(v) | rounded(-v)<<16, math.Float32bits(power), uint32(high >> 32),
				uint32(bits.LeadingZeros32(b) | bits.OnesCount32(b)<<8 | ffs<<16),
			}
			for k := range want {
				near := k == 1 && math.Abs(float64(math.Float32frombits(got[4*i+k])-power)) <= 1e-6*float64(power)
				bothNaN := k == 1 && power != power && math.IsNaN(float64(math.Float32frombits(got[4*i+k])))
				if got[4*i+k] != want[k] && !near && !bothNaN {
					t.Errorf("%g, result %d: %#x, want %#x", v, k, got[4*i+k], want[k])
				}
			}
		}
	})
}

func TestDynamicShared(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		for _, threads := range []int{1, 31, 32, 257, 1024} {
			in := random(threads)
			want := slices.Clone(in)
			slices.Reverse(want)
			if got := primitive(t, r, "reverse", one(1), one(uint32(threads)), 4*threads, in, make([]uint32, threads), 0); !slices.Equal(got, want) {
				t.Errorf("%d threads: %x, want %x", threads, got, want)
			}
		}
	})
}

func TestAtomics(t *testing.T) {
	const blocks, threads = 3000, 96
	in := random(blocks)
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		want := []uint32{blocks * threads, slices.Max(in), math.Float32bits(blocks * threads), blocks}
		if got := primitive(t, r, "atomics", one(blocks), one(threads), 0, in, make([]uint32, 4), 0); !slices.Equal(got, want) {
			t.Fatalf("%d, want %d", got, want)
		}
	})
}

func TestPlaces(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		const blocks, threads = 30, 60
		out := make([]uint32, blocks*threads)
		for i, got := range primitive(t, r, "places", [3]uint32{5, 3, 2}, [3]uint32{4, 3, 5}, 0, nil, out, 0) {
			if want := uint32(i/threads<<16 | i%threads); got != want {
				t.Fatalf("%d: %#x, want %#x", i, got, want)
			}
		}
	})
}
