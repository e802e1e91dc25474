package cuda

import (
	"errors"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/libcuda"
	"tierlab/engine/backend/cuda/internal/nvrtc"
)

// Report is what a machine has of what the backend needs.
type Report struct {
	Driver   Part     // libcuda; its version is the newest CUDA that it serves
	Devices  []Device // as the driver counts them
	Compiler Part     // libnvrtc
	// Advice says what to do should the driver refuse what the compiler makes; ""
	// where it does not.
	Advice  string
	Library Part // libcublasLt; without it products are slower
}

// Device describes a device.
type Device = driver.Device

// Part is a library that is looked for at run time.
type Part struct {
	Version string // "13.0"
	Path    string
	Err     error // why it is not there, and what to do
}

// Probe looks for the driver, its devices, the compiler and the library of
// products, and takes nothing of them.
func Probe() Report {
	var r Report
	version := 0
	if d, err := libcuda.New(); err != nil {
		r.Driver.Err = err
	} else {
		r.Driver.Path = pathOf(d)
		if version, r.Driver.Err = d.Version(); r.Driver.Err == nil {
			r.Driver.Version = driver.Release(version)
			r.Devices, r.Driver.Err = d.Devices()
		}
	}
	if nv, err := nvrtc.FindFor(version); err != nil {
		r.Compiler.Err = err
	} else {
		r.Compiler.Path, r.Compiler.Version = nv.Path(), nv.Version().String()
		if r.Driver.Err == nil {
			r.Advice = nv.Version().Advice(version)
		}
	}
	if l, err := cublaslt.FindFor(version); err != nil {
		r.Library.Err = err
	} else {
		r.Library.Path, r.Library.Version = l.Path(), libraryVersion(l.Version())
	}
	return r
}

// pathOf is the file of a driver that has one.
func pathOf(d driver.Driver) string {
	if f, ok := d.(interface{ Path() string }); ok {
		return f.Path()
	}
	return ""
}

// Err is why the backend cannot compute on this machine; nil: it can, as far as
// is known before Open.
func (r *Report) Err() error {
	switch {
	case r.Driver.Err != nil:
		return r.Driver.Err
	case len(r.Devices) == 0:
		return errors.New("the driver has no device (CUDA_VISIBLE_DEVICES may hide them)")
	case r.Compiler.Err != nil:
		return r.Compiler.Err
	}
	var old error
	for _, d := range r.Devices {
		if d.Major >= oldestCapability {
			return nil
		}
		old = tooOld(d)
	}
	return old
}
