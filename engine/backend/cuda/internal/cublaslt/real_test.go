//go:build linux && (amd64 || arm64)

package cublaslt

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/dynlib"
)

// TestLibrary holds this machine's library, where it has one, to what the binding
// takes for granted. Descriptions need no device.
func TestLibrary(t *testing.T) {
	l, err := Find()
	if err != nil {
		t.Skip(err)
	}
	t.Logf("%s, version %d", l.Path(), l.Version())
	if name := l.fn.getStatusName(15); name != "CUBLAS_STATUS_NOT_SUPPORTED" {
		t.Errorf("status 15 is %q, want CUBLAS_STATUS_NOT_SUPPORTED", name)
	}
	if h, err := l.NewHandle(); err == nil {
		defer h.Close()
	} else if failed := (*Error)(nil); !errors.As(err, &failed) || failed.Name != "CUBLAS_STATUS_NOT_INITIALIZED" {
		t.Errorf("without a driver: %v, want CUBLAS_STATUS_NOT_INITIALIZED", err)
	}
	p, err := (&Handle{library: l}).Product(Shape{N: 500, K: 96, Tokens: 7, F32: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	library, err := dynlib.Open(l.Path(), false)
	if err != nil {
		t.Fatal(err)
	}
	var descGet, layoutGet func(of uintptr, attribute int32, value unsafe.Pointer, size uintptr, written *uintptr) int32
	if err := errors.Join(dynlib.Bind(library, "cublasLtMatmulDescGetAttribute", &descGet), dynlib.Bind(library, "cublasLtMatrixLayoutGetAttribute", &layoutGet)); err != nil {
		t.Fatal(err)
	}
	// CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, SCALE_TYPE, TRANSA, TRANSB; then
	// CUBLASLT_MATRIX_LAYOUT_TYPE, ORDER (0 is columns), ROWS, COLS, LD.
	for _, c := range []struct {
		name      string
		get       func(of uintptr, attribute int32, value unsafe.Pointer, size uintptr, written *uintptr) int32
		of        uintptr
		attribute int32
		size      uintptr
		want      uint64
	}{
		{"compute type", descGet, p.desc, 0, 4, compute32F}, {"scale type", descGet, p.desc, 1, 4, real32F},
		{"transposition of w", descGet, p.desc, 3, 4, transpose}, {"transposition of x", descGet, p.desc, 4, 4, 0},
		{"type of w", layoutGet, p.w, 0, 4, real16BF}, {"order of w", layoutGet, p.w, 1, 4, 0},
		{"rows of w", layoutGet, p.w, 2, 8, 96}, {"columns of w", layoutGet, p.w, 3, 8, 500}, {"stride of w", layoutGet, p.w, 4, 8, 96},
		{"columns of x", layoutGet, p.x, 3, 8, 7}, {"type of y", layoutGet, p.y, 0, 4, real32F},
		{"rows of y", layoutGet, p.y, 2, 8, 500}, {"stride of y", layoutGet, p.y, 4, 8, 500},
	} {
		var got uint64
		var written uintptr
		if status := c.get(c.of, c.attribute, unsafe.Pointer(&got), c.size, &written); status != 0 || written != c.size || got != c.want {
			t.Errorf("%s: %d in %d bytes (%s), want %d in %d", c.name, got, written, l.fn.getStatusName(status), c.want, c.size)
		}
	}
	preference, err := l.preference(32 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.check("cublasLtMatmulPreferenceDestroy", l.fn.preferenceDestroy(preference)); err != nil {
		t.Error(err)
	}
}

// TestHeader compares the two structs that are laid out here, and the numbers of
// the constants, with cublasLt.h.
func TestHeader(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	var folder string
	for _, dir := range append([]string{"/usr/local/cuda/include"}, includes()...) {
		if _, err := os.Stat(filepath.Join(dir, "cublasLt.h")); err == nil {
			folder = dir
			break
		}
	}
	if folder == "" {
		t.Skip("no cublasLt.h: not in /usr/local/cuda/include, nor in Python's nvidia/*/include")
	}
	source := filepath.Join(t.TempDir(), "sizes.c")
	program := `#include <stddef.h>
#include <stdio.h>
#include <cublasLt.h>
int main(void) {
  printf("%zu %zu %zu %zu %zu\n", sizeof(cublasLtMatmulAlgo_t), sizeof(cublasLtMatmulHeuristicResult_t),
    offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize), offsetof(cublasLtMatmulHeuristicResult_t, state), offsetof(cublasLtMatmulHeuristicResult_t, wavesCount));
  printf("%d %d %d %d\n", CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_16BF, CUBLAS_OP_T);
  printf("%d %d %d %d\n", CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
  printf("%d %d %d %d\n", CUBLASLT_ALGO_CONFIG_ID, CUBLASLT_ALGO_CONFIG_TILE_ID, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, CUBLASLT_ALGO_CONFIG_STAGES_ID);
}
`
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := strings.TrimSuffix(source, ".c")
	if out, err := exec.Command(cc, "-I", folder, "-o", binary, source).CombinedOutput(); err != nil {
		t.Skipf("the header in %s does not compile alone: %v\n%s", folder, err, out)
	}
	got, err := exec.Command(binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	var r heuristicResult
	want := fmt.Sprintln(unsafe.Sizeof(algorithm{}), unsafe.Sizeof(r), unsafe.Offsetof(r.workspaceBytes), unsafe.Offsetof(r.state), unsafe.Offsetof(r.waves)) +
		fmt.Sprintln(compute32F, real32F, real16BF, transpose) +
		fmt.Sprintln(descTransA, preferenceMaxBytes, preferenceAlignA, preferenceAlignD) +
		fmt.Sprintln(configID, configTile, configSplitK, configStages)
	if string(got) != want {
		t.Errorf("%s has\n%sthe binding\n%s", folder, got, want)
	}
}

func includes() (dirs []string) {
	for _, site := range (dynlib.Search{}).SitePackages() {
		found, _ := filepath.Glob(filepath.Join(site, "nvidia", "*", "include"))
		dirs = append(dirs, found...)
	}
	return dirs
}
