package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/bench/telemetry"
	"tierlab/engine/backend/cuda"
	"tierlab/reference/sandbox"
)

// laptop has what a newcomer's machine has.
func laptop() facts {
	return facts{
		version: "v1.2.0", golang: "go1.26.8", platform: "darwin/arm64",
		processor: "darwin/arm64, 8 processors",
		kernels:   map[string][]string{"bf16": {"portable"}, "f32": {"portable"}},
		cuda: cuda.Report{
			Driver:   cuda.Part{Err: errors.New("no CUDA driver: this is darwin/arm64\nit comes with NVIDIA's driver for the GPU")},
			Compiler: cuda.Part{Err: errors.New("no CUDA compiler: CUDA's libraries are used on Linux (amd64, arm64), this is darwin/arm64")},
			Library:  cuda.Part{Err: errors.New("CUDA's libraries are used on Linux (amd64, arm64), this is darwin/arm64")},
		},
		sandbox:  []sandbox.Layer{{Name: "namespaces", Detail: "not on darwin"}, {Name: "seccomp", Detail: "not on darwin"}},
		cache:    kernelCache{dir: "~/Library/Caches/tierlab/kernels"},
		nvml:     telemetry.Inventory{Absent: "devices are watched on Linux, this is darwin"},
		python:   tool{"/usr/bin/python3", "3.12.3"},
		packages: map[string]string{},
	}
}

// server has everything.
func server() facts {
	f := laptop()
	f.platform = "linux/amd64"
	f.processor = "Intel(R) Xeon(R) Platinum 8480+, 16 processors"
	f.kernels = map[string][]string{"bf16": {"portable", "avx512", "avx512-bf16", "amx"}, "f32": {"portable", "avx512"}}
	f.cuda = cuda.Report{
		Driver: cuda.Part{Version: "13.0", Path: "/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.03"},
		Devices: []cuda.Device{{
			Name: "NVIDIA H200", UUID: "GPU-7c1c6c1e-9c1b-4f6e-a8b4-5a3f0d8f7d11", Major: 9, SMs: 132, MemoryBytes: 150122856448,
		}},
		Compiler: cuda.Part{Version: "13.0.88", Path: "/opt/torch/.venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13"},
		Library:  cuda.Part{Version: "13.1.0", Path: "/opt/torch/.venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13"},
	}
	f.cache = kernelCache{dir: "/var/cache/tierlab/kernels", kernels: 41, bytes: 5 << 20}
	f.sandbox = []sandbox.Layer{{Name: "namespaces", InForce: true}, {Name: "landlock", InForce: true}, {Name: "seccomp", InForce: true}}
	f.nvml = telemetry.Inventory{Driver: "580.159.03", Devices: []telemetry.Installed{{
		UUID: f.cuda.Devices[0].UUID, Name: "NVIDIA H200", TotalBytes: 150754820096, FreeBytes: 150121611264,
	}}}
	f.cxx = tool{"/usr/bin/g++", "g++ (Ubuntu 13.3.0-6ubuntu2~24.04) 13.3.0"}
	f.packages = map[string]string{}
	for _, name := range pythonPackages() {
		f.packages[name] = "1.0"
	}
	return f
}

// shared is a machine that others compute on, with a driver of an older CUDA
// than the compiler.
func shared() facts {
	f := server()
	f.cuda.Driver.Version = "12.8"
	f.cuda.Advice = "NVRTC 13.0.88 is of a newer CUDA than the driver, which serves 12.8: if kernels do not load, update the driver"
	f.cuda.Devices = append(f.cuda.Devices, cuda.Device{Ordinal: 1, Name: "Tesla T4", UUID: "GPU-2", Major: 7, Minor: 5, SMs: 40, MemoryBytes: 16 << 30})
	f.cuda.Library = cuda.Part{Err: errors.New("no libcublasLt.so found")}
	f.nvml.Devices[0].FreeBytes -= 80 << 30
	f.nvml.Devices[0].Processes = []telemetry.Process{{PID: 4021, Bytes: 80 << 30}, {PID: 4022, Bytes: -1}}
	f.sandbox = []sandbox.Layer{{Name: "namespaces", Detail: "the kernel refuses them: operation not permitted"}, {Name: "seccomp", InForce: true}}
	f.cache = kernelCache{err: errors.New("the user has no cache folder: neither $XDG_CACHE_HOME nor $HOME are defined")}
	f.python = tool{}
	return f
}

func TestDoctorText(t *testing.T) {
	for name, f := range map[string]facts{"laptop": laptop(), "server": server(), "shared": shared()} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := runDoctor(doctorOptions{format: "text"}, f, &out); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "doctor-"+name+".txt")
			if *rewrite {
				if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("doctor prints\n%s\nwant\n%s", out.String(), want)
			}
			for line := range strings.Lines(out.String()) {
				if len(strings.TrimSuffix(line, "\n")) > doctorWidth && strings.Count(strings.TrimSpace(line), " ") > 3 {
					t.Errorf("a line is wider than %d: %s", doctorWidth, line)
				}
			}
		})
	}
}

func TestDoctorJSON(t *testing.T) {
	var out bytes.Buffer
	if err := runDoctor(doctorOptions{format: "json"}, shared(), &out); err != nil {
		t.Fatal(err)
	}
	var d diagnosis
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if !d.CUDA.Usable || len(d.CUDA.GPUs) != 2 || d.CUDA.GPUs[0].FreeBytes != 150121611264-80<<30 || d.CUDA.GPUs[1].FreeBytes != -1 {
		t.Errorf("CUDA is %+v", d.CUDA)
	}
	states := map[string]string{}
	for _, p := range d.Parts {
		states[p.Name] = p.State
	}
	for name, want := range map[string]string{
		"GPU 0": stateNote, "GPU 1": stateNote, "NVRTC": stateNote, "cuBLASLt": stateMissing, "NVIDIA driver": stateOK, "Python": stateMissing,
	} {
		if states[name] != want {
			t.Errorf("%s is %q, want %q", name, states[name], want)
		}
	}
}

func TestDoctorRequire(t *testing.T) {
	old := server()
	old.cuda.Devices[0].Major = 7
	none := server()
	none.cuda.Devices = nil
	for _, c := range []struct {
		name string
		f    facts
		says string // "": it can be used
	}{
		{"server", server(), ""},
		{"shared", shared(), ""},
		{"laptop", laptop(), "CUDA cannot be used: no CUDA driver: this is darwin/arm64"},
		{"an old device", old, "compute capability 7.0"},
		{"no device", none, "no device"},
	} {
		var out bytes.Buffer
		err := runDoctor(doctorOptions{format: "text", require: "cuda"}, c.f, &out)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error is %v, want %q", c.name, err, c.says)
		}
		if err != nil && exitCode(err) != ExitFailed {
			t.Errorf("%s: the exit code is %d", c.name, exitCode(err))
		}
		if out.Len() == 0 {
			t.Errorf("%s: the parts are not printed", c.name)
		}
	}
}

// TestDoctorHere runs it on this machine: whatever is missing is no failure.
func TestDoctorHere(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Main(t.Context(), []string{"doctor"}, Stdio{Out: &out, Err: &errs}); code != ExitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, name := range []string{"processor", "NVIDIA driver", "NVRTC", "cuBLASLt", "kernel cache", "confinement", "NVML", "Python"} {
		if !strings.Contains(out.String(), " "+name+" ") {
			t.Errorf("nothing is said of %s:\n%s", name, out.String())
		}
	}
}
