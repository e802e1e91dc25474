package nvrtc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"tierlab/engine/backend/cuda/internal/dynlib"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// fakeLibrary builds testdata/fake.c into a folder as lib<name> and gives a search that
// finds nothing else.
func fakeLibrary(t *testing.T, dir, name string, macros ...string) dynlib.Search {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("the fake libnvrtc needs Linux and a C compiler, cc")
	}
	args := []string{"-shared", "-fPIC", "-o", filepath.Join(dir, name), filepath.Join("testdata", "fake.c")}
	for _, m := range macros {
		args = append(args, "-D"+m)
	}
	if out, err := exec.CommandContext(t.Context(), cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	return onlyIn(dir)
}

func onlyIn(place string) dynlib.Search {
	return dynlib.Search{Getenv: func(name string) string {
		if name == Variable {
			return place
		}
		return ""
	}}
}

func TestFindTakesWhatWorks(t *testing.T) {
	dir := t.TempDir()
	fakeLibrary(t, dir, "libnvrtc.so.14", "MAJOR=14", "MINOR=0", "NO_CUBIN")
	search := fakeLibrary(t, dir, "libnvrtc.so.13", "MAJOR=13", "MINOR=0")
	fakeLibrary(t, dir, "libnvrtc.so.12", "MAJOR=12", "MINOR=8", "NO_BUILD")
	for _, c := range []struct {
		driver int
		want   Version
	}{
		{0, Version{13, 0, 77}}, {13000, Version{13, 0, 77}}, {13010, Version{13, 0, 77}},
		{12080, Version{12, 8, 0}}, {12020, Version{12, 8, 0}}, {11080, Version{13, 0, 77}},
	} {
		l, err := find(search, c.driver)
		if err != nil || l.Version() != c.want {
			t.Fatalf("for a driver of CUDA %d: %+v, error %v; want %v", c.driver, l, err, c.want)
		}
		if !strings.HasPrefix(l.Path(), dir) || len(l.archs) != 3 {
			t.Errorf("it lies at %s and compiles for %v", l.Path(), l.archs)
		}
	}
}

func TestFindSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, says string
		macros     []string
	}{
		{"old", "it is version 11.8, at least 12.0", []string{"MAJOR=11", "MINOR=8"}},
		{"a function is missing", "it has no nvrtcGetCUBIN", []string{"MAJOR=13", "MINOR=0", "NO_CUBIN"}},
		{"no architecture", "0 architectures", []string{"MAJOR=13", "MINOR=0", "NO_ARCHS"}},
		{"no builtins", "failed to open libnvrtc-builtins.so.13.0", []string{"MAJOR=13", "MINOR=0", "NO_BUILTINS"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := find(fakeLibrary(t, t.TempDir(), "libnvrtc.so.13", c.macros...), 0)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "no CUDA compiler: TIERLAB_NVRTC is ") {
				t.Errorf("the error is %v, want one with %q and where it was found", err, c.says)
			}
		})
	}
	_, err := find(onlyIn(filepath.Join(t.TempDir(), "none")), 0)
	if err == nil {
		t.Error("a file that is not there is opened")
	}
}

func testSources() fstest.MapFS {
	return fstest.MapFS{
		"a.cu":       {Data: []byte("kernel a")},
		"bad.cu":     {Data: []byte("syntax error")},
		"nothing.cu": {Data: []byte("empty image")},
		"one.cuh":    {Data: []byte("header one")},
		"two.cuh":    {Data: []byte("header two")},
	}
}

func fakeCompiler(t *testing.T, cache string) *compiler {
	t.Helper()
	l, err := find(fakeLibrary(t, t.TempDir(), "libnvrtc.so.13", "MAJOR=13", "MINOR=0"), 0)
	if err != nil {
		t.Fatal(err)
	}
	return l.compiler(testSources(), cache)
}

func TestCompileHandsEverythingOver(t *testing.T) {
	c := fakeCompiler(t, t.TempDir())
	got, err := c.Compile(t.Context(), kernels.Unit{Name: "a", File: "a.cu", Macros: []string{"FFN=8", "HIDDEN=4"}, Arch: "sm_90a"})
	if err != nil {
		t.Fatal(err)
	}
	want := "a.cu\none.cuh\nheader one\ntwo.cuh\nheader two\n" +
		"--gpu-architecture=sm_90a\n--std=c++17\n-default-device\n--ptxas-options=-v\n--define-macro=FFN=8\n--define-macro=HIDDEN=4\n"
	if string(got.Image) != want {
		t.Errorf("NVRTC was given\n%s\nwant\n%s", got.Image, want)
	}
	own, err := c.Compile(t.Context(), kernels.Unit{Name: "mine", File: "a.cu", Source: []byte("my own text"), Arch: "sm_80"})
	if err != nil || !strings.HasPrefix(string(own.Image), "mine.cu\none.cuh\n") {
		t.Errorf("a unit with a text of its own gives %q, error %v", own.Image, err)
	}
	broken := kernels.Unit{Name: "mine", Source: []byte("syntax error"), Arch: "sm_80"}
	if _, err := c.Compile(t.Context(), broken); err == nil || !strings.HasPrefix(err.Error(), "mine.cu for sm_80") {
		t.Errorf("a text of its own that does not compile gives %v", err)
	}
	if got.Cached || !strings.HasPrefix(got.Log, "compilation ") {
		t.Errorf("the log is %q, cached %t", got.Log, got.Cached)
	}
	if c.Name() != "nvrtc 13.0.77" {
		t.Errorf("the compiler is %q", c.Name())
	}
}

