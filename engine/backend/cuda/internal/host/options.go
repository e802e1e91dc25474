package host

import "tierlab/engine/backend/cuda/internal/driver"

// Options are the driver's.
type Options struct {
	// MemoryBytes is the device's memory; 0: 1 GiB.
	MemoryBytes int64
	// Workers is how many threads of the host run blocks; 0: GOMAXPROCS, at most 4.
	Workers int
	// Strict runs each launch twice, in both orders of the threads, and compares
	// what they leave, unless more than 64 MiB of memory are allocated.
	Strict bool
}

// New is the driver with the default options. It fails where kernels cannot run:
// on Windows, or on another processor than amd64 and arm64.
func New() (driver.Driver, error) { return NewWith(Options{}) }
