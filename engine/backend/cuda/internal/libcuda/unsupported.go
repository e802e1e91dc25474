//go:build !linux || android || (!amd64 && !arm64)

package libcuda

import (
	"fmt"
	"runtime"

	"tierlab/engine/backend/cuda/internal/driver"
)

// New fails: the driver is bound on Linux, on amd64 and arm64.
func New() (driver.Driver, error) {
	return nil, fmt.Errorf("CUDA is used on Linux, on amd64 and arm64; this is %s on %s: run there (WSL 2 is Linux) or take another backend", runtime.GOOS, runtime.GOARCH)
}
