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