// TestCache compiles again for every change of what an image depends on, and
// for nothing else.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	c := fakeCompiler(t, dir)
	sources := testSources()
	c.sources = sources
	u := kernels.Unit{Name: "a", File: "a.cu", Macros: []string{"FFN=8"}, Arch: "sm_90a"}
	first, err := c.Compile(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, u kernels.Unit, cached bool) {
		t.Helper()
		got, err := c.Compile(t.Context(), u)
		if err != nil || got.Cached != cached {
			t.Errorf("%s: cached %t, want %t; error %v", what, got.Cached, cached, err)
		}
		if cached && (got.Log != first.Log || string(got.Image) != string(first.Image)) {
			t.Errorf("%s: the entry has log %q and %d bytes, want %q and %d", what, got.Log, len(got.Image), first.Log, len(first.Image))
		}
	}
	check("the same", u, true)
	renamed := u
	renamed.Name = "another name of the same"
	check("another name", renamed, true)
	for _, arch := range []string{"sm_80", "sm_90"} {
		other := u
		other.Arch = arch
		check(arch, other, false)
	}
	macros := u
	macros.Macros = []string{"FFN=9"}
	check("a macro", macros, false)
	sources["two.cuh"].Data = []byte("header two, changed")
	check("a header", u, false)
	sources["two.cuh"].Data = []byte("header two")
	check("the header as it was", u, true)
	sources["a.cu"].Data = []byte("kernel a, changed")
	check("the source", u, false)
	sources["a.cu"].Data = []byte("kernel a")
	c.library.version.Build++
	check("another build of the compiler", u, false)
	c.library.version.Build--
	check("all as it was", u, true)

	files, err := filepath.Glob(filepath.Join(dir, "*.kernel"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d entries, error %v", len(files), err)
	}
	for _, f := range files {
		if err := os.Truncate(f, 100); err != nil {
			t.Fatal(err)
		}
	}
	again, err := c.Compile(t.Context(), u)
	if err != nil || again.Cached || !strings.Contains(again.Log, "compiled again") {
		t.Errorf("a damaged entry gives cached %t, log %q, error %v", again.Cached, again.Log, err)
	}
}

func TestCompileWithoutCache(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := fakeCompiler(t, filepath.Join(blocked, "kernels"))
	for range 2 {
		got, err := c.Compile(t.Context(), kernels.Unit{File: "a.cu", Arch: "sm_80"})
		if err != nil || got.Cached || !strings.HasPrefix(got.Log, "compiled kernels are not kept") {
			t.Errorf("cached %t, log %q, error %v", got.Cached, got.Log, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	c := fakeCompiler(t, t.TempDir())
	for _, u := range []struct {
		file, arch, macro, says string
	}{
		{"bad.cu", "sm_90a", "", "bad.cu for sm_90a by nvrtc 13.0.77: it does not compile:\nbad.cu(1): error: expected a \";\""},
		{"bad.cu", "sm_90a", "", "bad.cu(12): error: expected a \";\"\n... and 8 lines more"},
		{"a.cu", "sm_90a", "BAD_OPTION", "nvrtcCompileProgram: NVRTC_ERROR_INVALID_OPTION"},
		{"nothing.cu", "sm_90a", "", "the image is empty"},
		{"none.cu", "sm_90a", "", "none.cu"},
		{"a.cu", "sm_120", "", "not for sm_120: install a newer"},
		{"a.cu", "sm_70", "", "not for sm_70: an older one may"},
		{"a.cu", "gfx942", "", `"gfx942" is no architecture`},
	} {
		_, err := c.Compile(t.Context(), kernels.Unit{Name: "k", File: u.file, Arch: u.arch, Macros: []string{u.macro}})
		if err == nil || !strings.Contains(err.Error(), u.says) {
			t.Errorf("%s for %s: the error is %v, want one with %q", u.file, u.arch, err, u.says)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Compile(ended, kernels.Unit{File: "a.cu", Arch: "sm_80"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}
