package nvrtc

import (
	"slices"
	"testing"
)

func TestUsages(t *testing.T) {
	log := `compiled again: it is cut off
ptxas info    : 8 bytes gmem
ptxas info    : Compiling entry function 'silu' for 'sm_90a'
ptxas info    : Function properties for silu
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 24 registers, used 0 barriers
ptxas info    : Compile time = 17.642 ms
ptxas info    : Compiling entry function 'choose' for 'sm_90a'
ptxas info    : Function properties for choose
ptxas         .     48 bytes stack frame, 16 bytes spill stores, 20 bytes spill loads
ptxas info    : Function properties for slow_path
ptxas         .     40 bytes stack frame, 0 bytes spill stores, 4 bytes spill loads
ptxas info    : Used 178 registers, used 1 barriers, 88 bytes cumulative stack size, 2696 bytes smem
`
	want := []Usage{
		{Kernel: "silu", Registers: 24},
		{Kernel: "choose", Registers: 178, Stack: 88, SpillStores: 16, SpillLoads: 24, Shared: 2696, Barriers: 1},
	}
	if got := Usages(log); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := Usages("warning: nothing"); got != nil {
		t.Errorf("a log without reports has %+v", got)
	}
}

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		version Version
		driver  int
		quiet   bool
	}{
		{Version{13, 0, 88}, 13000, true},
		{Version{12, 8, 93}, 13000, true},
		{Version{13, 2, 0}, 13000, true}, // minor version compatibility
		{Version{13, 0, 88}, 12080, false},
		{Version{14, 0, 0}, 13020, false},
	} {
		if got := c.version.Advice(c.driver); (got == "") != c.quiet {
			t.Errorf("%v on a driver of CUDA %d: %q", c.version, c.driver, got)
		}
	}
	want := "NVRTC 13.0.88 is of a newer CUDA than the driver, which serves 12.8: if kernels do not load, " +
		"update the driver or install the compiler of CUDA 12 (pip install nvidia-cuda-nvrtc-cu12)"
	if got := (Version{13, 0, 88}).Advice(12080); got != want {
		t.Errorf("the advice is %q, want %q", got, want)
	}
	if got := (Version{13, 1, 0}).CUDA(); got != 13010 {
		t.Errorf("CUDA() of 13.1 is %d", got)
	}
}
