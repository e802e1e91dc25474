package cuda

import (
	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/nvrtc"
	"tierlab/engine/backend/cuda/internal/store"
)

// Variables are the environment variables that say where libraries lie.
func Variables() []string { return []string{nvrtc.Variable, cublaslt.Variable} }

// Usable says why the kernels do not run on a device.
func Usable(d Device) error {
	if d.Major < oldestCapability {
		return tooOld(d)
	}
	return nil
}

// KernelCache is the user's folder of compiled kernels, with how many it holds
// and their bytes; none where there is no such folder.
func KernelCache() (dir string, kernels int, bytes int64, err error) {
	if dir, err = store.UserDir(); err != nil {
		return "", 0, 0, err
	}
	kernels, bytes, err = store.Usage(dir)
	return dir, kernels, bytes, err
}
