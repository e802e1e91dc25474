//go:build !((linux || darwin) && (amd64 || arm64))

package host

import (
	"fmt"
	"runtime"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

func unsupported() error {
	return fmt.Errorf("the kernels run on the CPU of linux and darwin, amd64 and arm64; this is %s/%s", runtime.GOOS, runtime.GOARCH)
}

// NewWith fails here.
func NewWith(Options) (driver.Driver, error) { return nil, unsupported() }

// NewCompiler fails here.
func NewCompiler(string) (kernels.Compiler, error) { return nil, unsupported() }
