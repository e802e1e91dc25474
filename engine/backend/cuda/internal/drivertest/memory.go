package drivertest

import (
	"errors"
	"slices"
	"testing"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

func testDevices(t *testing.T, b *bench) {
	if b.target.Driver.Name() == "" {
		t.Error("the driver has no name")
	}
	if version, err := b.target.Driver.Version(); err != nil || version < 1000 {
		t.Errorf("version %d, %v", version, err)
	}
	devices := must[[]driver.Device](t)(b.target.Driver.Devices())
	if len(devices) == 0 {
		t.Fatal("no device")
	}
	for i, d := range devices {
		if d.Ordinal != i || d.Name == "" || d.SMs < 1 || d.WarpSize != 32 || d.MemoryBytes < 1 || d.SharedPerBlock < 1 {
			t.Errorf("device %d is %+v", i, d)
		}
	}
	if b.Device() != devices[0] {
		t.Errorf("the context is of %+v, want %+v", b.Device(), devices[0])
	}
	for _, ordinal := range []int{-1, len(devices)} {
		c, err := b.target.Driver.Open(ordinal)
		if err == nil {
			c.Close()
			t.Errorf("device %d can be opened", ordinal)
		}
	}
}

func testMemory(t *testing.T, b *bench) {
	for _, n := range []int{1, 3, 256, 4097, 1 << 20} {
		in, back := make([]byte, n), make([]byte, n)
		for i := range in {
			in[i] = byte(i*7 + n)
		}
		p := must[driver.Ptr](t)(b.Alloc(int64(n)))
		if p == 0 || p%256 != 0 {
			t.Errorf("%d bytes are at %#x, which is no multiple of 256", n, p)
		}
		check(t, b.CopyIn(p, in, b.stream))
		copied := must[driver.Ptr](t)(b.Alloc(int64(n)))
		check(t, b.CopyWithin(copied, p, int64(n), b.stream))
		check(t, b.Fill(p, 0xC3, int64(n), b.stream))
		check(t, b.CopyOut(back, copied, b.stream))
		if !slices.Equal(back, in) {
			t.Errorf("%d bytes come back as others", n)
		}
		check(t, b.CopyOut(back[n/2:], p+driver.Ptr(n/2), b.stream))
		if slices.ContainsFunc(back[n/2:], func(v byte) bool { return v != 0xC3 }) || !slices.Equal(back[:n/2], in[:n/2]) {
			t.Errorf("%d bytes are not filled", n)
		}
		check(t, b.Free(p))
		check(t, b.Free(copied))
	}
	check(t, b.CopyIn(0, nil, b.stream))
	check(t, b.CopyOut(nil, 0, b.stream))
	for _, bytes := range []int64{0, -1} {
		_, err := b.Alloc(bytes)
		refused(t, "an allocation of no bytes", err)
	}
}

func testOutOfMemory(t *testing.T, b *bench) {
	free, total, err := b.Memory()
	check(t, err)
	if free <= 0 || total < free {
		t.Fatalf("%d of %d bytes are free", free, total)
	}
	kept := must[driver.Ptr](t)(b.Alloc(1 << 16))
	check(t, b.Fill(kept, 9, 1<<16, b.stream))
	_, err = b.Alloc(total + 1<<20)
	var oom *driver.OutOfMemoryError
	if !errors.As(err, &oom) {
		t.Fatalf("%v is no OutOfMemoryError", err)
	}
	if oom.Asked != total+1<<20 || oom.Free <= 0 || oom.Free > oom.Total || oom.Device != b.Device().Name {
		t.Errorf("%+v", *oom)
	}
	again := must[driver.Ptr](t)(b.Alloc(1 << 16))
	back := make([]byte, 1<<16)
	check(t, b.CopyOut(back, kept, b.stream))
	if slices.ContainsFunc(back, func(v byte) bool { return v != 9 }) {
		t.Error("what was allocated before is lost")
	}
	check(t, b.Free(again))
	check(t, b.Free(kept))
}

func testFreedTwice(t *testing.T, b *bench) {
	p := must[driver.Ptr](t)(b.Alloc(512))
	refused(t, "freeing the middle of an allocation", b.Free(p+256))
	check(t, b.Free(p))
	refused(t, "freeing twice", b.Free(p))
	refused(t, "freeing nothing", b.Free(0))
	s := must[driver.Stream](t)(b.NewStream())
	check(t, b.DropStream(s))
	refused(t, "dropping a stream twice", b.DropStream(s))
	e := must[driver.Event](t)(b.NewEvent(false))
	check(t, b.DropEvent(e))
	refused(t, "dropping an event twice", b.DropEvent(e))
	m := must[driver.Module](t)(b.Load(b.target.Image))
	check(t, b.Unload(m))
	refused(t, "unloading twice", b.Unload(m))
}

// A copy from memory of Go has read it, and one to it has written it, when the
// method returns.
func testMemoryOfGo(t *testing.T, b *bench) {
	const n = 1 << 18
	words := counting(n, 5)
	want := slices.Clone(words)
	p := must[driver.Ptr](t)(b.Alloc(4 * n))
	check(t, b.CopyIn(p, raw(words), b.stream))
	clear(words)
	check(t, b.CopyOut(raw(words), p, b.stream))
	same(t, "copied", words, want)
}

func testPageLocked(t *testing.T, b *bench) {
	const n = 10_000
	locked := must[[]byte](t)(b.AllocHost(4 * n))
	if len(locked) != 4*n {
		t.Fatalf("%d bytes, want %d", len(locked), 4*n)
	}
	if at := uintptr(unsafe.Pointer(&locked[0])); at%256 != 0 {
		t.Errorf("page-locked memory is at %#x, which is no multiple of 256", at)
	}
	words := counting(n, 77)
	copy(locked, raw(words))
	p := must[driver.Ptr](t)(b.Alloc(4 * n))
	check(t, b.CopyIn(p, locked, b.stream))
	check(t, b.Synchronize(b.stream))
	clear(locked)
	check(t, b.CopyOut(locked[8:], p+8, b.stream))
	check(t, b.Synchronize(b.stream))
	if !slices.Equal(locked[8:], raw(words)[8:]) || slices.ContainsFunc(locked[:8], func(v byte) bool { return v != 0 }) {
		t.Error("other bytes come back")
	}
	check(t, b.FreeHost(locked))
	refused(t, "freeing page-locked memory twice", b.FreeHost(locked))
	refused(t, "freeing memory of Go", b.FreeHost(make([]byte, 64)))
	_, err := b.AllocHost(0)
	refused(t, "page-locked memory of no bytes", err)
}
