package products

import (
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/kernels"
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
		if out, err := exec.Command(cc, "-shared", "-fPIC", "-O2", "-o", filepath.Join(dir, "libcublasLt.so.13"), source).CombinedOutput(); err != nil {
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

// TestCaptured launches products as a graph, twice, on other numbers of tokens.
func TestCaptured(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		var o Options
		if r.Name != "host" { // where the library computes at once, captured or not
			o.Library = libraryFor(t, r)
		}
		b := newBench(t, r, o)
		if err := b.p.Prepare(b.stream, b.operands); err != nil {
			t.Fatal(err)
		}
		const bucket = 24
		s := someShapes[1]
		y := rig.Upload(t, r, make([]float32, bucket*s.N))
		count := rig.Upload(t, r, []int32{0})
		p := kernels.ProductParams{Count: count, W: b.operands[1].W[0], X: rig.Upload(t, r, b.x[1][:bucket*s.K]), Y: y, Workspace: b.operands[1].Workspace}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(r.Context.BeginCapture(b.stream))
		must(b.p.Multiply(b.stream, 1, p, bucket))
		graph, err := r.Context.EndCapture(b.stream)
		must(err)
		ready, err := r.Context.Instantiate(graph)
		must(err)
		for _, tokens := range []int{5, bucket} {
			must(r.Context.CopyIn(count, binary.NativeEndian.AppendUint32(nil, uint32(tokens)), b.stream))
			must(r.Context.LaunchGraph(ready, b.stream))
			must(r.Context.Synchronize(b.stream))
			got, want := rig.Download[float32](t, r, y, tokens*s.N), b.multiply(1, tokens, bucket)
			if !slices.Equal(got, want) {
				t.Errorf("%d tokens: the graph has other results than a launch", tokens)
			}
		}
		must(r.Context.DropExec(ready))
		must(r.Context.DropGraph(graph))
	})
}
