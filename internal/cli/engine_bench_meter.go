package cli

import (
	"context"
	"time"

	"tierlab/bench/shapes"
	"tierlab/bench/telemetry"
)

// meterEvery is how often devices are read while they are measured.
const meterEvery = 50 * time.Millisecond

// meter tells what is used: this process's time, and the energy of the devices
// where the backend computes on some that tell it.
type meter struct {
	recorder *telemetry.Recorder // nil: of a backend without devices
}

// openMeter watches the devices of a backend.
func openMeter(ctx context.Context, device string) meter {
	if device != backendCUDA {
		return meter{}
	}
	return meter{telemetry.Start(ctx, meterEvery)}
}

// stop ends the readings and returns what was seen of the devices, or why
// nothing is known of their energy.
func (m *meter) stop() (*telemetry.Report, string) {
	if m.recorder == nil {
		return nil, "only a GPU tells it"
	}
	r := m.recorder.Stop()
	switch _, ok := r.EnergyJ(); {
	case r.Absent != "":
		return &r, r.Absent
	case !ok:
		return &r, "a device does not tell it"
	}
	return &r, ""
}

// joules are those of all devices so far; 0 where they are not known.
func (m *meter) joules() float64 {
	if m.recorder == nil {
		return 0
	}
	joules, _ := m.recorder.EnergyJ()
	return joules
}

// here are the counters of this process.
func (m *meter) here() shapes.Counters {
	return shapes.Counters{CPU: shapes.ProcessTime(), Joules: m.joules()}
}
