package drivertest

import (
	"runtime"
	"testing"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
)

// mixes queues launches that do not commute, and says what they leave.
func (b *bench) mixes(t testing.TB, f driver.Function, p driver.Ptr, words []uint32, s driver.Stream, seeds ...uint32) []uint32 {
	t.Helper()
	for _, seed := range seeds {
		launch, params := mixOf(f, p, len(words), seed)
		check(t, b.Launch(launch, s))
		words = mixed(words, params)
	}
	return words
}

func testStreamOrder(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	words := counting(300, 8)
	p := b.upload(t, words)
	want := b.mixes(t, f, p, words, b.stream, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	same(t, "nine launches", b.download(t, p, len(words)), want)
}

func testEvents(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	words := counting(300, 8)
	p := b.upload(t, words)
	plain := must[driver.Event](t)(b.NewEvent(false))
	from, to := must[driver.Event](t)(b.NewEvent(true)), must[driver.Event](t)(b.NewEvent(true))
	check(t, b.WaitEvent(plain)) // recorded never: it has passed
	check(t, b.Record(from, b.stream))
	want := b.mixes(t, f, p, words, b.stream, 1, 2, 3)
	check(t, b.Record(to, b.stream))
	check(t, b.Record(plain, b.stream))
	check(t, b.WaitEvent(plain))
	check(t, b.WaitEvent(to))
	same(t, "three launches", b.download(t, p, len(words)), want)
	if took := must[time.Duration](t)(b.Elapsed(from, to)); took < 0 || took > time.Minute {
		t.Errorf("three launches take %v", took)
	}
	_, err := b.Elapsed(from, plain)
	refused(t, "the time to an event that is not timed", err)
	for _, e := range []driver.Event{plain, from, to} {
		check(t, b.DropEvent(e))
	}
}

func testStreamWait(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	words := counting(5000, 8)
	p := b.upload(t, words)
	other := must[driver.Stream](t)(b.NewStream())
	e := must[driver.Event](t)(b.NewEvent(false))
	want := words
	for turn := range uint32(4) {
		want = b.mixes(t, f, p, want, b.stream, turn, turn+1)
		check(t, b.Record(e, b.stream))
		check(t, b.StreamWait(other, e))
		want = b.mixes(t, f, p, want, other, turn+2)
		check(t, b.Record(e, other))
		check(t, b.StreamWait(b.stream, e))
	}
	check(t, b.Synchronize(b.stream))
	same(t, "two streams in turns", b.download(t, p, len(words)), want)
	check(t, b.DropStream(other))
}

// A second thread binds the context, and uses a stream of its own.
func testThreads(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	words := counting(700, 1)
	mine, theirs := b.upload(t, words), b.upload(t, words)
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- func() error {
			if err := b.Bind(); err != nil {
				return err
			}
			s, err := b.NewStream()
			if err != nil {
				return err
			}
			for seed := range uint32(20) {
				launch, _ := mixOf(f, theirs, len(words), seed)
				if err := b.Launch(launch, s); err != nil {
					return err
				}
			}
			if err := b.Synchronize(s); err != nil {
				return err
			}
			return b.DropStream(s)
		}()
	}()
	want := words
	for seed := range uint32(20) {
		want = b.mixes(t, f, mine, want, b.stream, seed)
	}
	check(t, <-done)
	same(t, "this thread", b.download(t, mine, len(words)), want)
	same(t, "the other thread", b.download(t, theirs, len(words)), want)
}

func testClose(t *testing.T, b *bench) {
	p := b.upload(t, make([]uint32, 4))
	check(t, b.Close())
	check(t, b.Close())
	_, alloc := b.Alloc(64)
	_, stream := b.NewStream()
	_, module := b.Load(b.target.Image)
	_, _, memory := b.Memory()
	for what, err := range map[string]error{
		"Alloc": alloc, "NewStream": stream, "Load": module, "Memory": memory, "Bind": b.Bind(), "Free": b.Free(p),
		"Synchronize": b.Synchronize(b.stream), "Fill": b.Fill(p, 1, 4, b.stream), "CopyIn": b.CopyIn(p, make([]byte, 4), b.stream),
	} {
		if !isClosed(err) {
			t.Errorf("%s of a closed context: %v, want driver.ErrClosed", what, err)
		}
	}
}

func testCloseFreesWhatIsLeft(t *testing.T, b *bench) {
	// Another context holds the device open, whose memory shows what is left.
	holder := newBench(t, b.target)
	free, _, err := holder.Memory()
	check(t, err)
	live := 0
	if b.target.Live != nil {
		live = b.target.Live()
	}
	c := must[driver.Context](t)(b.target.Driver.Open(0))
	for range 3 {
		must[driver.Ptr](t)(c.Alloc(1 << 22))
		must[driver.Stream](t)(c.NewStream())
		must[driver.Event](t)(c.NewEvent(true))
	}
	if !b.target.Basic {
		must[[]byte](t)(c.AllocHost(1 << 12))
	}
	check(t, c.Close())
	check(t, holder.Bind())
	after, _, err := holder.Memory()
	check(t, err)
	if lost := free - after; lost >= 3<<22 {
		t.Errorf("%d bytes are not given back", lost)
	}
	if b.target.Live != nil && b.target.Live() != live {
		t.Errorf("%d objects are left", b.target.Live()-live)
	}
}
