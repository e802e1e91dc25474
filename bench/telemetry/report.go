package telemetry

// Report is what a Recorder has seen.
type Report struct {
	Absent    string   `json:"absent,omitempty"` // why there are no devices
	Driver    string   `json:"driver,omitempty"` // its version
	Samples   int      `json:"samples"`          // readings of each device
	DurationS float64  `json:"duration_s"`
	Devices   []Device `json:"devices,omitempty"`
}

// Device is what was seen of one device. A field without a value was not told.
type Device struct {
	Index int    `json:"index"`
	UUID  string `json:"uuid"`
	Name  string `json:"name"`

	PowerW       *Range   `json:"power_w,omitempty"`
	EnergyJ      *float64 `json:"energy_j,omitempty"`
	EnergySource string   `json:"energy_source,omitempty"` // "counter" or "power"

	SMClockMHz         *Range   `json:"sm_clock_mhz,omitempty"`
	MemoryClockMHz     *Range   `json:"memory_clock_mhz,omitempty"`
	MemoryUsedMaxBytes *int64   `json:"memory_used_max_bytes,omitempty"`
	UtilizationMeanPct *float64 `json:"utilization_mean_pct,omitempty"`
	TemperatureMaxC    *float64 `json:"temperature_max_c,omitempty"`
	// Throttled has the reasons for which clocks were below the most possible,
	// with the share of samples that gave them. An idle device is one of them.
	Throttled []Throttle `json:"throttled,omitempty"`
	// NotSupported is what NVML said of a quantity that it never told.
	NotSupported map[string]string `json:"not_supported,omitempty"`
}

// Range is over samples.
type Range struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

// Throttle is one of NVML's reasons for clocks below the most possible.
type Throttle struct {
	Reason string  `json:"reason"` // "sw_power_cap"
	Share  float64 `json:"share"`
}

// EnergyJ is the energy of all devices, and whether each of them told.
func (r *Report) EnergyJ() (joules float64, ok bool) {
	for _, d := range r.Devices {
		if d.EnergyJ == nil {
			return 0, false
		}
		joules += *d.EnergyJ
	}
	return joules, len(r.Devices) > 0
}
