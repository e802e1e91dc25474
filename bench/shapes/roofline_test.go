package shapes

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"tierlab/engine/model"
)

// TestRoofline: Llama 3.1 8B in bf16 on a chip that copies 4.3 TB/s and multiplies
// 790 TFLOP/s, at a context of 1,024 tokens.
func TestRoofline(t *testing.T) {
	c, err := model.Preset("llama-3.1-8b")
	if err != nil {
		t.Fatal(err)
	}
	chip := Ceilings{GBPerS: 4300, GFLOPPerS: 790e3}
	for batch, want := range map[int]float64{1: 284, 32: 7128, 256: 22297} {
		w := decodeWork(c, 2, batch, 1024, 1)
		roofline, noOverlap := chip.Floor(w)
		if got := float64(batch) / roofline.Seconds(); math.Abs(got-want) > 0.5 {
			t.Errorf("batch %d: %.1f tokens/s, want %g", batch, got, want)
		}
		compute := time.Duration(w.FLOP / chip.GFLOPPerS)
		if d := noOverlap - roofline - compute; d < -time.Microsecond || d > time.Microsecond {
			t.Errorf("batch %d: %v without overlap is not %v and %v", batch, noOverlap, roofline, compute)
		}
		var l Line
		l.Put(w, 2*roofline)
		if share, sum := chip.Share(&l); math.Abs(share-0.5) > 1e-3 || sum <= share {
			t.Errorf("batch %d in twice the roofline's time: shares %g and %g", batch, share, sum)
		}
	}
	prompt := prefillWork(c, 2, 8192)
	if roofline, _ := chip.Floor(prompt); math.Abs(roofline.Seconds()*790e12/prompt.FLOP-1) > 1e-6 {
		t.Errorf("a prompt of 8,192 tokens is not bound by arithmetic: %v", roofline)
	}
	if a, b := (Ceilings{}).Share(&Line{GBPerS: 1}); a != 0 || b != 0 {
		t.Error("shares of ceilings that are not known")
	}
}

// TestLoadWork: calls that run one after another are their passes, one by one;
// side by side they share the weights.
func TestLoadWork(t *testing.T) {
	c, err := model.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	apart := prefillWork(c, 2, 100).Add(decodeWork(c, 2, 1, 101, 9))
	got := LoadWork(c, 2, []Call{{Prompt: 100, Output: 10}}, 1)
	if math.Abs(got.Bytes/apart.Bytes-1) > 1e-9 || math.Abs(got.FLOP/apart.FLOP-1) > 1e-9 {
		t.Errorf("one call: %+v, want %+v", got, apart)
	}
	calls := []Call{{Prompt: 100, Output: 10}, {Prompt: 100, Output: 10}}
	weights := Pass(c, 2, 1, 1, 0, 0).Bytes
	one, two := LoadWork(c, 2, calls, 1), LoadWork(c, 2, calls, 2)
	if math.Abs(one.Bytes-two.Bytes-10*weights) > 1 || one.FLOP != two.FLOP || one.FLOP != 2*got.FLOP {
		t.Errorf("two calls: %+v apart, %+v together", one, two)
	}
	found := LoadWork(c, 2, []Call{{Prompt: 100, Cached: 64, Output: 10}}, 1)
	if found.FLOP >= got.FLOP || found.Bytes != got.Bytes {
		t.Errorf("with 64 tokens found: %+v", found)
	}
}

// TestWatch: what lies between two readings is told by interpolation, and what
// lies outside of all by the nearest one.
func TestWatch(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	w := &Watch{read: func() Counters { return Counters{CPU: time.Hour, Joules: 1e9} }}
	for _, ms := range []int{-1000, -900, -500} {
		since := time.Duration(ms+1000) * time.Millisecond
		w.samples = append(w.samples, sample{at(ms), Counters{CPU: since / 2, Joules: 300 * since.Seconds()}})
	}
	if u := w.Between(at(-950), at(-600), 7); math.Abs(u.Cores-0.5) > 1e-6 || math.Abs(u.Watts-300) > 1e-6 || math.Abs(u.JoulesPerToken-15) > 1e-6 {
		t.Errorf("%+v", u)
	}
	if u := w.Between(at(-2000), at(-1000), 7); u != (Use{}) {
		t.Errorf("before all readings: %+v", u)
	}
	if u := w.Between(at(-950), at(-950), 1); u != (Use{}) {
		t.Errorf("no time: %+v", u)
	}
}

// TestWatchReads: readings go on by themselves until Close.
func TestWatchReads(t *testing.T) {
	var read atomic.Int64
	w := NewWatch(func() Counters { return Counters{Joules: float64(read.Add(1))} }, time.Microsecond)
	for read.Load() < 3 {
		time.Sleep(time.Microsecond)
	}
	w.Close()
	if n := read.Load(); int(n) != len(w.samples) {
		t.Errorf("%d readings, %d kept", n, len(w.samples))
	}
}

func TestSpread(t *testing.T) {
	var v []float64
	for i := range 100 {
		v = append(v, float64(100-i))
	}
	if s := SpreadOf(v); s != (Spread{50.5, 50, 90, 99, 100}) {
		t.Errorf("%+v", s)
	}
	if s := SpreadOf(nil); s != (Spread{}) {
		t.Errorf("%+v", s)
	}
}
