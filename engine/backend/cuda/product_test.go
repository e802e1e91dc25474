package cuda

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/backend/backendtest"
	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/fake"
	"tierlab/engine/sched"
)

// TestLibraryThatFails opens with a library of products that does not take the
// device, and with one that refuses each product: kernels of ours do it then.
func TestLibraryThatFails(t *testing.T) {
	for _, defect := range []string{"NO_HANDLE", "NO_PRODUCT"} {
		for _, tune := range []bool{false, true} {
			d := faked(fake.Options{})
			b := open(t, Config{
				Source: source(t, "tiny"), Driver: d, Compiler: fake.Compiler{}, library: plainLibrary(t, defect),
				Slots: 24, Budget: 128, Blocks: 10, Tune: tune,
			})
			if _, why, _ := strings.Cut(b.Caps().Kernels, " without cublaslt: "); !strings.Contains(why, "CUBLAS_STATUS") {
				t.Errorf("%s: kernels are %q, which does not say that the library is not used and why", defect, b.Caps().Kernels)
			}
			for _, c := range b.products.Choices() {
				if strings.HasPrefix(c.By, "cublasLt") {
					t.Errorf("%s: %s for %d tokens is computed by %s", defect, c.Shape.Name, c.Tokens, c.By)
				}
			}
			backendtest.Once(t, b, step(1, sched.Row{N: 100, NewBlocks: blocks(0, 2), Sample: true}), &backend.Result{})
		}
	}
}

// plainLibrary is the library of products of package cublaslt's tests.
func plainLibrary(t *testing.T, defect string) *cublaslt.Library {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler to make the library with")
	}
	dir := t.TempDir()
	out, err := exec.Command(cc, "-shared", "-fPIC", "-D"+defect, "-o", filepath.Join(dir, "libcublasLt.so.13"),
		filepath.Join("internal", "cublaslt", "testdata", "plain.c")).CombinedOutput()
	if err != nil {
		t.Skipf("%s: %v\n%s", cc, err, out)
	}
	t.Setenv(cublaslt.Variable, dir)
	l, err := cublaslt.Find()
	if err != nil {
		t.Skip(err)
	}
	return l
}
