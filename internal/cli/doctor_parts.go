package cli

import (
	"fmt"
	"strings"

	"tierlab/bench/telemetry"
	"tierlab/engine/backend/cuda"
)

// The groups of parts, and their states.
const (
	groupCPU     = "CPU engine"
	groupCUDA    = "CUDA engine"
	groupSandbox = "Sandbox"
	groupMeasure = "Measurements, tests and scripts"

	stateOK      = "ok"
	stateMissing = "missing"
	stateNote    = "note"
)

// doctorsGPU is a device of the driver with what NVML knows of it. Sizes that
// are not known are -1.
type doctorsGPU struct {
	Ordinal    int                 `json:"ordinal"`
	Name       string              `json:"name"`
	UUID       string              `json:"uuid"`
	Capability string              `json:"compute_capability"`
	SMs        int                 `json:"sms"`
	TotalBytes int64               `json:"total_bytes"`
	FreeBytes  int64               `json:"free_bytes"`
	Processes  []telemetry.Process `json:"processes,omitempty"`
	refused    error
}

// diagnose says what the facts mean.
func (f *facts) diagnose() diagnosis {
	d := diagnosis{Version: f.version, Go: f.golang, Platform: f.platform, CUDA: diagnosedCUDA{Usable: true, GPUs: f.gpus()}}
	if err := f.cuda.Err(); err != nil {
		d.CUDA.Usable, d.CUDA.Why = false, err.Error()
	}
	d.Parts = append(d.Parts,
		part{Group: groupCPU, Name: "processor", State: stateOK, Found: f.processor},
		part{Group: groupCPU, Name: "instructions", State: stateOK,
			Found: fmt.Sprintf("bf16: %s; f32: %s", strings.Join(f.kernels["bf16"], ", "), strings.Join(f.kernels["f32"], ", "))},
		f.driverPart())
	for _, g := range d.CUDA.GPUs {
		d.Parts = append(d.Parts, g.part())
	}
	d.Parts = append(d.Parts, f.compilerPart(), f.libraryPart(), f.cachePart(), f.sandboxPart(), f.nvmlPart(), f.cxxPart())
	d.Parts = append(d.Parts, f.pythonParts()...)
	return d
}

func (f *facts) gpus() (all []doctorsGPU) {
	for _, c := range f.cuda.Devices {
		g := doctorsGPU{
			Ordinal: c.Ordinal, Name: c.Name, UUID: c.UUID, Capability: fmt.Sprintf("%d.%d", c.Major, c.Minor),
			SMs: c.SMs, TotalBytes: c.MemoryBytes, FreeBytes: -1, refused: cuda.Usable(c),
		}
		for _, n := range f.nvml.Devices {
			if n.UUID == c.UUID && n.TotalBytes > 0 {
				g.FreeBytes, g.Processes = n.FreeBytes, n.Processes
			}
		}
		all = append(all, g)
	}
	return all
}

// busyShare is the share of a device's memory beyond which it counts as used by
// others; drivers keep some hundred MiB.
const busyShare = 0.02

func (g *doctorsGPU) part() part {
	p := part{Group: groupCUDA, Name: fmt.Sprintf("GPU %d", g.Ordinal), State: stateOK}
	p.Found = fmt.Sprintf("%s, compute capability %s, %d multiprocessors, %s", g.Name, g.Capability, g.SMs, gib(g.TotalBytes))
	if g.FreeBytes >= 0 {
		p.Found += fmt.Sprintf(", %s free", gib(g.FreeBytes))
	}
	if g.refused != nil {
		p.State = stateNote
		p.Found += "\nnot used: " + g.refused.Error()
	}
	used := g.TotalBytes - g.FreeBytes
	if g.FreeBytes < 0 || len(g.Processes) == 0 && float64(used) <= busyShare*float64(g.TotalBytes) {
		return p
	}
	p.State = stateNote
	p.Found += fmt.Sprintf("\n%s are in use by others: the engine takes what is left, and measurements are disturbed", gib(used))
	for _, o := range g.Processes {
		held := "an unknown size"
		if o.Bytes >= 0 {
			held = gib(o.Bytes)
		}
		p.Found += fmt.Sprintf("\nprocess %d (as the driver counts) has %s", o.PID, held)
	}
	return p
}

func (f *facts) driverPart() part {
	p := part{Group: groupCUDA, Name: "NVIDIA driver"}
	if err := f.cuda.Driver.Err; err != nil {
		p.State, p.Found, p.Without = stateMissing, err.Error(), "the engine computes on the CPU: --backend auto falls back to it"
		return p
	}
	p.State, p.Found = stateOK, fmt.Sprintf("serves CUDA %s, %s", f.cuda.Driver.Version, f.cuda.Driver.Path)
	if f.nvml.Driver != "" {
		p.Found = fmt.Sprintf("%s, %s", f.nvml.Driver, p.Found)
	}
	if len(f.cuda.Devices) == 0 {
		p.State = stateMissing
		p.Found += "\nit has no device: CUDA_VISIBLE_DEVICES may hide them"
	}
	return p
}

