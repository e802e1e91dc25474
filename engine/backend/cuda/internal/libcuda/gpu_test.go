package libcuda_test

import (
	"fmt"
	"testing"

	"tierlab/engine/backend/cuda/internal/drivertest"
	"tierlab/engine/backend/cuda/internal/libcuda"
	"tierlab/engine/backend/cuda/internal/nvrtc"
)

// TestGPU runs the suite on the first GPU, where there is one with NVRTC.
func TestGPU(t *testing.T) {
	d, err := libcuda.New()
	if err != nil {
		t.Skip(err)
	}
	version, err := d.Version()
	if err != nil {
		t.Fatal(err)
	}
	library, err := nvrtc.FindFor(version)
	if err != nil {
		t.Skip(err)
	}
	devices, err := d.Devices()
	if err != nil {
		t.Fatal(err)
	}
	arch := fmt.Sprintf("sm_%d%d", devices[0].Major, devices[0].Minor)
	compiled, err := library.Compiler(t.TempDir()).Compile(t.Context(), drivertest.Unit(arch))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v\n%s", devices[0], compiled.Log)
	drivertest.Run(t, drivertest.Target{Driver: d, Image: compiled.Image})
}
