package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// fakeDevice tells the readings of a table, the last of them for ever.
type fakeDevice struct {
	readings map[quantity][]float64
	errs     map[quantity]error
	asked    [quantityCount]int
}

func (d *fakeDevice) name() string { return "Fake H200" }
func (d *fakeDevice) uuid() string { return "GPU-1" }

func (d *fakeDevice) read(q quantity) (float64, error) {
	at := d.asked[q]
	d.asked[q]++
	r := d.readings[q]
	if d.errs[q] != nil || len(r) == 0 {
		return 0, errors.Join(d.errs[q])
	}
	v := r[min(at, len(r)-1)]
	if math.IsNaN(v) {
		return 0, errors.New("Unknown Error")
	}
	return v, nil
}

func (d *fakeDevice) memory() (total, free int64, err error) { return 1000, 400, nil }
func (d *fakeDevice) processes() ([]Process, error)          { return []Process{{7, 600}}, nil }

type fakeLibrary struct {
	all    []device
	err    error
	closed int
}

func (l *fakeLibrary) driver() string             { return "580.0" }
func (l *fakeLibrary) devices() ([]device, error) { return l.all, l.err }
func (l *fakeLibrary) close()                     { l.closed++ }

func full() map[quantity][]float64 {
	return map[quantity][]float64{
		power: {100, 300, 200}, energy: {5000, 5100, 5250}, smClock: {1980, 1500, 1980}, memoryClock: {3201},
		memoryUsed: {1 << 30, 3 << 30, 2 << 30}, utilization: {0, 100, 50}, temperature: {30, 41, 40}, throttle: {1, 4 + 64, 0},
	}
}

// seen feeds a watch three samples, at 0, 1 and 3 seconds.
func seen(d *fakeDevice) Device {
	w := watch{from: d, failed: map[string]string{}}
	for _, at := range []float64{0, 1, 3} {
		w.sample(at)
	}
	return w.device(2)
}

func TestDevice(t *testing.T) {
	got, err := json.MarshalIndent(seen(&fakeDevice{readings: full()}), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "index": 2,
 "uuid": "GPU-1",
 "name": "Fake H200",
 "power_w": {
  "min": 100,
  "mean": 200,
  "max": 300
 },
 "energy_j": 250,
 "energy_source": "counter",
 "sm_clock_mhz": {
  "min": 1500,
  "mean": 1820,
  "max": 1980
 },
 "memory_clock_mhz": {
  "min": 3201,
  "mean": 3201,
  "max": 3201
 },
 "memory_used_max_bytes": 3221225472,
 "utilization_mean_pct": 50,
 "temperature_max_c": 41,
 "throttled": [
  {
   "reason": "gpu_idle",
   "share": 0.3333333333333333
  },
  {
   "reason": "sw_power_cap",
   "share": 0.3333333333333333
  },
  {
   "reason": "hw_thermal_slowdown",
   "share": 0.3333333333333333
  }
 ]
}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestEnergySource(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name            string
		energy, power   []float64
		joules          float64
		source          string
		notSupportedAll bool
	}{
		{"counter", []float64{10, 20, 45}, []float64{100}, 35, "counter", false},
		{"no counter", nil, []float64{100, 300, 200}, 200 + 500, "power", false},
		{"the counter starts again", []float64{10, 20, 3}, []float64{100}, 300, "power", false},
		{"the counter fails once", []float64{nan, 20, 45}, []float64{100}, 300, "power", false},
		{"power fails once", nil, []float64{100, nan, 200}, 450, "power", false},
		{"neither", nil, nil, 0, "", true},
		{"power is told once", nil, []float64{nan, nan, 100}, 0, "", false},
	} {
		d := &fakeDevice{readings: full(), errs: map[quantity]error{}}
		for q, readings := range map[quantity][]float64{energy: c.energy, power: c.power} {
			d.readings[q] = readings
			if readings == nil {
				d.errs[q] = errors.New("Not Supported")
			}
		}
		got := seen(d)
		if got.EnergySource != c.source || (got.EnergyJ != nil) != (c.source != "") || got.EnergyJ != nil && *got.EnergyJ != c.joules {
			t.Errorf("%s: %v J by %q, want %v by %q", c.name, got.EnergyJ, got.EnergySource, c.joules, c.source)
		}
		if _, ok := got.NotSupported["power"]; ok != c.notSupportedAll {
			t.Errorf("%s: not supported are %v", c.name, got.NotSupported)
		}
		if got.SMClockMHz == nil || got.TemperatureMaxC == nil {
			t.Errorf("%s: what is told besides is missing", c.name)
		}
	}
}

