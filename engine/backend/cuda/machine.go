package cuda

import (
	"fmt"
	"strings"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/libcuda"
	"tierlab/engine/backend/cuda/internal/nvrtc"
)

// machine is what steps are computed with.
type machine struct {
	driver   driver.Driver
	compiler kernels.Compiler
	advice   string            // what to do should the driver refuse what the compiler makes
	library  *cublaslt.Library // nil: kernels of ours compute all products
	without  string            // why a library that was found is not used
}

// oldestCapability is the first that multiplies matrices of bf16.
const oldestCapability = 8

// machine finds the driver, the compiler and the library of products. The last
// may be absent: kernels of ours compute products then.
func (c *Config) machine() (machine, error) {
	if c.Driver != nil {
		return machine{driver: c.Driver, compiler: c.Compiler, library: c.library}, nil
	}
	d, err := libcuda.New()
	if err != nil {
		return machine{}, fmt.Errorf("cuda: %w", err)
	}
	m := machine{driver: d}
	devices, err := d.Devices()
	switch {
	case err != nil:
		return machine{}, fmt.Errorf("cuda: %w", err)
	case c.Device >= len(devices):
		return machine{}, fmt.Errorf("cuda: there is no device %d: the driver has %d (CUDA_VISIBLE_DEVICES hides others)", c.Device, len(devices))
	case devices[c.Device].Major < oldestCapability:
		return machine{}, fmt.Errorf("cuda: %w", tooOld(devices[c.Device]))
	}
	version, err := d.Version()
	if err != nil {
		return machine{}, fmt.Errorf("cuda: %w", err)
	}
	nv, err := nvrtc.FindFor(version)
	if err != nil {
		return machine{}, fmt.Errorf("cuda: %w", err)
	}
	m.compiler, m.advice = nv.Compiler(c.CacheDir), nv.Version().Advice(version)
	if !c.NoLibrary {
		m.library, _ = cublaslt.FindFor(version) // its absence shows in Caps.Kernels, and costs speed only
	}
	if m.library != nil {
		// The library keeps what it has loaded into a device's context, and is not
		// said to notice that another has taken its place: this holds it until the
		// process ends.
		if _, err := d.Open(c.Device); err != nil {
			return machine{}, fmt.Errorf("cuda: device %d: %w", c.Device, err)
		}
	}
	return m, nil
}

func tooOld(d driver.Device) error {
	return fmt.Errorf("%s has compute capability %d.%d; the kernels need %d.0 or later, which multiplies matrices of bf16", d.Name, d.Major, d.Minor, oldestCapability)
}

// arch is the architecture to compile for: with the instructions of Hopper's own
// on such a chip, and what every chip of a capability has on others.
func arch(d driver.Device) string {
	if d.Major == 9 && d.Minor == 0 {
		return "sm_90a"
	}
	return fmt.Sprintf("sm_%d%d", d.Major, d.Minor)
}

// kernels names what computes, for Caps.
func (m *machine) kernels(d driver.Device) string {
	name := arch(d) + " " + m.compiler.Name()
	if m.library != nil {
		name += " cublaslt " + libraryVersion(m.library.Version())
	}
	if m.without != "" {
		name += " without cublaslt: " + m.without
	}
	return name
}

// withoutLibrary gives the library up, which costs speed only.
func (m *machine) withoutLibrary(why error) {
	m.library, m.without = nil, strings.Join(strings.Fields(why.Error()), " ")
}

// libraryVersion writes what cublasLtGetVersion gives: 10000 x major + 100 x
// minor + patch, so 130002 is 13.0.2.
func libraryVersion(v int) string {
	return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100)
}
