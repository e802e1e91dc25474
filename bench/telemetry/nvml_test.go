//go:build cgo && linux

package telemetry

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFakeNVML reads a library built from testdata/fake.c through go-nvml.
func TestFakeNVML(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("the fake of NVML needs a C compiler, cc")
	}
	path := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	if out, err := exec.CommandContext(t.Context(), cc, "-shared", "-fPIC", "-o", path, filepath.Join("testdata", "fake.c")).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	l, err := openNVMLAt(path)
	if err != nil {
		t.Fatal(err)
	}
	got := start(t.Context(), time.Hour, l, nil).Stop()
	if got.Driver != "450.1" || len(got.Devices) != 1 {
		t.Fatalf("the report is %+v", got)
	}
	d := got.Devices[0]
	if d.Name != "Fake V100" || d.UUID != "GPU-0123" || d.PowerW.Mean != 250.5 || *d.TemperatureMaxC != 60 ||
		d.SMClockMHz.Mean != 1000 || d.MemoryClockMHz.Mean != 2000 || *d.MemoryUsedMaxBytes != 6<<30 || d.EnergySource != "power" {
		t.Errorf("the device is %+v", d)
	}
	if len(d.Throttled) != 1 || d.Throttled[0] != (Throttle{"sw_power_cap", 1}) {
		t.Errorf("it was throttled by %v", d.Throttled)
	}
	if d.NotSupported["utilization"] != "Not Supported" || !strings.Contains(d.NotSupported["energy"], "has no nvmlDeviceGetTotalEnergyConsumption") {
		t.Errorf("not supported are %v", d.NotSupported)
	}

	if l, err = openNVMLAt(path); err != nil {
		t.Fatal(err)
	}
	i := look(l, nil)
	if len(i.Devices) != 1 || i.Devices[0].FreeBytes != 10<<30 || len(i.Devices[0].Processes) != 1 || i.Devices[0].Processes[0] != (Process{42, -1}) {
		t.Errorf("the inventory is %+v", i)
	}
}
