//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"bytes"
	"os"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// device is a context with what tests do to it.
type device struct {
	driver.Context
	compiler kernels.Compiler
	stream   driver.Stream
}

func open(t testing.TB, o Options) *device {
	t.Helper()
	c, err := newCompiler("", kernels.Sources, os.DirFS("testdata"))
	if err != nil {
		t.Skip(err)
	}
	d, err := NewWith(o)
	check(t, err)
	ctx, err := d.Open(0)
	check(t, err)
	t.Cleanup(func() { check(t, ctx.Close()) })
	s, err := ctx.NewStream()
	check(t, err)
	return &device{ctx, c, s}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (d *device) function(t testing.TB, file, name string, macros ...string) driver.Function {
	t.Helper()
	made, err := d.compiler.Compile(t.Context(), kernels.Unit{Name: name, File: file, Macros: macros})
	check(t, err)
	if made.Log != "" {
		t.Errorf("%s: the compiler says: %s", name, made.Log)
	}
	m, err := d.Load(made.Image)
	check(t, err)
	f, err := d.Function(m, name)
	check(t, err)
	return f
}

func upload[E any](t testing.TB, d *device, v []E) driver.Ptr {
	t.Helper()
	b := unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
	p, err := d.Alloc(int64(len(b)))
	check(t, err)
	check(t, d.CopyIn(p, b, d.stream))
	return p
}

func download[E any](t testing.TB, d *device, p driver.Ptr, n int) []E {
	t.Helper()
	v := make([]E, n)
	check(t, d.CopyOut(unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), n*int(unsafe.Sizeof(v[0]))), p, d.stream))
	return v
}

// params are those of testdata/primitives.cu and testdata/faults.cu.
type params struct {
	in, out driver.Ptr
	n, mode int32
}

func (p *params) bytes() []byte { return bytes.Clone(kernels.Bytes(p)) }
