package cuda

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/lab"
)

// Ceilings are what a device can do at most, as measured on it with random
// numbers.
type Ceilings struct {
	CopyGBs float64 // 1e9 bytes a second, read and written, of a copy within its memory
	GFLOPs  float64 // 1e9 operations a second, of a large product of bf16 matrices
	By      string  // what computed the product
}

// MeasureCeilings takes a device for some seconds and about 10 GB of its memory:
// it is called while no engine is open, which would hold both.
func MeasureCeilings(ctx context.Context, device int) (Ceilings, error) {
	return measureCeilings(ctx, &Config{Device: device}, (*lab.Bench).Ceilings)
}

// measure is a measurement of the lab, by the library of products if there is one.
type measure = func(*lab.Bench, context.Context, *cublaslt.Library) (lab.Ceilings, error)

func measureCeilings(ctx context.Context, c *Config, by measure) (result Ceilings, err error) {
	m, err := c.machine()
	if err != nil {
		return Ceilings{}, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dev, err := m.driver.Open(c.Device)
	if err != nil {
		return Ceilings{}, fmt.Errorf("cuda: device %d: %w", c.Device, err)
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	b, err := lab.New(ctx, dev, m.compiler, arch(dev.Device()))
	if err != nil {
		return Ceilings{}, fmt.Errorf("cuda: %w", err)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	seen, err := by(b, ctx, m.library)
	if err != nil {
		return Ceilings{}, fmt.Errorf("cuda: measuring the device: %w", err)
	}
	return Ceilings{CopyGBs: seen.CopyBytesPerSecond / 1e9, GFLOPs: seen.MatrixFLOPs / 1e9, By: seen.MatrixBy}, nil
}
