package telemetry

// Inventory is what NVML knows of the machine's devices at one moment.
type Inventory struct {
	Absent  string      `json:"absent,omitempty"` // why there are no devices
	Driver  string      `json:"driver,omitempty"` // its version
	Devices []Installed `json:"devices,omitempty"`
}

// Installed is a device of the machine, whether or not this process may use it.
type Installed struct {
	UUID       string    `json:"uuid"`
	Name       string    `json:"name"`
	TotalBytes int64     `json:"total_bytes"` // 0: not told
	FreeBytes  int64     `json:"free_bytes"`
	Processes  []Process `json:"processes,omitempty"`
}

// Process computes on a device.
type Process struct {
	PID   int   `json:"pid"`   // as the driver numbers it: a container's own numbers differ
	Bytes int64 `json:"bytes"` // of the device's memory; -1: not told
}

// Look asks NVML once.
func Look() Inventory {
	l, err := openNVML()
	return look(l, err)
}

func look(l library, err error) (i Inventory) {
	if err != nil {
		return Inventory{Absent: err.Error()}
	}
	defer l.close()
	i.Driver = l.driver()
	devices, err := l.devices()
	if err != nil {
		i.Absent = err.Error()
	}
	for _, d := range devices {
		n := Installed{UUID: d.uuid(), Name: d.name()}
		if total, free, err := d.memory(); err == nil {
			n.TotalBytes, n.FreeBytes = total, free
		}
		if p, err := d.processes(); err == nil {
			n.Processes = p
		}
		i.Devices = append(i.Devices, n)
	}
	return i
}
