package cli

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"tierlab/bench/telemetry"
	"tierlab/engine/backend/cpu"
	"tierlab/engine/backend/cuda"
	"tierlab/reference/sandbox"
)

// facts are what doctor has found out, before it says what they mean.
type facts struct {
	version, golang, platform string
	processor                 string
	kernels                   map[string][]string // of the CPU engine, by numerics
	cuda                      cuda.Report
	cache                     kernelCache
	sandbox                   []sandbox.Layer
	nvml                      telemetry.Inventory
	cxx                       tool
	python                    tool
	packages                  map[string]string // of Python: their versions
}

type kernelCache struct {
	dir     string
	kernels int
	bytes   int64
	err     error
}

// tool is a program on the PATH; without a path it was not found.
type tool struct{ path, version string }

// pythonPackages are what scripts import.
func pythonPackages() []string {
	return []string{"torch", "transformers", "tokenizers", "numpy", "openai", "jsonschema"}
}

func lookAround(ctx context.Context) facts {
	f := facts{
		version: version(), golang: runtime.Version(), platform: runtime.GOOS + "/" + runtime.GOARCH,
		processor: machine(),
		kernels:   map[string][]string{"bf16": cpu.Kernels("bf16"), "f32": cpu.Kernels("f32")},
		cuda:      cuda.Probe(),
		sandbox:   sandbox.Probe(),
		nvml:      telemetry.Look(),
		cxx:       findCXX(ctx),
	}
	f.cache.dir, f.cache.kernels, f.cache.bytes, f.cache.err = cuda.KernelCache()
	f.python, f.packages = findPython(ctx)
	return f
}

// findCXX looks where the tests of the kernels look.
func findCXX(ctx context.Context) tool {
	names := []string{"g++", "clang++"}
	if own := os.Getenv("CXX"); own != "" {
		names = []string{own}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return tool{path, firstLine(ask(ctx, path, "--version"))}
		}
	}
	return tool{}
}

// metadata prints Python's version and those of the packages named, from their
// metadata: nothing of them runs.
const metadata = `
import sys
from importlib import metadata
print(sys.version.split()[0])
for name in sys.argv[1:]:
    try:
        print(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        pass
`

func findPython(ctx context.Context) (t tool, packages map[string]string) {
	for _, name := range []string{"python3", "python"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		first, rest, _ := strings.Cut(ask(ctx, path, append([]string{"-c", metadata}, pythonPackages()...)...), "\n")
		packages = map[string]string{}
		for line := range strings.Lines(rest) {
			if name, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				packages[name] = version
			}
		}
		return tool{path, strings.TrimSpace(first)}, packages
	}
	return tool{}, nil
}

// ask is what a program prints; nothing where it fails or does not end.
func ask(ctx context.Context, path string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
