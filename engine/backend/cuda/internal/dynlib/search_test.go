package dynlib

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// machine is a folder that stands for a machine's root.
type machine struct {
	root string
	env  map[string]string
}

func newMachine(t *testing.T, files ...string) machine {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the search is for systems with one root")
	}
	m := machine{t.TempDir(), map[string]string{}}
	for _, f := range files {
		path := filepath.Join(m.root, f)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(f), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m machine) search() Search {
	return Search{
		Root:   m.root,
		Getenv: func(name string) string { return m.env[name] },
		LookPath: func(name string) (string, error) {
			path := filepath.Join(m.root, "opt/torch/.venv/bin", name)
			_, err := os.Stat(path)
			return path, err
		},
	}
}

// paths are the candidates without the root.
func (m machine) paths(found []Candidate) (paths []string) {
	for _, c := range found {
		paths = append(paths, strings.TrimPrefix(strings.TrimPrefix(c.Path, m.root), "/"))
	}
	return paths
}

func nvrtc() Library {
	return Library{Stem: "nvrtc", Variable: "TIERLAB_NVRTC", Majors: []int{13, 12}}
}

func TestOrder(t *testing.T) {
	debian := strings.TrimPrefix("/usr/lib/"+debianTuple(), "/")
	m := newMachine(t,
		"usr/local/cuda-12.8/targets/x86_64-linux/lib/libnvrtc.so.12",
		"usr/local/cuda-12.8/targets/x86_64-linux/lib/libnvrtc.so.12.8.93",
		"usr/local/cuda-12.8/targets/x86_64-linux/lib/libnvrtc.alt.so.12",
		"usr/local/cuda-12.8/targets/x86_64-linux/lib/libnvrtc-builtins.so.12.8",
		"usr/local/cuda-13.0/lib64/libnvrtc.so.13",
		debian+"/libnvrtc.so.11.2",
		debian+"/libnvrtc.so.12",
		"opt/torch/.venv/bin/python3",
		"opt/torch/.venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13",
		"opt/torch/.venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.13",
		"home/me/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
		"work/venv/lib/python3.13/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
		"toolkit/lib/libnvrtc.so.14",
	)
	m.env["HOME"] = filepath.Join(m.root, "home/me")
	m.env["VIRTUAL_ENV"] = filepath.Join(m.root, "work/venv")
	m.env["CUDA_HOME"] = filepath.Join(m.root, "toolkit")
	want := []string{
		"toolkit/lib/libnvrtc.so.14",
		"libnvrtc.so.13",
		"usr/local/cuda-13.0/lib64/libnvrtc.so.13",
		"opt/torch/.venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13",
		"libnvrtc.so.12",
		"usr/local/cuda-12.8/targets/x86_64-linux/lib/libnvrtc.so.12",
		debian + "/libnvrtc.so.12",
		"work/venv/lib/python3.13/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
		"home/me/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
	}
	found, chosen := m.search().Candidates(nvrtc())
	if got := m.paths(found); chosen || !slices.Equal(got, want) {
		t.Errorf("candidates, chosen %t:\n%s\nwant:\n%s", chosen, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	l := nvrtc()
	l.AtMost = 12
	want = slices.Concat(want[4:], want[:4])
	found, _ = m.search().Candidates(l)
	if got := m.paths(found); !slices.Equal(got, want) {
		t.Errorf("candidates at most 12:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestVariable(t *testing.T) {
	m := newMachine(t, "mine/libnvrtc.so.12", "mine/libnvrtc.so.13", "mine/other.so", "empty/README")
	for _, c := range []struct {
		value string
		want  []string
	}{
		{"mine", []string{"mine/libnvrtc.so.13", "mine/libnvrtc.so.12"}},
		{"mine/libnvrtc.so.12", []string{"mine/libnvrtc.so.12"}},
		{"mine/other.so", []string{"mine/other.so"}},
		{"absent", []string{"absent"}},
		{"empty", nil},
	} {
		m.env["TIERLAB_NVRTC"] = filepath.Join(m.root, c.value)
		found, chosen := m.search().Candidates(nvrtc())
		if got := m.paths(found); !chosen || !slices.Equal(got, c.want) {
			t.Errorf("%s: candidates %q, chosen %t; want %q", c.value, got, chosen, c.want)
		}
	}
}

func TestLinksCountOnce(t *testing.T) {
	m := newMachine(t, "usr/local/cuda-13.0/lib64/libnvrtc.so.13")
	if err := os.Symlink("cuda-13.0", filepath.Join(m.root, "usr/local/cuda")); err != nil {
		t.Skip(err)
	}
	found, _ := m.search().Candidates(nvrtc())
	want := []string{"libnvrtc.so.13", "usr/local/cuda/lib64/libnvrtc.so.13", "libnvrtc.so.12"}
	if got := m.paths(found); !slices.Equal(got, want) {
		t.Errorf("candidates %q, want %q", got, want)
	}
}

func TestLoadSaysWhatItTried(t *testing.T) {
	m := newMachine(t, "usr/local/cuda/lib64/libtierlabnone.so.3", "empty/README")
	l := Library{Stem: "tierlabnone", Variable: "TIERLAB_NONE", Majors: []int{3}}
	use := func(uintptr, string) error { t.Error("something was opened"); return nil }
	for _, c := range []struct{ name, value, says string }{
		{"a text file", "", "libtierlabnone.so.3"},
		{"a folder without it", filepath.Join(m.root, "empty"), "holds no libtierlabnone.so.*"},
		{"no such file", filepath.Join(m.root, "none"), "TIERLAB_NONE is "},
	} {
		m.env["TIERLAB_NONE"] = c.value
		if err := m.search().Load(l, use); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error is %v, want one with %q", c.name, err, c.says)
		}
	}
	err := newMachine(t).search().Load(l, use)
	if err == nil || runtime.GOOS == "linux" && !strings.Contains(err.Error(), "TIERLAB_NONE can name") {
		t.Errorf("a bare machine: the error is %v", err)
	}
}

// TestOpen opens the C library, which every Linux process has.
func TestOpen(t *testing.T) {
	library, err := Open("libc.so.6", false)
	if err != nil {
		t.Skipf("no C library to open: %v", err)
	}
	var abs func(int32) int32
	if err := Bind(library, "abs", &abs); err != nil {
		t.Fatal(err)
	}
	if got := abs(-7); got != 7 {
		t.Errorf("abs(-7) is %d", got)
	}
	if err := Bind(library, "tierlab_none", &abs); err == nil || !strings.Contains(err.Error(), "tierlab_none") {
		t.Errorf("a function that is not there binds with error %v", err)
	}
	if path := Loaded("libc.so.6"); !strings.HasPrefix(path, "/") {
		t.Errorf("the C library is loaded from %q", path)
	}
	if err := Close(library); err != nil {
		t.Error(err)
	}
}
