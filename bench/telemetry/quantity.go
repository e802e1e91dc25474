package telemetry

// quantity is something that NVML tells of a device.
type quantity int

const (
	power       quantity = iota // W
	energy                      // J since the driver was loaded
	smClock                     // MHz
	memoryClock                 // MHz
	memoryUsed                  // bytes
	utilization                 // percent
	temperature                 // degrees Celsius
	throttle                    // bits; see throttleReasons
	quantityCount
)

func (q quantity) String() string {
	return [quantityCount]string{
		"power", "energy", "sm_clock", "memory_clock", "memory_used", "utilization", "temperature", "throttle",
	}[q]
}

// throttleReasons are the names of nvmlDeviceGetCurrentClocksThrottleReasons'
// bits, from the lowest (nvml.h, nvmlClocksThrottleReason*).
func throttleReasons() []string {
	return []string{
		"gpu_idle", "applications_clocks_setting", "sw_power_cap", "hw_slowdown", "sync_boost",
		"sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown", "display_clock_setting",
	}
}

// library is the little of NVML that is used.
type library interface {
	driver() string
	devices() ([]device, error)
	close()
}

// device is one of NVML's devices. Whatever it cannot tell is an error.
type device interface {
	name() string
	uuid() string
	read(quantity) (float64, error)
	memory() (total, free int64, err error)
	// processes are those that compute on the device, by the process numbers of
	// the driver, with bytes of memory, -1 where they are not told.
	processes() ([]Process, error)
}
