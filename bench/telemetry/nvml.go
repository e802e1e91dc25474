//go:build cgo && linux

package telemetry

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// nvmlLibrary is libnvidia-ml, opened at run time by go-nvml. Calling a function
// that a driver's library does not have ends the process, so each is looked up
// before it is called.
type nvmlLibrary struct {
	api nvml.Interface
}

const soname = "libnvidia-ml.so.1"

var errNotFound = errors.New("no " + soname + " (NVML), which comes with NVIDIA's driver")

// openNVML asks the loader, then looks where containers, distributions and WSL 2
// put the library.
func openNVML() (library, error) {
	l, err := openNVMLAt(soname)
	for _, folder := range []string{
		"/usr/local/nvidia/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib",
	} {
		if !errors.Is(err, errNotFound) {
			break
		}
		l, err = openNVMLAt(filepath.Join(folder, soname))
	}
	return l, err
}

// openNVMLAt opens the library by a path or the loader's search.
func openNVMLAt(path string) (library, error) {
	l := nvmlLibrary{nvml.New(nvml.WithLibraryPath(path))}
	switch ret := l.api.Init(); ret {
	case nvml.SUCCESS:
		return l, nil
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return nil, errNotFound
	default:
		return nil, fmt.Errorf("NVML does not start: %w", ret)
	}
}

func (l nvmlLibrary) close() { _ = l.api.Shutdown() } // nothing is left to do with a failure

func (l nvmlLibrary) has(function string) error {
	if err := l.api.Extensions().LookupSymbol(function); err != nil {
		return fmt.Errorf("the driver's NVML has no %s", function)
	}
	return nil
}

func (l nvmlLibrary) driver() string {
	if l.has("nvmlSystemGetDriverVersion") != nil {
		return ""
	}
	version, _ := l.api.SystemGetDriverVersion()
	return version
}

func (l nvmlLibrary) devices() ([]device, error) {
	n, ret := l.api.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("NVML does not count devices: %w", ret)
	}
	if n == 0 {
		return nil, errors.New("NVML finds no device")
	}
	var all []device
	for i := range n {
		d, ret := l.api.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			return nil, fmt.Errorf("NVML does not give device %d: %w", i, ret)
		}
		all = append(all, nvmlDevice{l, d})
	}
	return all, nil
}

type nvmlDevice struct {
	library nvmlLibrary
	d       nvml.Device
}

func (d nvmlDevice) name() string {
	name, _ := d.d.GetName()
	return name
}

func (d nvmlDevice) uuid() string {
	uuid, _ := d.d.GetUUID()
	return uuid
}

func (d nvmlDevice) memory() (total, free int64, err error) {
	if err := d.library.has("nvmlDeviceGetMemoryInfo"); err != nil {
		return 0, 0, err
	}
	m, ret := d.d.GetMemoryInfo()
	return int64(m.Total), int64(m.Free), failure(ret)
}

func (d nvmlDevice) processes() ([]Process, error) {
	if err := d.library.has("nvmlDeviceGetComputeRunningProcesses"); err != nil {
		return nil, err
	}
	infos, ret := d.d.GetComputeRunningProcesses()
	if err := failure(ret); err != nil {
		return nil, err
	}
	var all []Process
	for _, p := range infos {
		bytes := int64(-1)
		if p.UsedGpuMemory <= math.MaxInt64 { // beyond: NVML_VALUE_NOT_AVAILABLE
			bytes = int64(p.UsedGpuMemory)
		}
		all = append(all, Process{int(p.Pid), bytes})
	}
	return all, nil
}

func (d nvmlDevice) read(q quantity) (float64, error) {
	if err := d.library.has(functionOf(q)); err != nil {
		return 0, err
	}
	switch q {
	case power:
		mW, ret := d.d.GetPowerUsage()
		return float64(mW) / 1000, failure(ret)
	case energy:
		mJ, ret := d.d.GetTotalEnergyConsumption()
		return float64(mJ) / 1000, failure(ret)
	case smClock:
		mhz, ret := d.d.GetClockInfo(nvml.CLOCK_SM)
		return float64(mhz), failure(ret)
	case memoryClock:
		mhz, ret := d.d.GetClockInfo(nvml.CLOCK_MEM)
		return float64(mhz), failure(ret)
	case memoryUsed:
		m, ret := d.d.GetMemoryInfo()
		return float64(m.Used), failure(ret)
	case utilization:
		u, ret := d.d.GetUtilizationRates()
		return float64(u.Gpu), failure(ret)
	case temperature:
		c, ret := d.d.GetTemperature(nvml.TEMPERATURE_GPU)
		return float64(c), failure(ret)
	default:
		set, ret := d.d.GetCurrentClocksThrottleReasons()
		return float64(set), failure(ret)
	}
}

func functionOf(q quantity) string {
	return [quantityCount]string{
		power: "nvmlDeviceGetPowerUsage", energy: "nvmlDeviceGetTotalEnergyConsumption",
		smClock: "nvmlDeviceGetClockInfo", memoryClock: "nvmlDeviceGetClockInfo", memoryUsed: "nvmlDeviceGetMemoryInfo",
		utilization: "nvmlDeviceGetUtilizationRates", temperature: "nvmlDeviceGetTemperature",
		throttle: "nvmlDeviceGetCurrentClocksThrottleReasons",
	}[q]
}

// failure is nil for success: a Return that is one is an error in Go's eyes.
func failure(ret nvml.Return) error {
	if ret == nvml.SUCCESS {
		return nil
	}
	return ret
}
