package nvrtc

import "fmt"

// Version is a CUDA toolkit's: 13.0.88. Build is 0 where it is not known.
type Version struct{ Major, Minor, Build int }

func (v Version) String() string {
	if v.Build == 0 {
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Build)
}

// CUDA is the version as drivers count: 1000 x major + 10 x minor.
func (v Version) CUDA() int { return 1000*v.Major + 10*v.Minor }

// Advice is empty where a driver for the given CUDA version loads what this NVRTC
// compiles: its own version or an older one, or, by CUDA's minor version
// compatibility, any minor version of its own major version. Otherwise it says
// what to do should the driver refuse.
// (CUDA Compatibility guide, sections 2 and 3.)
func (v Version) Advice(driver int) string {
	major, minor := driver/1000, driver%1000/10
	if v.Major <= major {
		return ""
	}
	return fmt.Sprintf("NVRTC %s is of a newer CUDA than the driver, which serves %d.%d: if kernels do not load, "+
		"update the driver or install the compiler of CUDA %d (pip install %s)", v, major, minor, major, wheel(major))
}

// wheel is the name of NVRTC's package at PyPI, which has no suffix since 13.
func wheel(major int) string {
	if major < 13 {
		return fmt.Sprintf("nvidia-cuda-nvrtc-cu%d", major)
	}
	return fmt.Sprintf("'nvidia-cuda-nvrtc==%d.*'", major)
}
