package fake_test

import (
	"errors"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/fake"
)

// What nobody has waited for has not happened.
func TestLazy(t *testing.T) {
	_, c, first := open(t, fake.Options{})
	second, err := c.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Alloc(16)
	host, _ := c.AllocHost(16)
	e, _ := c.NewEvent(true)
	start, _ := c.NewEvent(true)
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	must(c.Record(start, first), c.Fill(p, 1, 16, first), c.CopyOut(host, p, first), c.Record(e, first))
	if host[0] != 0 {
		t.Error("a copy is done before anything waits for it")
	}
	var notReady *driver.Error
	if _, err := c.Elapsed(start, e); !errors.As(err, &notReady) || notReady.Code != 600 {
		t.Errorf("the time to an event that has not passed: %v", err)
	}
	must(c.Fill(p, 2, 16, second), c.CopyOut(host, p, second), c.Synchronize(second))
	if host[0] != 2 {
		t.Errorf("the second stream copies %d, want 2: it does not wait for the first", host[0])
	}
	must(c.StreamWait(second, e), c.Fill(p, 3, 16, first), c.CopyOut(host, p, second), c.Synchronize(second))
	if host[0] != 1 {
		t.Errorf("behind the event the second stream copies %d, want 1", host[0])
	}
	if took, err := c.Elapsed(start, e); err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
	must(c.Free(p))
	if _, err := c.Elapsed(start, e); err != nil {
		t.Error(err)
	}
}

// A stream that nobody waits for does not grow without bound.
func TestFullStream(t *testing.T) {
	runs := 0
	_, c, s := open(t, fake.Options{Kernels: map[string]fake.Kernel{"k": func(*fake.Context, driver.Launch) { runs++ }}})
	m, _ := c.Load(fake.Image("k"))
	f, _ := c.Function(m, "k")
	l := driver.Launch{Function: f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Params: make([]byte, 8)}
	for range 10_000 {
		if err := c.Launch(l, s); err != nil {
			t.Fatal(err)
		}
	}
	if runs < 8000 {
		t.Errorf("%d of 10000 launches have run", runs)
	}
	if err := c.Synchronize(s); err != nil || runs != 10_000 {
		t.Errorf("%d of 10000 launches have run, %v", runs, err)
	}
}
