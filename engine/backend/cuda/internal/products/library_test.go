package products

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/rig"
)

// libraryFor is a cuBLASLt that multiplies where the rig's memory is: on the host
// the plain one of package cublaslt's tests.
func libraryFor(t *testing.T, r *rig.Rig) *cublaslt.Library {
	t.Helper()
	if r.Name == "host" {
		cc, err := exec.LookPath("cc")
		if err != nil {
			t.Skip("no C compiler to make the plain library with")
		}
		dir := t.TempDir()
		source := filepath.Join("..", "cublaslt", "testdata", "plain.c")
		if out, err := exec.Command(cc, "-shared", "-fPIC", "-O1", "-o", filepath.Join(dir, "libcublasLt.so.13"), source).CombinedOutput(); err != nil {
			t.Skipf("%s: %v\n%s", cc, err, out)
		}
		t.Setenv(cublaslt.Variable, dir)
	}
	l, err := cublaslt.Find()
	if err != nil {
		t.Skip(err)
	}
	return l
}

// TestLibrary multiplies by the library beyond the sizes of product_small.
func TestLibrary(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		l := libraryFor(t, r)
		for _, tune := range []bool{false, true} {
			b := newBench(t, r, Options{Library: l, Tune: tune})
			b.check()
			if !tune {
				for _, c := range b.p.Choices() {
					if got, want := strings.HasPrefix(c.By, "cublasLt"), c.Tokens > mostSmall; got != want {
						t.Errorf("%s, %d tokens: by %s; by the library: want %v", c.Shape.Name, c.Tokens, c.By, want)
					}
				}
			}
			if err := b.p.Prepare(b.stream, b.operands); err != nil {
				t.Fatal(err)
			}
			b.check()
		}
	})
}

// TestLibraryInvariant keeps one result for a row with a library too, admitted or
// not.
func TestLibraryInvariant(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b := newBench(t, r, Options{Library: libraryFor(t, r), Invariant: true, Tune: true})
		if err := b.p.Prepare(b.stream, b.operands); err != nil {
			t.Fatal(err)
		}
		b.check()
		want := b.multiply(0, 48, 48)
		for _, bucket := range []int{1, 8, 16, 24} {
			for i, got := range b.multiply(0, bucket, bucket) {
				if got != want[i] {
					t.Fatalf("element %d is %v in a batch of %d, %v in one of 48", i, got, bucket, want[i])
				}
			}
		}
		for _, c := range b.p.Choices() {
			t.Logf("%s, %d tokens: %s", c.Shape.Name, c.Tokens, c.By)
		}
	})
}
