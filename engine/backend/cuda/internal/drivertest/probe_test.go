package drivertest_test

import (
	"testing"

	"tierlab/engine/backend/cuda/internal/drivertest"
	"tierlab/engine/backend/cuda/internal/nvrtc"
)

// What the suite launches compiles for the chips that the backend is for.
func TestProbeCompiles(t *testing.T) {
	library, err := nvrtc.Find()
	if err != nil {
		t.Skip(err)
	}
	compiler := library.Compiler(t.TempDir())
	for _, arch := range []string{"sm_80", "sm_90a"} {
		compiled, err := compiler.Compile(t.Context(), drivertest.Unit(arch))
		if err != nil {
			t.Error(err)
			continue
		}
		if len(compiled.Image) == 0 {
			t.Errorf("%s: the image is empty", arch)
		}
	}
}
