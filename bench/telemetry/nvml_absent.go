//go:build !cgo || !linux

package telemetry

import (
	"fmt"
	"runtime"
)

func openNVML() (library, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("devices are watched on Linux, this is %s", runtime.GOOS)
	}
	return nil, fmt.Errorf("built without cgo, which NVML is bound by: build with a C compiler and CGO_ENABLED=1")
}
