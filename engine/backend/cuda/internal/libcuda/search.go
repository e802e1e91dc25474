//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/dynlib"
)

const soname = "libcuda.so.1"

// folders is where the library is on machines whose dynamic linker does not
// know it: containers, distributions, WSL 2.
func folders() []string {
	return []string{
		"/usr/local/nvidia/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
		"/usr/lib64", "/usr/lib/wsl/lib",
	}
}

// New finds and initialises the driver. Its error says what was searched and
// what to install.
func New() (driver.Driver, error) {
	handle, err := load(soname, folders())
	if err != nil {
		return nil, err
	}
	return bind(handle)
}

// open takes the library of a path, for tests.
func open(path string) (*Driver, error) {
	handle, err := dynlib.Open(path, false)
	if err != nil {
		return nil, err
	}
	return bind(handle)
}

// load opens the first library of that name that can be loaded. The handle is
// never closed: the driver has threads of its own.
func load(name string, folders []string) (uintptr, error) {
	handle, linker := dynlib.Open(name, true)
	if linker == nil {
		return handle, nil
	}
	broken := ""
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err != nil {
			if !os.IsNotExist(err) && !isNotFolder(err) {
				broken += fmt.Sprintf("\n  %v", err)
			}
			continue
		}
		handle, err := dynlib.Open(path, true)
		if err == nil {
			return handle, nil
		}
		broken += fmt.Sprintf("\n  %v", err)
	}
	return 0, fmt.Errorf("no CUDA driver: %s is neither known to the dynamic linker (%w) nor in %s%s\n"+
		"  it comes with NVIDIA's driver for the GPU (packages nvidia-driver-525 or newer, cuda-drivers, libcuda1); a container gets it with --gpus all and the NVIDIA Container Toolkit",
		name, linker, strings.Join(folders, ", "), broken)
}

func isNotFolder(err error) bool {
	pe, ok := err.(*fs.PathError)
	return ok && strings.Contains(pe.Err.Error(), "not a directory")
}

// fileAt is the file that is mapped at an address, "" if that cannot be told.
func fileAt(address uintptr) string {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		low, err1 := strconv.ParseUint(from, 16, 64)
		high, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil && low <= uint64(address) && uint64(address) < high {
			return strings.Join(fields[5:], " ")
		}
	}
	return ""
}