func (f *facts) compilerPart() part {
	p := library("NVRTC", f.cuda.Compiler)
	switch {
	case p.State == stateMissing:
		p.Without = "kernels cannot be compiled, and --backend cuda does not start"
		p.Install = f.onLinux("pip install nvidia-cuda-nvrtc (CUDA 12: nvidia-cuda-nvrtc-cu12), or Debian's libnvrtc12, or cuda-nvrtc-13-0 of NVIDIA's repository")
	case f.cuda.Advice != "":
		p.State = stateNote
		p.Found += "\n" + f.cuda.Advice
	}
	return p
}

func (f *facts) libraryPart() part {
	p := library("cuBLASLt", f.cuda.Library)
	if p.State == stateMissing {
		p.Without = "the engine's own kernels compute large products, more slowly"
		p.Install = f.onLinux("pip install nvidia-cublas (CUDA 12: nvidia-cublas-cu12), or Debian's libcublaslt12, or libcublas-13-0 of NVIDIA's repository")
	}
	return p
}

// library is a part of the CUDA engine that is opened at run time.
func library(name string, c cuda.Part) part {
	if c.Err != nil {
		return part{Group: groupCUDA, Name: name, State: stateMissing, Found: c.Err.Error()}
	}
	return part{Group: groupCUDA, Name: name, State: stateOK, Found: fmt.Sprintf("%s, %s", c.Version, c.Path)}
}

func (f *facts) cachePart() part {
	p := part{Group: groupCUDA, Name: "kernel cache", State: stateOK}
	switch c := f.cache; {
	case c.err != nil:
		p.State, p.Found = stateNote, c.err.Error()
		p.Without = "kernels are compiled at every start"
	case c.kernels == 0:
		p.Found = c.dir + ", empty: the first start compiles"
	default:
		p.Found = fmt.Sprintf("%s, %s, %.1f MiB", c.dir, count(c.kernels, "kernel"), float64(c.bytes)/(1<<20))
	}
	return p
}

// sandboxPart says what holds a program that breaks out of WebAssembly.
func (f *facts) sandboxPart() part {
	p := part{Group: groupSandbox, Name: "confinement", State: stateOK}
	var have, lack []string
	for _, l := range f.sandbox {
		if l.InForce {
			have = append(have, l.Name)
		} else {
			lack = append(lack, "not "+l.Name+": "+l.Detail)
		}
	}
	if len(lack) > 0 {
		p.State = stateNote
		p.Without = "a program that breaks out of WebAssembly is held by fewer layers"
	}
	if len(have) == 0 {
		p.State, p.Found = stateMissing, "children are held by nothing but WebAssembly and a process of their own: "+strings.TrimPrefix(lack[0], "not "+f.sandbox[0].Name+": ")
		return p
	}
	p.Found = strings.Join(append([]string{strings.Join(have, ", ")}, lack...), "\n")
	return p
}

func (f *facts) nvmlPart() part {
	p := part{Group: groupMeasure, Name: "NVML", State: stateOK, Found: "driver " + f.nvml.Driver + ", " + count(len(f.nvml.Devices), "device")}
	if f.nvml.Absent != "" {
		p.State, p.Found = stateMissing, f.nvml.Absent
		p.Without = "results have no power, energy, clocks and throttling"
	}
	return p
}

func (f *facts) cxxPart() part {
	p := part{Group: groupMeasure, Name: "C++ compiler", State: stateOK, Found: fmt.Sprintf("%s, %s", f.cxx.version, f.cxx.path)}
	if f.cxx.path == "" {
		p.State, p.Found = stateMissing, "no g++ or clang++ on the PATH, and CXX names none"
		p.Without, p.Install = "tests of the CUDA kernels on the CPU are skipped", f.onLinux("Debian's g++")
	}
	return p
}

func (f *facts) pythonParts() []part {
	p := part{Group: groupMeasure, Name: "Python", State: stateOK, Found: fmt.Sprintf("%s, %s", f.python.version, f.python.path)}
	const without = "comparisons with other programs (scripts/) do not run"
	if f.python.path == "" || f.python.version == "" {
		p.State, p.Found = stateMissing, "no python3 on the PATH that runs"
		p.Without, p.Install = without, f.onLinux("Debian's python3")
		return []part{p}
	}
	var have, missing []string
	for _, name := range pythonPackages() {
		if v := f.packages[name]; v != "" {
			have = append(have, name+" "+v)
		} else {
			missing = append(missing, name)
		}
	}
	q := part{Group: groupMeasure, Name: "Python packages", State: stateOK, Found: strings.Join(have, ", ")}
	if len(missing) > 0 {
		q.State = stateMissing
		q.Found = strings.TrimPrefix(q.Found+"; not "+strings.Join(missing, ", "), "; ")
		q.Without, q.Install = without, "pip install "+strings.Join(missing, " ")
	}
	return []part{p, q}
}

// onLinux is where to get what there is for Linux only.
func (f *facts) onLinux(hint string) string {
	if strings.HasPrefix(f.platform, "linux/") {
		return hint
	}
	return ""
}

func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
