package drivertest

import (
	"errors"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
)

func isClosed(err error) bool { return errors.Is(err, driver.ErrClosed) }

// capture is what f queues, as a graph.
func (b *bench) capture(t testing.TB, f func()) driver.Graph {
	t.Helper()
	check(t, b.BeginCapture(b.stream))
	f()
	return must[driver.Graph](t)(b.EndCapture(b.stream))
}

func testGraph(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	words := counting(500, 2)
	p := b.upload(t, words)
	g := b.capture(t, func() { b.mixes(t, f, p, words, b.stream, 1, 2, 3) })
	same(t, "memory after a capture", b.download(t, p, len(words)), words)
	x := must[driver.Exec](t)(b.Instantiate(g))
	check(t, b.DropGraph(g))
	same(t, "memory after an instantiation", b.download(t, p, len(words)), words)
	want := words
	for range 4 {
		check(t, b.LaunchGraph(x, b.stream))
		for _, seed := range []uint32{1, 2, 3} {
			_, params := mixOf(f, p, len(words), seed)
			want = mixed(want, params)
		}
		same(t, "a launch of the graph", b.download(t, p, len(words)), want)
	}
	check(t, b.DropExec(x))
	refused(t, "dropping an exec twice", b.DropExec(x))
	refused(t, "dropping a graph twice", b.DropGraph(g))
}

// A step uploads its plan from page-locked memory within the graph: each launch
// reads what is there by then.
func testGraphReadsMemoryAnew(t *testing.T, b *bench) {
	const n = 256
	f := b.function(t, "probe_mix")
	in, out := must[[]byte](t)(b.AllocHost(4*n)), must[[]byte](t)(b.AllocHost(4*n))
	p, copied := b.upload(t, make([]uint32, n)), b.upload(t, make([]uint32, n))
	var seven mixParams
	g := b.capture(t, func() {
		check(t, b.CopyIn(p, in, b.stream))
		b.mixes(t, f, p, make([]uint32, n), b.stream, 7)
		check(t, b.CopyWithin(copied, p, 4*n, b.stream))
		check(t, b.CopyOut(out, copied, b.stream))
		check(t, b.Fill(p, 0, 4*n, b.stream))
	})
	_, seven = mixOf(f, p, n, 7)
	x := must[driver.Exec](t)(b.Instantiate(g))
	done := must[driver.Event](t)(b.NewEvent(false))
	for turn := range uint32(3) {
		words := counting(n, turn*1000)
		copy(in, raw(words))
		check(t, b.LaunchGraph(x, b.stream))
		check(t, b.Record(done, b.stream))
		check(t, b.WaitEvent(done))
		got := make([]uint32, n)
		copy(raw(got), out)
		same(t, "copied out", got, mixed(words, seven))
		same(t, "filled", b.download(t, p, n), make([]uint32, n))
	}
	check(t, b.DropExec(x))
	check(t, b.DropGraph(g))
	check(t, b.FreeHost(in))
	check(t, b.FreeHost(out))
}

func testUpdate(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	words := counting(130, 2)
	p := b.upload(t, words)
	capture := func(seeds ...uint32) driver.Graph {
		return b.capture(t, func() { b.mixes(t, f, p, words, b.stream, seeds...) })
	}
	first, second, longer := capture(1, 2), capture(5, 6), capture(1, 2, 3)
	x := must[driver.Exec](t)(b.Instantiate(first))
	want := words
	run := func(seeds ...uint32) {
		t.Helper()
		check(t, b.LaunchGraph(x, b.stream))
		for _, seed := range seeds {
			_, params := mixOf(f, p, len(words), seed)
			want = mixed(want, params)
		}
		same(t, "a launch of the graph", b.download(t, p, len(words)), want)
	}
	run(1, 2)
	check(t, b.Update(x, second))
	run(5, 6)
	refused(t, "an update of another shape", b.Update(x, longer))
	run(5, 6)
	check(t, b.DropExec(x))
	for _, g := range []driver.Graph{first, second, longer} {
		check(t, b.DropGraph(g))
	}
}

func testCaptureRefusesMemoryOfGo(t *testing.T, b *bench) {
	p := b.upload(t, make([]uint32, 16))
	check(t, b.BeginCapture(b.stream))
	refused(t, "a captured copy from memory of Go", b.CopyIn(p, make([]byte, 64), b.stream))
	refused(t, "a captured copy to memory of Go", b.CopyOut(make([]byte, 64), p, b.stream))
	if g, err := b.EndCapture(b.stream); err == nil {
		check(t, b.DropGraph(g))
	}
	same(t, "memory", b.download(t, p, 16), make([]uint32, 16))
}

// A capture that something breaks ends in an error, and the stream goes on.
func testBrokenCapture(t *testing.T, b *bench) {
	p := b.upload(t, make([]uint32, 16))
	_, err := b.EndCapture(b.stream)
	refused(t, "the end of a capture that was not begun", err)
	check(t, b.BeginCapture(b.stream))
	refused(t, "a wait for a stream that captures", b.Synchronize(b.stream))
	if g, err := b.EndCapture(b.stream); err == nil {
		t.Errorf("graph %v is of a capture that was broken", g)
	}
	check(t, b.Fill(p, 1, 4, b.stream))
	if got := b.download(t, p, 1)[0]; got != 0x01010101 {
		t.Errorf("after a broken capture the stream fills %#x", got)
	}
}

func testUnsupported(t *testing.T, b *bench) {
	_, err := b.AllocHost(64)
	unsupported(t, "AllocHost", err)
	unsupported(t, "FreeHost", b.FreeHost(make([]byte, 64)))
	unsupported(t, "BeginCapture", b.BeginCapture(b.stream))
	_, err = b.EndCapture(b.stream)
	unsupported(t, "EndCapture", err)
	_, err = b.Instantiate(1)
	unsupported(t, "Instantiate", err)
	unsupported(t, "Update", b.Update(1, 1))
	unsupported(t, "LaunchGraph", b.LaunchGraph(1, b.stream))
	unsupported(t, "DropGraph", b.DropGraph(1))
	unsupported(t, "DropExec", b.DropExec(1))
	f := b.function(t, "probe_reverse")
	check(t, b.SetShared(f, 40<<10))
	unsupported(t, "SetShared", b.SetShared(f, 64<<10))
}
