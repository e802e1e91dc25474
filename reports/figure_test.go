package reports

import (
	"math"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

func at(name string, usd, latency, quality float64) place {
	e := func(v float64) Estimate { return Estimate{Mean: Number(v)} }
	return place{name: name, x: e(usd), y: e(latency), quality: e(quality)}
}

func TestMarkDominated(t *testing.T) {
	places := []place{
		at("cheap", 1, 10, 0.5), at("fast", 3, 5, 0.5), at("good", 5, 20, 0.9), at("bad", 4, 11, 0.5),
		at("equal", 1, 10, 0.5), at(Oracle, 0.5, 1, 1), at("behind-oracle", 0.9, 9, 0.4),
	}
	markDominated(places)
	for _, p := range places {
		if p.dominated != (p.name == "bad") {
			t.Errorf("%s: dominated is %v", p.name, p.dominated)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		got  []float64
		want []float64
	}{
		{values(t, logTicks{plainNumber}, 0.9, 60), []float64{1, 2, 5, 10, 20, 50}},
		{values(t, logTicks{plainNumber}, 0.1, 1000), []float64{0.1, 1, 10, 100, 1000}},
		{values(t, linearTicks{5, plainNumber}, 0, 1), []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{values(t, linearTicks{4, plainNumber}, -0.31, 0.04), []float64{-0.3, -0.2, -0.1, 0}},
		{values(t, powerTicks{}, 0.002, 1), []float64{1, 0.1, 0.01}},
		{values(t, linearTicks{4, plainNumber}, 1, 1), nil},
		{values(t, logTicks{plainNumber}, 0, 1), nil},
	} {
		same := len(c.got) == len(c.want)
		for i := range c.want {
			same = same && math.Abs(c.got[i]-c.want[i]) < 1e-9
		}
		if !same {
			t.Errorf("ticks are %v, want %v", c.got, c.want)
		}
	}
}

func values(t *testing.T, m interface {
	Ticks(low, high float64) []plot.Tick
}, low, high float64) []float64 {
	t.Helper()
	var all []float64
	for _, tick := range m.Ticks(low, high) {
		all = append(all, tick.Value)
	}
	return all
}

// A crowd of discs still gets labels that overlap nothing that can be avoided.
func TestLabelsKeepApart(t *testing.T) {
	m := mark{at: vg.Point{X: 100, Y: 100}, radius: 6, left: 80, right: 120, bottom: 80, top: 120}
	for _, box := range m.boxes() {
		if overlap(box, box) <= 0 {
			t.Errorf("%v has no area", box)
		}
	}
	seen := 0
	for _, box := range candidates(m, 50, 11) {
		free := true
		for _, other := range m.boxes() {
			free = free && overlap(box, other) == 0
		}
		if free {
			seen++
		}
	}
	if seen < 8 {
		t.Errorf("only %d of the places for a label are free of its own disc and cross", seen)
	}
}

func TestSpanOf(t *testing.T) {
	e := func(mean, half float64) Estimate { return Estimate{Mean: Number(mean), Half: Number(half)} }
	wide := spanOf([]Estimate{e(1, 0.1), e(100, 5)}, 1)
	if !wide.log || wide.low >= 0.9 || wide.high <= 105 {
		t.Errorf("two decades give %+v", wide)
	}
	if below := spanOf([]Estimate{e(1, 6), e(2, 6)}, 1); below.low != 0 || below.log {
		t.Errorf("an interval below zero gives %+v", below)
	}
	if one := spanOf([]Estimate{e(5, 0)}, 1); one.log || one.low >= 5 || one.high <= 5 {
		t.Errorf("one value gives %+v", one)
	}
	if zero := spanOf([]Estimate{e(0, 0)}, 1); !(zero.low < zero.high) {
		t.Errorf("zero gives %+v", zero)
	}
}
