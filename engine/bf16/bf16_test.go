package bf16

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		x    float32
		want Number
	}{
		{1, 0x3f80}, {-2, 0xc000}, {0, 0}, {float32(math.Copysign(0, -1)), 0x8000},
		{1 + 1./256, 0x3f80},            // a tie, to even
		{1 + 3./256, 0x3f82},            // a tie, to even
		{1 + 1./256 + 1./65536, 0x3f81}, // above the tie
		{math.MaxFloat32, 0x7f80},
		{float32(math.Inf(-1)), 0xff80},
	} {
		if got := Of(c.x); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.x, got, c.want)
		}
	}
	if got := Of(math.Float32frombits(0x7f800001)).Float(); got == got {
		t.Error("a NaN became ", got)
	}
	for n := range 1 << 16 {
		if f := Number(n).Float(); f == f && Of(f) != Number(n) {
			t.Fatalf("%#x does not come back", n)
		}
	}
}

// TestNearest: the nearest of the two bf16 around a number, the even one of two
// that are equally near.
func TestNearest(t *testing.T) {
	check := func(bits uint32) {
		x := math.Float32frombits(bits)
		got := Of(x)
		if math.IsNaN(float64(x)) {
			if !math.IsNaN(float64(got.Float())) {
				t.Fatalf("%08x: NaN becomes %04x", bits, got)
			}
			return
		}
		low, high := Number(bits>>16), Number(bits>>16)+1
		// As what bf16 continues with beyond its range, infinity counts as 2^128.
		value := func(b Number) float64 {
			if v := float64(b.Float()); !math.IsInf(v, 0) {
				return v
			}
			return math.Copysign(math.Ldexp(1, 128), float64(int16(b))+0.5)
		}
		want := low
		if bits&0xffff != 0 {
			toLow, toHigh := math.Abs(float64(x)-value(low)), math.Abs(float64(x)-value(high))
			if toHigh < toLow || toHigh == toLow && high&1 == 0 {
				want = high
			}
		}
		if got != want {
			t.Fatalf("%08x rounds to %04x, want %04x", bits, got, want)
		}
	}
	for i := range uint32(1 << 16) {
		for _, low := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0xffff} {
			check(i<<16 | low)
		}
	}
}
