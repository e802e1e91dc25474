package fake_test

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/drivertest"
	"tierlab/engine/backend/cuda/internal/fake"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// bodies are the suite's kernels in Go.
func bodies() map[string]fake.Kernel {
	le := binary.LittleEndian
	return map[string]fake.Kernel{
		"probe_mix": func(c *fake.Context, l driver.Launch) {
			p := l.Params
			n := le.Uint32(p[8:])
			to := words(c, le.Uint64(p), n)
			third := *(*float32)(unsafe.Pointer(&p[16]))
			for i := range min(n, l.Grid[0]*l.Block[0]) {
				to[i] = to[i]*3 + uint32(p[12]) + uint32(le.Uint16(p[14:])) + uint32(third) + uint32(le.Uint64(p[24:])) + le.Uint32(p[32+4*(i%40):])
			}
		},
		"probe_where": func(c *fake.Context, l driver.Launch) {
			threads := l.Block[0] * l.Block[1] * l.Block[2]
			to := words(c, le.Uint64(l.Params), l.Grid[0]*l.Grid[1]*l.Grid[2]*threads)
			for i := range to {
				b, t := uint32(i)/threads, uint32(i)%threads
				x, y, z := b%l.Grid[0], b/l.Grid[0]%l.Grid[1], b/l.Grid[0]/l.Grid[1]
				to[i] = x | y<<4 | z<<8 | t%l.Block[0]<<12 | t/l.Block[0]%l.Block[1]<<20 | t/l.Block[0]/l.Block[1]<<24
			}
		},
		"probe_reverse": func(c *fake.Context, l driver.Launch) {
			n := le.Uint32(l.Params[16:])
			from, to := words(c, le.Uint64(l.Params), n*l.Grid[0]), words(c, le.Uint64(l.Params[8:]), n*l.Grid[0])
			for i := range l.Grid[0] {
				part := to[i*n : (i+1)*n]
				copy(part, from[i*n:])
				slices.Reverse(part)
			}
		},
	}
}

func words(c *fake.Context, at uint64, n uint32) []uint32 {
	b := c.Bytes(driver.Ptr(at), int64(4*n))
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

func TestConformance(t *testing.T) {
	d := fake.New(fake.Options{Kernels: bodies()})
	compiled, err := fake.Compiler{}.Compile(context.Background(), drivertest.Unit("sm_90a"))
	if err != nil {
		t.Fatal(err)
	}
	drivertest.Run(t, drivertest.Target{Driver: d, Image: compiled.Image, Live: func() int { return len(d.Leaks()) }})
	if leaks := d.Leaks(); len(leaks) != 0 {
		t.Errorf("%q are left", leaks)
	}
}

func open(t *testing.T, o fake.Options) (*fake.Driver, driver.Context, driver.Stream) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	d := fake.New(o)
	c, err := d.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	return d, c, s
}

// The record of a step: what was captured, and what its launch ran.
func TestRecord(t *testing.T) {
	d, c, s := open(t, fake.Options{})
	m, _ := c.Load(fake.Image("norm"))
	f, err := c.Function(m, "norm")
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Alloc(1024)
	d.Clear()
	params := []byte{1, 2, 3, 4}
	steps := []error{
		c.BeginCapture(s),
		c.Launch(driver.Launch{Function: f, Grid: [3]uint32{3, 2, 1}, Block: [3]uint32{128, 1, 1}, Shared: 64, Params: params}, s),
		c.Fill(p, 7, 100, s),
	}
	params[0] = 9
	g, err := c.EndCapture(s)
	steps = append(steps, err)
	x, err := c.Instantiate(g)
	steps = append(steps, err, c.LaunchGraph(x, s))
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, call := range d.Calls() {
		got = append(got, call.String())
	}
	want := []string{
		"BeginCapture stream 1",
		"Launch norm grid 3x2x1 block 128 shared 64 params 4 stream 1 (captured)",
		"Fill 100 bytes of 0x07 stream 1 (captured)",
		"EndCapture stream 1 graph 4",
		"Instantiate graph 4 exec 5",
		"LaunchGraph stream 1 exec 5",
		"Launch norm grid 3x2x1 block 128 shared 64 params 4 stream 1 (of exec 5)",
		"Fill 100 bytes of 0x07 stream 1 (of exec 5)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, call := range d.Named("Launch") {
		if call.Launch.Params[0] != 1 {
			t.Errorf("%v has the parameters of later", call)
		}
	}
}

func TestFail(t *testing.T) {
	d, c, s := open(t, fake.Options{})
	p, _ := c.Alloc(64)
	planned := errors.New("planned")
	d.Fail("Fill", 2, planned)
	d.Fail("Fill", 3, planned)
	var got []bool
	for range 4 {
		got = append(got, errors.Is(c.Fill(p, 0, 64, s), planned))
	}
	if !slices.Equal(got, []bool{false, true, true, false}) {
		t.Errorf("failed: %v", got)
	}
}

func TestLeaks(t *testing.T) {
	d, c, s := open(t, fake.Options{})
	p, _ := c.Alloc(300)
	e, _ := c.NewEvent(false)
	if got, want := d.Leaks(), []string{"300 bytes at 0x7f0000000000", "context", "event 2", "stream 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if err := errors.Join(c.Free(p), c.DropEvent(e), c.DropStream(s), c.Close()); err != nil {
		t.Error(err)
	}
	if got := d.Leaks(); got != nil {
		t.Errorf("%q are left", got)
	}
}

// Memory has a budget, and costs nothing until it is touched.
func TestBudget(t *testing.T) {
	_, c, s := open(t, fake.Options{Memory: 140 << 30})
	if _, err := c.Alloc(139 << 30); err != nil {
		t.Fatal(err)
	}
	var oom *driver.OutOfMemoryError
	if _, err := c.Alloc(2 << 30); !errors.As(err, &oom) || oom.Asked != 2<<30 || oom.Free != 1<<30 {
		t.Errorf("%v", err)
	}
	p, _ := c.Alloc(64)
	b := make([]byte, 64)
	if err := c.CopyOut(b, p, s); err != nil || slices.Contains(b, 0) {
		t.Errorf("new memory reads as %v, %v", b, err)
	}
	if err := c.CopyOut(b, p+1, s); err == nil {
		t.Error("a copy runs over the end of an allocation")
	}
}

// What a GPU's driver refuses on a thread that did not bind, and on one that
// captures.
func TestThreads(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("threads are told apart on Linux")
	}
	_, c, s := open(t, fake.Options{})
	unbound := make(chan error)
	go func() {
		runtime.LockOSThread() // and left so: the thread ends
		_, err := c.Alloc(64)
		unbound <- err
	}()
	if err := <-unbound; err == nil || !strings.Contains(err.Error(), "call Bind") {
		t.Errorf("on a thread without the context: %v", err)
	}
	if err := c.BeginCapture(s); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Alloc(64); err == nil {
		t.Error("a thread that captures allocates")
	}
	if _, err := c.EndCapture(s); err == nil {
		t.Error("the capture is not broken")
	}
}

// Every kernel's source names its kernels where the compiler looks for them.
func TestCompiler(t *testing.T) {
	files, err := kernels.Sources.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".cu") {
			continue
		}
		if _, err := (fake.Compiler{}).Compile(context.Background(), kernels.Unit{Name: f.Name(), File: f.Name()}); err != nil {
			t.Error(err)
		}
	}
	if _, err := (fake.Compiler{}).Compile(context.Background(), kernels.Unit{Name: "none", Source: []byte("// nothing")}); err == nil {
		t.Error("a unit without a kernel is compiled")
	}
}
