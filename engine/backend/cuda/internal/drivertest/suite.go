package drivertest

import (
	_ "embed"
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

//go:embed probe.cu
var probe []byte

// Unit is what the suite launches, for a chip.
func Unit(arch string) kernels.Unit {
	return kernels.Unit{Name: "probe", Source: probe, Arch: arch}
}

// Target is an implementation to test.
type Target struct {
	// Driver finds at least one device.
	Driver driver.Driver
	// Image is Unit compiled for device 0.
	Image []byte
	// Basic marks a driver of contexts, memory, modules, streams, events and
	// launches alone: for page-locked memory, captures, graphs and more than 48 KiB
	// of shared memory it answers errors.ErrUnsupported.
	Basic bool
	// Live counts what is not freed, over all contexts; nil if that cannot be told.
	Live func() int
}

// Run runs the suite.
func Run(t *testing.T, target Target) {
	for _, part := range []struct {
		name  string
		basic bool
		test  func(*testing.T, *bench)
	}{
		{"Devices", true, testDevices},
		{"Memory", true, testMemory},
		{"OutOfMemory", true, testOutOfMemory},
		{"FreedTwice", true, testFreedTwice},
		{"MemoryOfGo", true, testMemoryOfGo},
		{"PageLocked", false, testPageLocked},
		{"Modules", true, testModules},
		{"Params", true, testParams},
		{"Grid", true, testGrid},
		{"BadLaunch", true, testBadLaunch},
		{"Shared", true, testShared},
		{"LargeShared", false, testLargeShared},
		{"StreamOrder", true, testStreamOrder},
		{"Events", true, testEvents},
		{"StreamWait", true, testStreamWait},
		{"Threads", true, testThreads},
		{"Graph", false, testGraph},
		{"GraphReadsMemoryAnew", false, testGraphReadsMemoryAnew},
		{"Update", false, testUpdate},
		{"CaptureRefusesMemoryOfGo", false, testCaptureRefusesMemoryOfGo},
		{"BrokenCapture", false, testBrokenCapture},
		{"Random", true, testRandom},
		{"Close", true, testClose},
		{"CloseFreesWhatIsLeft", true, testCloseFreesWhatIsLeft},
	} {
		t.Run(part.name, func(t *testing.T) {
			if target.Basic && !part.basic {
				t.Skipf("driver %s serves the basics", target.Driver.Name())
			}
			part.test(t, newBench(t, target))
		})
	}
	if target.Basic {
		t.Run("Unsupported", func(t *testing.T) { testUnsupported(t, newBench(t, target)) })
	}
}

// bench is a context on a locked thread, and a stream in it.
type bench struct {
	target Target
	driver.Context
	stream driver.Stream
}

func newBench(t *testing.T, target Target) *bench {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	c, err := target.Driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, c.Close()) })
	b := &bench{target: target, Context: c}
	b.stream = must[driver.Stream](t)(c.NewStream())
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must gives the value of a call that is to succeed: must[T](t)(f()).
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func refused(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s is accepted", what)
	}
}

// upload puts words into new memory, through memory of Go.
func (b *bench) upload(t testing.TB, words []uint32) driver.Ptr {
	t.Helper()
	p := must[driver.Ptr](t)(b.Alloc(int64(4 * len(words))))
	check(t, b.CopyIn(p, raw(words), b.stream))
	return p
}

func (b *bench) download(t testing.TB, p driver.Ptr, n int) []uint32 {
	t.Helper()
	words := make([]uint32, n)
	check(t, b.CopyOut(raw(words), p, b.stream))
	check(t, b.Synchronize(b.stream))
	return words
}

func (b *bench) function(t testing.TB, name string) driver.Function {
	t.Helper()
	m := must[driver.Module](t)(b.Load(b.target.Image))
	return must[driver.Function](t)(b.Function(m, name))
}

// raw is memory as bytes.
func raw[E any](v []E) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(*new(E))))
}

func unsupported(t testing.TB, what string, err error) {
	t.Helper()
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%s: %v is not errors.ErrUnsupported", what, err)
	}
}
