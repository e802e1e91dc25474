//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/drivertest"
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
	c, err := NewCompiler("")
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

// TestConformance is the suite that all drivers pass.
func TestConformance(t *testing.T) {
	c, err := NewCompiler("")
	if err != nil {
		t.Skip(err)
	}
	made, err := c.Compile(t.Context(), drivertest.Unit(""))
	check(t, err)
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict %v", strict), func(t *testing.T) {
			d, err := NewWith(Options{Strict: strict})
			check(t, err)
			drivertest.Run(t, drivertest.Target{Driver: d, Image: made.Image})
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (d *device) function(t testing.TB, file, name string, macros ...string) driver.Function {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	check(t, err)
	made, err := d.compiler.Compile(t.Context(), kernels.Unit{Name: name, Source: text, Macros: macros})
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

// params are those of testdata/faults.cu and testdata/cost.cu.
type params struct {
	in, out driver.Ptr
	n, mode int32
}

func (p *params) bytes() []byte { return bytes.Clone(kernels.Bytes(p)) }

func random(n int) []uint32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	v := make([]uint32, n)
	for i := range v {
		v[i] = r.Uint32()
	}
	return v
}
