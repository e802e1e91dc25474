package rig

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/host"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/libcuda"
	"tierlab/engine/backend/cuda/internal/nvrtc"
)

// Rig is a place where kernels run.
type Rig struct {
	Name     string // "host", "cuda"
	Context  driver.Context
	Compiler kernels.Compiler
	Arch     string // of kernels.Unit: "sm_90a"

	stream driver.Stream
}

// place is how a rig is set up; the error says what is missing.
type place struct {
	name string
	find func() (driver.Driver, kernels.Compiler, error)
}

func places() []place {
	return []place{{"host", findHost}, {"cuda", findCUDA}}
}

func names() []string {
	var all []string
	for _, p := range places() {
		all = append(all, p.name)
	}
	return all
}

func findHost() (driver.Driver, kernels.Compiler, error) {
	c, err := host.NewCompiler("")
	if err != nil {
		return nil, nil, err
	}
	d, err := host.NewWith(host.Options{Strict: true})
	return d, c, err
}

func findCUDA() (driver.Driver, kernels.Compiler, error) {
	d, err := libcuda.New()
	if err != nil {
		return nil, nil, err
	}
	version, err := d.Version()
	if err != nil {
		return nil, nil, err
	}
	library, err := nvrtc.FindFor(version)
	if err != nil {
		return nil, nil, err
	}
	devices, err := d.Devices()
	if err == nil && len(devices) == 0 {
		err = errors.New("the driver has no device")
	}
	if err == nil {
		// Held until the process ends: a context takes long to make, and libraries
		// keep what they have loaded into it.
		_, err = d.Open(0)
	}
	return d, library.Compiler(""), err
}

// Run runs f as a subtest for each place there is. Where there is none, the test
// is skipped and says what is missing; it fails if TIERLAB_RIG asks for that one.
func Run(t *testing.T, f func(t *testing.T, r *Rig)) {
	t.Helper()
	only := os.Getenv("TIERLAB_RIG")
	ran := false
	var missing []string
	for _, p := range places() {
		if only != "" && only != p.name {
			continue
		}
		d, c, err := p.find()
		if err != nil {
			t.Logf("%s: %v", p.name, err)
			missing = append(missing, p.name)
			continue
		}
		ran = true
		t.Run(p.name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			f(t, open(t, p.name, d, c))
		})
	}
	switch {
	case !ran && only != "":
		t.Fatalf("TIERLAB_RIG is %q, which is not here: want one of %v", only, names())
	case !ran:
		t.Skipf("kernels cannot run here: neither by %s", strings.Join(missing, " nor by "))
	}
}

// Device is the GPU, on the calling goroutine's thread. Where there is none, the
// test or benchmark is skipped and says what is missing.
func Device(t testing.TB) *Rig {
	t.Helper()
	d, c, err := findCUDA()
	if err != nil {
		t.Skipf("cuda: %v", err)
	}
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	return open(t, "cuda", d, c)
}

// Bind lets a subtest, or a benchmark's part, use the rig: it has a goroutine of
// its own, whose thread does not know the device.
func (r *Rig) Bind(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	check(t, r.Context.Bind())
}

func open(t testing.TB, name string, d driver.Driver, c kernels.Compiler) *Rig {
	t.Helper()
	ctx, err := d.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, ctx.Close()) })
	stream, err := ctx.NewStream()
	check(t, err)
	return &Rig{Name: name, Context: ctx, Compiler: c, Arch: arch(ctx.Device()), stream: stream}
}

// arch is what kernels are compiled for: the features of one chip ("sm_90a")
// from Hopper on.
func arch(d driver.Device) string {
	name := fmt.Sprintf("sm_%d%d", d.Major, d.Minor)
	if d.Major >= 9 {
		name += "a"
	}
	return name
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Function compiles a unit and loads it.
func (r *Rig) Function(t testing.TB, u kernels.Unit, name string) driver.Function {
	t.Helper()
	u.Arch = r.Arch
	made, err := r.Compiler.Compile(t.Context(), u)
	check(t, err)
	module, err := r.Context.Load(made.Image)
	check(t, err)
	f, err := r.Context.Function(module, name)
	check(t, err)
	return f
}

// Launch launches and waits. Dynamic shared memory is allowed first.
func (r *Rig) Launch(t testing.TB, l driver.Launch) {
	t.Helper()
	check(t, r.Try(l))
}

// Try is Launch for a launch that may fail.
func (r *Rig) Try(l driver.Launch) error {
	if err := r.Context.SetShared(l.Function, l.Shared); err != nil {
		return err
	}
	if err := r.Context.Launch(l, r.stream); err != nil {
		return err
	}
	return r.Context.Synchronize(r.stream)
}

// Upload is device memory that holds v; it is freed with the test. Without v it
// is 0.
func Upload[E any](t testing.TB, r *Rig, v []E) driver.Ptr {
	t.Helper()
	if len(v) == 0 {
		return 0
	}
	b := bytesOf(v)
	p, err := r.Context.Alloc(int64(len(b)))
	check(t, err)
	t.Cleanup(func() { check(t, r.Context.Free(p)) })
	check(t, r.Context.CopyIn(p, b, r.stream))
	check(t, r.Context.Synchronize(r.stream))
	return p
}

// Download is the n elements at p.
func Download[E any](t testing.TB, r *Rig, p driver.Ptr, n int) []E {
	t.Helper()
	v := make([]E, n)
	if n > 0 {
		check(t, r.Context.CopyOut(bytesOf(v), p, r.stream))
		check(t, r.Context.Synchronize(r.stream))
	}
	return v
}

func bytesOf[E any](v []E) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}
