//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ebitengine/purego"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/drivertest"
)

// standIn is the stand-in with what it offers tests.
type standIn struct {
	path       string
	reset      func()
	setVersion func(int32)
	fail       func(name string, nth, code int32)
	live       func() int32
	spins      func() int32
}

func newStandIn(t testing.TB, flags ...string) *standIn {
	t.Helper()
	s := &standIn{path: drivertest.BuildStandIn(t, flags...)}
	handle, err := purego.Dlopen(s.path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		t.Fatal(err)
	}
	purego.RegisterLibFunc(&s.reset, handle, "standin_reset")
	purego.RegisterLibFunc(&s.setVersion, handle, "standin_set_version")
	purego.RegisterLibFunc(&s.fail, handle, "standin_fail")
	purego.RegisterLibFunc(&s.live, handle, "standin_live")
	purego.RegisterLibFunc(&s.spins, handle, "standin_spins")
	s.reset()
	return s
}

func (s *standIn) open(t testing.TB) *Driver {
	t.Helper()
	d, err := open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// context opens device 0 on this thread.
func (s *standIn) context(t testing.TB) *Context {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	c, err := s.open(t).Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*Context)
}

// TestNewest and TestOldest run the suite on a driver with all symbols, and on
// one with those of CUDA 12.0.
func TestNewest(t *testing.T) { conformance(t, newStandIn(t)) }
func TestOldest(t *testing.T) { conformance(t, newStandIn(t, "-DOLDEST")) }

func conformance(t *testing.T, s *standIn) {
	drivertest.Run(t, drivertest.Target{Driver: s.open(t), Image: []byte(drivertest.StandInImage), Live: func() int { return int(s.live()) }})
	if s.live() != 0 || s.spins() != 0 {
		t.Errorf("%d objects are left, %d wait by spinning", s.live(), s.spins())
	}
}