func TestNothingSupported(t *testing.T) {
	d := &fakeDevice{errs: map[quantity]error{}}
	for q := range quantityCount {
		d.errs[q] = errors.New("Not Supported")
	}
	got := seen(d)
	if len(got.NotSupported) != int(quantityCount) || got.NotSupported["sm_clock"] != "Not Supported" {
		t.Errorf("not supported are %v", got.NotSupported)
	}
	if got.PowerW != nil || got.EnergyJ != nil || got.MemoryUsedMaxBytes != nil || got.Throttled != nil {
		t.Errorf("a device that tells nothing has figures: %+v", got)
	}
}

func TestRecorder(t *testing.T) {
	l := &fakeLibrary{all: []device{&fakeDevice{readings: full()}, &fakeDevice{readings: full()}}}
	r := start(t.Context(), time.Millisecond, l, nil)
	time.Sleep(5 * time.Millisecond)
	got := r.Stop()
	if len(got.Devices) != 2 || got.Samples < 2 || got.DurationS <= 0 || got.Driver != "580.0" || got.Absent != "" {
		t.Errorf("the report is %+v", got)
	}
	for i, d := range got.Devices {
		if d.Index != i || d.PowerW == nil {
			t.Errorf("device %d is %+v", i, d)
		}
	}
	if joules, ok := got.EnergyJ(); !ok || joules < 200 {
		t.Errorf("the devices took %v J, told %t", joules, ok)
	}
	if again := r.Stop(); again.Samples != got.Samples || l.closed != 1 {
		t.Errorf("a second Stop gives %d samples for %d, and NVML is closed %d times", again.Samples, got.Samples, l.closed)
	}
}

// TestEnergySoFar: it is told while readings go on, and only if each device tells.
func TestEnergySoFar(t *testing.T) {
	mute := map[quantity]error{power: errors.New("Not Supported"), energy: errors.New("Not Supported")}
	for _, c := range []struct {
		devices []device
		want    bool
	}{
		{[]device{&fakeDevice{readings: full()}, &fakeDevice{readings: full()}}, true},
		{[]device{&fakeDevice{readings: full()}, &fakeDevice{readings: full(), errs: mute}}, false},
	} {
		r := start(t.Context(), time.Millisecond, &fakeLibrary{all: c.devices}, nil)
		told := false
		for range 200 {
			if joules, ok := r.EnergyJ(); ok && joules > 0 {
				told = true
				break
			}
			time.Sleep(time.Millisecond)
		}
		r.Stop()
		if told != c.want {
			t.Errorf("%d devices: told %t, want %t", len(c.devices), told, c.want)
		}
	}
}

func TestContextEnds(t *testing.T) {
	l := &fakeLibrary{all: []device{&fakeDevice{readings: full()}}}
	ctx, cancel := context.WithCancel(t.Context())
	r := start(ctx, time.Hour, l, nil)
	cancel()
	<-r.done
	if got := r.Stop(); got.Samples != 2 || l.closed != 1 {
		t.Errorf("%d samples, want those of the start and the end; closed %d times", got.Samples, l.closed)
	}
}

func TestAbsent(t *testing.T) {
	l := &fakeLibrary{err: errors.New("NVML finds no device")}
	for _, r := range []*Recorder{
		start(t.Context(), 0, nil, errors.New("no libnvidia-ml.so.1")),
		start(t.Context(), 0, l, nil),
	} {
		got := r.Stop()
		if got.Absent == "" || strings.Contains(got.Absent, "\n") || got.Devices != nil {
			t.Errorf("without devices the report is %+v", got)
		}
		if _, ok := got.EnergyJ(); ok {
			t.Error("no device took a known energy")
		}
	}
	if l.closed != 1 {
		t.Errorf("NVML is closed %d times", l.closed)
	}
}

func TestLook(t *testing.T) {
	l := &fakeLibrary{all: []device{&fakeDevice{}}}
	got := look(l, nil)
	if len(got.Devices) != 1 || got.Driver != "580.0" || l.closed != 1 {
		t.Fatalf("the inventory is %+v", got)
	}
	if d := got.Devices[0]; d.TotalBytes != 1000 || d.FreeBytes != 400 || len(d.Processes) != 1 || d.Name != "Fake H200" {
		t.Errorf("the device is %+v", d)
	}
	if got := look(nil, errors.New("none")); got.Absent != "none" {
		t.Errorf("without NVML the inventory is %+v", got)
	}
}

// TestThisMachine starts and stops with whatever is here.
func TestThisMachine(t *testing.T) {
	r := Start(t.Context(), time.Millisecond)
	got := r.Stop()
	if got.Absent != "" {
		t.Logf("NVML is absent: %s", got.Absent)
		return
	}
	if len(got.Devices) == 0 || got.Samples < 2 {
		t.Errorf("NVML is there and the report is %+v", got)
	}
	for _, d := range got.Devices {
		t.Logf("%+v", d)
	}
}
