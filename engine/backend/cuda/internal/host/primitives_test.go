//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
)

// primitive launches a kernel of primitives.cu in one block, and gives what it
// has left in out.
func primitive(t *testing.T, name string, threads uint32, shared int, in, out []uint32, mode int32) []uint32 {
	t.Helper()
	d := open(t, Options{Strict: true})
	f := d.function(t, "primitives.cu", name)
	p := params{in: upload(t, d, in), out: upload(t, d, out), n: int32(len(in)), mode: mode}
	check(t, d.Launch(driver.Launch{Function: f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{threads, 1, 1}, Shared: shared, Params: p.bytes()}, d.stream))
	return download[uint32](t, d, p.out, len(out))
}

func random(n int) []uint32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	v := make([]uint32, n)
	for i := range v {
		v[i] = r.Uint32()
	}
	return v
}

func TestShuffles(t *testing.T) {
	const threads = 64
	in := random(threads)
	got := primitive(t, "shuffles", threads, 0, in, make([]uint32, 16*threads), 0)
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
}

// TestMatrices follows the drawing of ldmatrix in the PTX manual: lane i holds
// of each matrix the elements 2 (i % 4) and the next one of row i / 4.
func TestMatrices(t *testing.T) {
	in := random(16 * 8) // 16 x 16 elements of 2 bytes
	element := func(row, col int) uint32 { return in[row*8+col/2] >> (col % 2 * 16) & 0xffff }
	for mode := range 2 {
		got := primitive(t, "matrices", 32, 0, in, make([]uint32, 4*32), int32(mode))
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
}

func toBF16(v float32) uint32 {
	b := math.Float32bits(v)
	if v != v {
		return 0x7fff
	}
	return (b + 0x7fff + b>>16&1) >> 16
}

// TestProduct wants the bits of a plain loop over k.
func TestProduct(t *testing.T) {
	const m, n, k = 16, 8, 16
	r := rand.New(rand.NewPCG(2, 3))
	var ab [m*k + k*n]float32
	in := make([]uint32, len(ab)/2)
	for i := range ab {
		b := toBF16(float32(r.NormFloat64()))
		ab[i] = math.Float32frombits(b << 16)
		in[i/2] |= b << (i % 2 * 16)
	}
	want, out := make([]uint32, m*n), make([]uint32, m*n)
	for i := range m {
		for j := range n {
			sum := float32(r.NormFloat64())
			out[i*n+j] = math.Float32bits(sum)
			for l := range k {
				sum += float32(ab[i*k+l] * ab[m*k+l*n+j])
			}
			want[i*n+j] = math.Float32bits(sum)
		}
	}
	if got := primitive(t, "product", 32, 0, in, out, 0); !slices.Equal(got, want) {
		t.Fatalf("%x, want %x", got, want)
	}
}

func TestAsynchronousCopies(t *testing.T) {
	const threads = 64
	poisoned := slices.Repeat([]uint32{math.MaxUint32}, 4)
	in := random(threads * 12)
	got := primitive(t, "copies", threads, 0, in, make([]uint32, threads*24), 0)
	for i := range threads {
		own := in[12*i:]
		want := slices.Concat(poisoned, own[:4], poisoned, own[:4], own[4:8], make([]uint32, 4))
		if have := got[24*i:][:24]; !slices.Equal(have, want) {
			t.Fatalf("thread %d: %x, want %x", i, have, want)
		}
	}
}

func TestArithmetic(t *testing.T) {
	floats := []float32{0, 1, -1, 1.00390625, 1.01171875, 3.4e38, -126.5, -127, -200, 130,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-40, 0.3, 12.75}
	in := make([]uint32, 32)
	for i := range in {
		in[i] = math.Float32bits(floats[i%len(floats)] * float32(1+i/len(floats)))
	}
	got := primitive(t, "arithmetic", 32, 0, in, make([]uint32, 4*32), 0)
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
			toBF16(v) | toBF16(-v)<<16, math.Float32bits(power), uint32(high >> 32),
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
}

func TestDynamicShared(t *testing.T) {
	for _, threads := range []int{1, 31, 32, 257, 1024} {
		in := random(threads)
		want := slices.Clone(in)
		slices.Reverse(want)
		if got := primitive(t, "reverse", uint32(threads), 4*threads, in, make([]uint32, threads), 0); !slices.Equal(got, want) {
			t.Errorf("%d threads: %x, want %x", threads, got, want)
		}
	}
}

func TestAtomics(t *testing.T) {
	const blocks, threads = 3000, 96
	d := open(t, Options{Workers: 3})
	in := random(blocks)
	p := params{in: upload(t, d, in), out: upload(t, d, make([]uint32, 4))}
	f := d.function(t, "primitives.cu", "atomics")
	check(t, d.Launch(driver.Launch{Function: f, Grid: [3]uint32{blocks, 1, 1}, Block: [3]uint32{threads, 1, 1}, Params: p.bytes()}, d.stream))
	want := []uint32{blocks * threads, slices.Max(in), math.Float32bits(blocks * threads), blocks}
	if got := download[uint32](t, d, p.out, 4); !slices.Equal(got, want) {
		t.Fatalf("%d, want %d", got, want)
	}
}

func TestPlaces(t *testing.T) {
	d := open(t, Options{})
	f := d.function(t, "primitives.cu", "places")
	grid, block := [3]uint32{5, 3, 2}, [3]uint32{4, 3, 5}
	const blocks, threads = 30, 60
	p := params{out: upload(t, d, make([]uint32, blocks*threads))}
	check(t, d.Launch(driver.Launch{Function: f, Grid: grid, Block: block, Params: p.bytes()}, d.stream))
	for i, got := range download[uint32](t, d, p.out, blocks*threads) {
		if want := uint32(i/threads<<16 | i%threads); got != want {
			t.Fatalf("%d: %#x, want %#x", i, got, want)
		}
	}
}
