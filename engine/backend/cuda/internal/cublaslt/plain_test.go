//go:build linux && (amd64 || arm64)

package cublaslt

import (
	"errors"
	"math"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/dynlib"
)

// plain compiles testdata/plain.c to a library and opens it.
func plain(t *testing.T) (l *Library, alive func() int32) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		if cc, err = exec.LookPath("gcc"); err != nil {
			t.Skip("no C compiler to make the plain library with")
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "libcublasLt.so.13")
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o", path, "testdata/plain.c").CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	l, err = find(dynlib.Search{Getenv: func(name string) string {
		if name == Variable {
			return dir
		}
		return ""
	}}, 13000)
	if err != nil {
		t.Fatal(err)
	}
	library, err := dynlib.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := dynlib.Bind(library, "plain_alive", &alive); err != nil {
		t.Fatal(err)
	}
	return l, alive
}

func at[E any](v []E) driver.Ptr { return driver.Ptr(uintptr(unsafe.Pointer(unsafe.SliceData(v)))) }

func toBF16(f float32) uint16 { return uint16(math.Float32bits(f) >> 16) }

// TestProduct multiplies small integers, which bf16 holds exactly, with a library
// that does as it is told.
func TestProduct(t *testing.T) {
	l, alive := plain(t)
	if l.Version() != 130002 {
		t.Errorf("version %d, want 130002", l.Version())
	}
	h, err := l.NewHandle()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Shape{{N: 5, K: 8, Tokens: 3, F32: true}, {N: 4, K: 3, Tokens: 7}} {
		p, err := h.Product(s)
		if err != nil {
			t.Fatal(err)
		}
		algorithms, err := p.Algorithms(8, 4096)
		if err != nil || len(algorithms) != 2 {
			t.Fatalf("%v: %d algorithms, want the two that work: %v", s, len(algorithms), err)
		}
		third := algorithms[1]
		if third.WorkspaceBytes != 4096/3 || third.Waves != 1.5 || third.ID != 3000 || third.Tile != 3001 || third.SplitK != 3002 || third.Stages != 3006 {
			t.Errorf("the third algorithm reads %+v", third)
		}
		for i := range algorithms {
			multiply(t, p, &algorithms[i])
		}
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(h.Close(), h.Close()); err != nil {
		t.Error(err)
	}
	if n := alive(); n != 0 {
		t.Errorf("not destroyed: %04d handles, descriptions, layouts, preferences", n)
	}
}

func multiply(t *testing.T, p *Product, a *Algorithm) {
	t.Helper()
	s := p.shape
	w, x := make([]uint16, s.N*s.K), make([]uint16, s.Tokens*s.K)
	for i := range w {
		w[i] = toBF16(float32(i%7 - 3))
	}
	for i := range x {
		x[i] = toBF16(float32(i%5 - 1))
	}
	f32, b16, workspace := make([]float32, s.N*s.Tokens), make([]uint16, s.N*s.Tokens), make([]byte, 4096)
	y := at(b16)
	if s.F32 {
		y = at(f32)
	}
	if err := p.Multiply(driver.Stream(0x5eed), a, at(w), at(x), y, at(workspace)); err != nil {
		t.Fatal(err)
	}
	for i := range s.Tokens {
		for n := range s.N {
			var want float32
			for k := range s.K {
				want += float32((n*s.K+k)%7-3) * float32((i*s.K+k)%5-1)
			}
			got := f32[i*s.N+n]
			if !s.F32 {
				got = math.Float32frombits(uint32(b16[i*s.N+n]) << 16)
			}
			if got != want {
				t.Fatalf("%v: y[%d][%d] is %v, want %v", s, i, n, got, want)
			}
		}
	}
	runtime.KeepAlive(workspace)
}

// TestUnsupported tells shapes for which the library has nothing from failures.
func TestUnsupported(t *testing.T) {
	l, _ := plain(t)
	h, err := l.NewHandle()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	p, err := h.Product(Shape{N: 4, K: 13, Tokens: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if a, err := p.Algorithms(4, 0); len(a) != 0 || err != nil {
		t.Errorf("%d algorithms and %v, want none and no error", len(a), err)
	}
	if _, err := h.Product(Shape{N: 4, K: 8}); err == nil {
		t.Error("a product of no tokens is taken")
	}
	var failed *Error
	if err := p.Multiply(0, &Algorithm{}, 0, 0, 0, 0); !errors.As(err, &failed) || failed.Name != "CUBLAS_STATUS_INVALID_VALUE" {
		t.Errorf("an algorithm of zeros: %v, want CUBLAS_STATUS_INVALID_VALUE", err)
	}
}
