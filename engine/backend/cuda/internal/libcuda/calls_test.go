//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"runtime"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// The paths of a step allocate nothing.
func testAllocations(t *testing.T, s *standIn) {
	c := s.context(t)
	for name, call := range hot(t, c) {
		if n := testing.AllocsPerRun(200, func() {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		}); n >= 1 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	c := newStandIn(b).context(b)
	for name, call := range hot(b, c) {
		b.Run(name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if err := c.Bind(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// hot is what a step calls.
func hot(t testing.TB, c *Context) map[string]func() error {
	fatal := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.NewStream()
	fatal(err)
	e, err := c.NewEvent(false)
	fatal(err)
	host, err := c.AllocHost(256)
	fatal(err)
	p, err := c.Alloc(256)
	fatal(err)
	fatal(c.BeginCapture(s))
	fatal(c.Fill(p, 1, 256, s))
	g, err := c.EndCapture(s)
	fatal(err)
	x, err := c.Instantiate(g)
	fatal(err)
	where := struct{ to driver.Ptr }{p}
	l := driver.Launch{
		Function: function(t, c, "probe_where"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1},
		Params: unsafe.Slice((*byte)(unsafe.Pointer(&where)), unsafe.Sizeof(where)),
	}
	var d driver.Context = c
	return map[string]func() error{
		"Launch":      func() error { return d.Launch(l, s) },
		"LaunchGraph": func() error { return d.LaunchGraph(x, s) },
		"Record":      func() error { return d.Record(e, s) },
		"WaitEvent":   func() error { return d.WaitEvent(e) },
		"StreamWait":  func() error { return d.StreamWait(s, e) },
		"CopyIn":      func() error { return d.CopyIn(p, host, s) },
		"CopyOut":     func() error { return d.CopyOut(host, p, s) },
		"Fill":        func() error { return d.Fill(p, 0, 256, s) },
	}
}