func TestStandIn(t *testing.T) {
	s := newStandIn(t)
	for name, test := range map[string]func(*testing.T, *standIn){
		"Device": testDevice, "Attributes": testAttributes, "ShortParams": testShortParams, "CapturedGoMemory": testCapturedGoMemory, "Errors": testErrors,
		"CloseAfterFailure": testCloseAfterFailure, "FreeOnAnyThread": testFreeOnAnyThread, "OpenErrors": testOpenErrors,
		"Allocations": testAllocations,
	} {
		s.reset()
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func testDevice(t *testing.T, s *standIn) {
	devices, err := s.open(t).Devices()
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Device{
		Name: "Stand-in of a GPU", UUID: "GPU-00112233-4455-6677-8899-aabbccddeeff", PCI: "0000:1b:00.0", Major: 9,
		SMs: 132, WarpSize: 32, ClockKHz: 1980000, MemoryKHz: 3201000, BusBits: 6144, MemoryBytes: 1 << 30, L2Bytes: 62914560,
		SharedPerBlock: 49152, SharedOptin: 232448, SharedPerSM: 233472, RegistersPerSM: 65536, ThreadsPerSM: 2048,
	}
	if len(devices) != 1 || devices[0] != want {
		t.Errorf("got  %+v\nwant %+v", devices, want)
	}
}

func testAttributes(t *testing.T, s *standIn) {
	c := s.context(t)
	f := function(t, c, "probe_mix")
	got, err := c.Attributes(f)
	if want := (driver.Attributes{Registers: 40, StaticShared: 2048, Local: 16, MaxThreads: 1024, BinaryArch: 90}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if n, err := c.Occupancy(f, 256, 100<<10); err != nil || n != 2 {
		t.Errorf("occupancy %d, %v, want 2", n, err)
	}
}

func function(t testing.TB, c *Context, name string) driver.Function {
	t.Helper()
	m, err := c.Load([]byte(drivertest.StandInImage))
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Function(m, name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A launch that brings less than the kernel takes would make the driver read
// what lies behind it.
func testShortParams(t *testing.T, s *standIn) {
	c := s.context(t)
	stream, err := c.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	l := driver.Launch{Function: function(t, c, "probe_mix"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Params: make([]byte, 16)}
	if err := c.Launch(l, stream); err == nil || !strings.Contains(err.Error(), "16 bytes of parameters are given, the kernel takes 192") {
		t.Error(err)
	}
}

// Memory of Go is refused before the driver sees it: the capture goes on.
func testCapturedGoMemory(t *testing.T, s *standIn) {
	c := s.context(t)
	stream, err := c.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.BeginCapture(stream); err != nil {
		t.Fatal(err)
	}
	if err := c.CopyIn(p, make([]byte, 64), stream); !errors.Is(err, errCaptured) {
		t.Error(err)
	}
	if err := c.CopyOut(make([]byte, 64), p, stream); !errors.Is(err, errCaptured) {
		t.Error(err)
	}
	if _, err := c.EndCapture(stream); err != nil {
		t.Error(err)
	}
}

func testErrors(t *testing.T, s *standIn) {
	c := s.context(t)
	for _, test := range []struct {
		call string
		code int32
		f    func() error
		want string
	}{
		{"cuStreamCreate", 700, func() error { _, err := c.NewStream(); return err }, "cuStreamCreate: CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered"},
		{"cuEventCreate", 7654, func() error { _, err := c.NewEvent(true); return err }, "cuEventCreate: CUDA_ERROR_7654 (7654): "},
		{"cuMemAlloc_v2", 2, func() error { _, err := c.Alloc(1 << 20); return err }, "Stand-in of a GPU: 1.0 MiB of device memory are asked for, 1024.0 of 1024.0 MiB are free"},
		{"cuMemHostAlloc", 2, func() error { _, err := c.AllocHost(8192); return err }, "8192 bytes of page-locked memory (look at free memory and ulimit -l): cuMemHostAlloc: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory"},
		{"cuModuleGetFunction", 500, func() error {
			m, _ := c.Load([]byte(drivertest.StandInImage))
			_, err := c.Function(m, "probe_mix")
			return err
		}, "kernel probe_mix: cuModuleGetFunction: CUDA_ERROR_NOT_FOUND (500): named symbol not found"},
	} {
		s.fail(test.call, 1, test.code)
		if err := test.f(); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v\nwant %s", test.call, err, test.want)
		}
	}
}

// Close frees everything else even if a call fails, as all do after a kernel
// has failed.
func testCloseAfterFailure(t *testing.T, s *standIn) {
	c := s.context(t)
	if _, err := c.Alloc(64); err != nil {
		t.Fatal(err)
	}
	s.fail("cuCtxSynchronize", 1, 700)
	if err := c.Close(); !hasCode(err, 700) {
		t.Errorf("%v, want error 700", err)
	}
	if s.live() != 0 {
		t.Errorf("%d objects are left", s.live())
	}
}

// What frees may be called on any thread, and leaves its context as it was.
func testFreeOnAnyThread(t *testing.T, s *standIn) {
	c := s.context(t)
	p, err := c.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and left locked: the thread ends with the goroutine
		err := c.Free(p)
		if _, _, none := c.Memory(); none == nil {
			err = errors.Join(err, errors.New("the context stayed current"))
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func testOpenErrors(t *testing.T, s *standIn) {
	s.setVersion(11080)
	_, err := open(s.path)
	if err == nil || !strings.Contains(err.Error(), "is of CUDA 11.8, and this program needs 12.0 or newer") || !strings.Contains(err.Error(), s.path) {
		t.Errorf("an old driver: %v", err)
	}
	s.reset()
	for code, advice := range map[int32]string{100: "CUDA_VISIBLE_DEVICES", 803: "restart the machine", 34: "LD_LIBRARY_PATH", 999: "dmesg"} {
		s.fail("cuInit", 1, code)
		if _, err := open(s.path); err == nil || !strings.Contains(err.Error(), advice) || !hasCode(err, int(code)) {
			t.Errorf("cuInit returns %d: %v", code, err)
		}
	}
	dir := t.TempDir()
	broken := filepath.Join(dir, "libnothing.so.1")
	if err := os.WriteFile(broken, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = load("libnothing.so.1", []string{filepath.Join(dir, "absent"), dir})
	for _, part := range []string{"libnothing.so.1", dir, filepath.Join(dir, "absent"), "nvidia-driver-525", "--gpus all", "file too short"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	if handle, err := load(filepath.Base(s.path)+"x", []string{dir}); err == nil {
		t.Errorf("a library that is not there has handle %#x", handle)
	}
}
