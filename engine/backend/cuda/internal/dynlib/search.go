package dynlib

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Candidate is a place where a library may be.
type Candidate struct {
	Path  string // a file, or a bare name for the loader's own search
	Major int    // of the library, 0 if its name does not say
}

// Search is where to look. The zero value looks at this machine.
type Search struct {
	// Root goes before every absolute folder, and Getenv and LookPath stand for
	// os.Getenv and exec.LookPath, for tests.
	Root     string
	Getenv   func(string) string
	LookPath func(string) (string, error)
}

// Library says which library is looked for.
type Library struct {
	Stem     string // "nvrtc"
	Variable string // that names a file or a folder: "TIERLAB_NVRTC"
	Majors   []int  // that the loader is asked for: 13, 12
	Package  string // of pip, which has it, for messages; "" for none
	// AtMost puts major versions above it behind all others; 0 is no bound. A
	// driver may refuse what a newer toolkit makes.
	AtMost int
}

// Candidates are the places where the library may be, best first. chosen says
// that the variable names them.
func (s Search) Candidates(l Library) (found []Candidate, chosen bool) {
	if place := s.getenv(l.Variable); place != "" {
		return chosenBy(place, l), true
	}
	for _, major := range l.Majors {
		found = append(found, Candidate{"lib" + l.Stem + ".so." + strconv.Itoa(major), major})
	}
	for _, dir := range s.folders() {
		found = append(found, inFolder(dir, l)...)
	}
	sortByMajor(found, l)
	return dropRepeated(found), false
}

// chosenBy is what a variable's value stands for: a file as it is, or what a
// folder holds.
func chosenBy(place string, l Library) []Candidate {
	info, err := os.Stat(place)
	if err != nil || !info.IsDir() {
		return []Candidate{{place, majorOf(place, l)}}
	}
	found := inFolder(place, l)
	sortByMajor(found, l)
	return found
}

func sortByMajor(found []Candidate, l Library) {
	slices.SortStableFunc(found, func(a, b Candidate) int {
		above := func(c Candidate) bool { return l.AtMost > 0 && c.Major > l.AtMost }
		if above(a) != above(b) {
			if above(b) {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Major, a.Major)
	})
}

// dropRepeated leaves one of several names of the same file.
func dropRepeated(found []Candidate) []Candidate {
	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(c Candidate) bool {
		real, err := filepath.EvalSymlinks(c.Path)
		if err != nil {
			real = c.Path
		}
		repeated := seen[real]
		seen[real] = true
		return repeated
	})
}

// inFolder is the library's files lib<stem>.so.<major> in a folder.
func inFolder(dir string, l Library) (found []Candidate) {
	for _, path := range glob(filepath.Join(dir, "lib"+l.Stem+".so.*")) {
		if major := majorOf(path, l); major > 0 {
			found = append(found, Candidate{path, major})
		}
	}
	return found
}

// majorOf reads lib<stem>.so.<major>; names with more behind it are links'
// targets, found by the shorter name.
func majorOf(path string, l Library) int {
	_, version, ok := strings.Cut(filepath.Base(path), "lib"+l.Stem+".so.")
	major, err := strconv.Atoi(version)
	if !ok || err != nil || major < 1 {
		return 0
	}
	return major
}

// folders are all folders of the search that exist, in order.
func (s Search) folders() (dirs []string) {
	for _, toolkit := range s.toolkits() {
		for _, sub := range []string{"lib64", "lib", "targets/*/lib"} {
			dirs = append(dirs, glob(filepath.Join(toolkit, sub))...)
		}
	}
	for _, dir := range []string{"/usr/lib/" + debianTuple(), "/usr/lib64", "/lib64"} {
		dirs = append(dirs, glob(s.Root+dir)...)
	}
	for _, prefix := range s.SitePackages() {
		dirs = append(dirs, glob(filepath.Join(prefix, "nvidia", "*", "lib"))...)
	}
	return dirs
}

func (s Search) toolkits() (dirs []string) {
	for _, name := range []string{"CUDA_HOME", "CUDA_PATH"} {
		if dir := s.getenv(name); dir != "" {
			dirs = append(dirs, dir)
		}
	}
	dirs = append(dirs, glob(s.Root+"/usr/local/cuda")...)
	versions := glob(s.Root + "/usr/local/cuda-*")
	slices.Reverse(versions) // the newest first, as far as names tell
	return append(dirs, versions...)
}

// SitePackages are the folders of Python packages that exist on this machine,
// those of the environment in use first.
func (s Search) SitePackages() (dirs []string) {
	for _, prefix := range s.pythonPrefixes() {
		for _, sub := range []string{
			"lib/python3*/site-packages", "lib64/python3*/site-packages",
			"lib/python3*/dist-packages", "lib/python3/dist-packages",
		} {
			for _, dir := range glob(filepath.Join(prefix, sub)) {
				if !slices.Contains(dirs, dir) {
					dirs = append(dirs, dir)
				}
			}
		}
	}
	return dirs
}

func (s Search) pythonPrefixes() (prefixes []string) {
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := s.getenv(name); dir != "" {
			prefixes = append(prefixes, dir)
		}
	}
	for _, name := range []string{"python3", "python"} {
		path, err := s.lookPath(name)
		if err != nil {
			continue
		}
		prefixes = append(prefixes, filepath.Dir(filepath.Dir(path)))
		if real, err := filepath.EvalSymlinks(path); err == nil {
			prefixes = append(prefixes, filepath.Dir(filepath.Dir(real)))
		}
	}
	if home := s.getenv("HOME"); home != "" {
		prefixes = append(prefixes, filepath.Join(home, ".local"))
		prefixes = append(prefixes, glob(filepath.Join(home, ".pyenv", "versions", "*"))...)
	}
	for _, pattern := range []string{"/usr/local", "/usr", "/opt/*/.venv", "/opt/*"} {
		prefixes = append(prefixes, glob(s.Root+pattern)...)
	}
	return prefixes
}

func (s Search) getenv(name string) string {
	switch {
	case name == "":
		return ""
	case s.Getenv == nil:
		return os.Getenv(name)
	}
	return s.Getenv(name)
}

func (s Search) lookPath(name string) (string, error) {
	if s.LookPath == nil {
		return exec.LookPath(name)
	}
	return s.LookPath(name)
}

// glob takes patterns made here, which cannot be malformed but by a name with
// brackets in the environment: such a folder is passed over.
func glob(pattern string) []string {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	return found
}

func debianTuple() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64-linux-gnu"
	}
	return "x86_64-linux-gnu"
}
