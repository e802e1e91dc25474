package drivertest

import (
	"embed"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

//go:embed testdata/standin
var standIn embed.FS

// StandInImage is what the stand-in takes for Unit compiled.
const StandInImage = "STANDIN\nprobe_mix\nprobe_where\nprobe_reverse\n"

// BuildStandIn compiles the stand-in and is the library's path. The test is
// skipped where there is no C compiler, or no Linux.
func BuildStandIn(t testing.TB, flags ...string) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the CUDA driver is bound on Linux")
	}
	compiler := ""
	for _, name := range []string{os.Getenv("CC"), "cc", "gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil && compiler == "" {
			compiler = path
		}
	}
	if compiler == "" {
		t.Skip("no C compiler: install gcc or clang to test the binding on a stand-in of the CUDA driver")
	}
	dir := t.TempDir()
	source, err := fs.Sub(standIn, "testdata/standin")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, source); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(dir, "libcuda.so.1")
	args := append([]string{"-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"}, flags...)
	for _, include := range append(headers(), filepath.Join(dir, "declarations")) {
		args = append(args, "-I", include)
	}
	args = append(args, "-o", library, filepath.Join(dir, "libcuda.c"), "-lpthread")
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", compiler, err, out)
	}
	return library
}

// headers are folders that hold CUDA's own cuda.h.
func headers() []string {
	var found []string
	for _, dir := range []string{os.Getenv("CUDA_HOME"), os.Getenv("CUDA_PATH"), "/usr/local/cuda"} {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "include", "cuda.h")); err == nil {
			found = append(found, filepath.Join(dir, "include"))
		}
	}
	return found
}
