package model

import (
	"math"
	"slices"
	"testing"
)

// TestF16 takes every f16 to f32 and back, and compares with the value that the
// bits stand for by IEEE 754.
func TestF16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		exponent, fraction := int(h>>10&31), float64(h&1023)
		var want float64
		switch exponent {
		case 0:
			want = math.Ldexp(fraction, -24)
		case 31:
			want = math.Inf(1)
			if fraction != 0 {
				want = math.NaN()
			}
		default:
			want = math.Ldexp(1024+fraction, exponent-25)
		}
		if h>>15 == 1 {
			want = -want
		}
		got := f16ToF32(h)
		if want != want {
			if got == got || f16ToF32(f32ToF16(got)) == f16ToF32(f32ToF16(got)) {
				t.Fatalf("%04x is %v and back %04x, want a NaN", h, got, f32ToF16(got))
			}
			continue
		}
		if float64(got) != want || f32ToF16(got) != h {
			t.Fatalf("%04x is %v and back %04x, want %v", h, got, f32ToF16(got), want)
		}
	}
}

// TestRounding checks ties, and the values on either side of them.
func TestRounding(t *testing.T) {
	next := func(x float32, to float64) float32 { return math.Nextafter32(x, float32(to)) }
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		dtype   DType
		x, want float32
	}{
		{BF16, 1 + 1./256, 1},          // a tie, to even
		{BF16, 1 + 3./256, 1 + 4./256}, // a tie, to even
		{BF16, next(1+1./256, 2), 1 + 2./256},
		{BF16, next(1+1./256, 0), 1},
		{BF16, math.MaxFloat32, inf},
		{BF16, -inf, -inf},
		{F16, 1 + 1./2048, 1},
		{F16, 1 + 3./2048, 1 + 4./2048},
		{F16, next(1+1./2048, 2), 1 + 2./2048},
		{F16, -(2 - 1./4096), -2}, // carries into the exponent
		{F16, 65504, 65504},
		{F16, next(65520, 0), 65504},
		{F16, 65520, inf},
		{F16, 0x1p-25, 0},
		{F16, next(0x1p-25, 1), 0x1p-24},
		{F16, 3 * 0x1p-25, 2 * 0x1p-24},
		{F16, next(0x1p-14, 0), 0x1p-14},
	} {
		got := []float32{0}
		c.dtype.decode(got, c.dtype.append(nil, []float32{c.x}))
		if got[0] != c.want {
			t.Errorf("%s: %v becomes %v, want %v", c.dtype, c.x, got[0], c.want)
		}
	}
	for _, d := range []DType{BF16, F16, F32} {
		got := []float32{0}
		if d.decode(got, d.append(nil, []float32{float32(math.NaN())})); got[0] == got[0] {
			t.Errorf("%s: NaN becomes %v", d, got[0])
		}
	}
}

// TestDecodeLengths reads every length of a run, whose last numbers share no load.
func TestDecodeLengths(t *testing.T) {
	want := []float32{1, -2, 3.5, 0, -0.125, 240, 9, 7, -96}
	for _, d := range []DType{BF16, F16, F32} {
		for n := range len(want) + 1 {
			got := make([]float32, n)
			if d.decode(got, d.append(nil, want[:n])); !slices.Equal(got, want[:n]) {
				t.Errorf("%s: %v, want %v", d, got, want[:n])
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, d := range []DType{BF16, F16, F32} {
		b.Run(string(d), func(b *testing.B) {
			dst, src := make([]float32, 8192), make([]byte, 8192*d.size())
			for b.Loop() {
				d.decode(dst, src)
			}
			b.ReportMetric(float64(len(dst))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mweights/s")
		})
	}
}
