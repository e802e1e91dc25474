package reports

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// logTicks are 1, 2, 5, 10, ... written by the format; where these would
// crowd, only powers of ten.
type logTicks struct {
	format func(v float64) string
}

// Ticks implements plot.Ticker.
func (t logTicks) Ticks(low, high float64) []plot.Tick {
	if !(low > 0) || !(high > low) {
		return nil
	}
	steps := []float64{1, 2, 5}
	if high/low > 300 {
		steps = steps[:1]
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, s := range steps {
			if v := s * math.Pow(10, e); v >= low*(1-1e-9) && v <= high*(1+1e-9) {
				ticks = append(ticks, plot.Tick{Value: v, Label: t.format(v)})
			}
		}
	}
	return ticks
}

// linearTicks are about want round numbers, written by the format.
type linearTicks struct {
	want   int
	format func(v float64) string
}

// Ticks implements plot.Ticker.
func (t linearTicks) Ticks(low, high float64) []plot.Tick {
	if !(high > low) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(t.want))))
	for _, s := range []float64{1, 2, 5, 10} {
		if (high-low)/(s*step) <= float64(t.want) {
			step *= s
			break
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: t.format(i * step)})
	}
	return ticks
}

// short writes a number with as few digits as it needs, at most four.
func short(v float64) string {
	if math.Abs(v) < 1e-12 {
		return "0"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// plainNumber is short without an exponent.
func plainNumber(v float64) string {
	f, err := strconv.ParseFloat(short(v), 64)
	if err != nil {
		return short(v)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func grid(vertical, horizontal bool) *plotter.Grid {
	g := &plotter.Grid{}
	line := draw.LineStyle{Color: rule, Width: vg.Points(0.7)}
	if vertical {
		g.Vertical = line
	}
	if horizontal {
		g.Horizontal = line
	}
	return g
}

// drawn lets a function be a plot.Plotter.
type drawn func(c draw.Canvas, p *plot.Plot)

// Plot implements plot.Plotter.
func (d drawn) Plot(c draw.Canvas, p *plot.Plot) { d(c, p) }
