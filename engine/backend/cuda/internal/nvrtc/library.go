package nvrtc

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tierlab/engine/backend/cuda/internal/dynlib"
)

// Variable names a file or a folder to take NVRTC from.
const Variable = "TIERLAB_NVRTC"

const oldestMajor = 12

// Library is an open libnvrtc. It may be used by several goroutines at once. It
// stays open until the process ends.
type Library struct {
	api     *api
	path    string
	version Version
	archs   []int
}

// Find opens the newest NVRTC of this machine. The error says what was searched
// and what to install.
func Find() (*Library, error) { return FindFor(0) }

// FindFor prefers a version whose kernels a driver for the given CUDA version
// (1000 x major + 10 x minor; 0: any) loads.
func FindFor(driver int) (*Library, error) { return find(dynlib.Search{}, driver) }

func find(search dynlib.Search, driver int) (*Library, error) {
	var found *Library
	err := search.Load(dynlib.Library{
		Stem: "nvrtc", Variable: Variable, Majors: []int{13, 12}, Package: "nvidia-cuda-nvrtc", AtMost: driver / 1000,
	}, func(library uintptr, path string) (err error) {
		found, err = open(library, path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("no CUDA compiler: %w", err)
	}
	return found, nil
}

func open(library uintptr, path string) (*Library, error) {
	a, err := bind(library)
	if err != nil {
		return nil, err
	}
	var major, minor, n int32
	if err := a.check("nvrtcVersion", a.version(&major, &minor)); err != nil {
		return nil, err
	}
	l := &Library{api: a, path: path, version: Version{Major: int(major), Minor: int(minor)}}
	if major < oldestMajor {
		return nil, fmt.Errorf("it is version %s, at least %d.0 is needed", l.version, oldestMajor)
	}
	if err := a.check("nvrtcGetNumSupportedArchs", a.getNumSupportedArch(&n)); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("it compiles for %d architectures", n)
	}
	archs := make([]int32, n)
	if err := a.check("nvrtcGetSupportedArchs", a.getSupportedArchs(&archs[0])); err != nil {
		return nil, err
	}
	for _, arch := range archs {
		l.archs = append(l.archs, int(arch))
	}
	if err := l.openBuiltins(); err != nil {
		return nil, err
	}
	l.version.Build, err = l.build()
	return l, err
}

// openBuiltins opens what libnvrtc will ask the loader for, from the folder that
// libnvrtc lies in. Where the folder has none, the loader may still know it.
func (l *Library) openBuiltins() error {
	path := filepath.Join(filepath.Dir(l.path), fmt.Sprintf("libnvrtc-builtins.so.%d.%d", l.version.Major, l.version.Minor))
	if found, err := filepath.Glob(path); err != nil || len(found) == 0 {
		return nil
	}
	_, err := dynlib.Open(path, true)
	return err
}

// build is the last number of the version, which only the comment at the head of
// PTX tells: "Cuda compilation tools, release 13.0, V13.0.88". It is 0 where
// there is none.
func (l *Library) build() (int, error) {
	p, err := l.create(program{name: "empty", source: "extern \"C\" __global__ void empty() {}"})
	if err != nil {
		return 0, err
	}
	defer l.destroy(p)
	if err := l.compile(p, []string{fmt.Sprintf("--gpu-architecture=compute_%d", l.archs[0])}); err != nil {
		log, _ := l.text("nvrtcGetProgramLog", p, l.api.getProgramLogSize, l.api.getProgramLog)
		return 0, fmt.Errorf("it does not compile an empty kernel: %w: %s", err, firstLines(log))
	}
	ptx, err := l.text("nvrtcGetPTX", p, l.api.getPTXSize, l.api.getPTX)
	if err != nil {
		return 0, err
	}
	v := regexp.MustCompile(`, V(\d+)\.(\d+)\.(\d+)`).FindStringSubmatch(ptx)
	if v == nil || v[1] != strconv.Itoa(l.version.Major) || v[2] != strconv.Itoa(l.version.Minor) {
		return 0, nil
	}
	return strconv.Atoi(v[3])
}

// Path is the file that was opened.
func (l *Library) Path() string { return l.path }

// Version is the toolkit's that the library belongs to.
func (l *Library) Version() Version { return l.version }

// Supports fails where the library cannot compile for "sm_90a" and the like.
func (l *Library) Supports(arch string) error {
	digits, ok := strings.CutPrefix(arch, "sm_")
	n, err := strconv.Atoi(strings.TrimRight(digits, "af"))
	if !ok || err != nil {
		return fmt.Errorf("%q is no architecture: want sm_<compute capability>, as sm_90a", arch)
	}
	if slices.Contains(l.archs, n) {
		return nil
	}
	first, last := l.archs[0], l.archs[len(l.archs)-1]
	if n > last {
		return fmt.Errorf("NVRTC %s (%s) compiles for sm_%d to sm_%d, not for %s: install a newer nvidia-cuda-nvrtc", l.version, l.path, first, last, arch)
	}
	return fmt.Errorf("NVRTC %s (%s) compiles for sm_%d to sm_%d, not for %s: an older one may (pip install %s)", l.version, l.path, first, last, arch, wheel(12))
}
