//go:build gorgonia_cu

package gorgonia

import (
	"fmt"
	"testing"

	"github.com/ebitengine/purego"

	"tierlab/engine/backend/cuda/internal/drivertest"
	"tierlab/engine/backend/cuda/internal/nvrtc"
)

// TestConformance runs over the driver that is linked: the stand-in of drivertest
// or, where NVRTC is, a GPU's.
func TestConformance(t *testing.T) {
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	devices, err := d.Devices()
	if err != nil {
		t.Fatal(err)
	}
	target := drivertest.Target{Driver: d, Basic: true}
	if devices[0].Name == "Stand-in of a GPU" {
		target.Image, target.Live = []byte(drivertest.StandInImage), standInLive(t)
	} else {
		target.Image = compile(t, fmt.Sprintf("sm_%d%d", devices[0].Major, devices[0].Minor))
	}
	drivertest.Run(t, target)
	if target.Live != nil && target.Live() != 0 {
		t.Errorf("%d objects are left", target.Live())
	}
}

func standInLive(t *testing.T) func() int {
	t.Helper()
	handle, err := purego.Dlopen("libcuda.so.1", purego.RTLD_NOW)
	if err != nil {
		t.Fatal(err)
	}
	var live func() int32
	purego.RegisterLibFunc(&live, handle, "standin_live")
	return func() int { return int(live()) }
}

func compile(t *testing.T, arch string) []byte {
	t.Helper()
	version, err := cuDriver{}.Version()
	if err != nil {
		t.Fatal(err)
	}
	library, err := nvrtc.FindFor(version)
	if err != nil {
		t.Skip(err)
	}
	compiled, err := library.Compiler(t.TempDir()).Compile(t.Context(), drivertest.Unit(arch))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Image
}
