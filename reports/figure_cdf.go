package reports

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// curve is a pooled distribution function: at value, above of all values are
// greater.
type curve struct {
	value []float64 // milliseconds, ascending
	above []float64 // from 1 towards 0
}

// curveOf thins a distribution to the points that a figure can show: a point
// for each hundredth of the axis of shares and of its logarithm.
func curveOf(d *Distribution) (curve, error) {
	h, err := d.Histogram()
	if err != nil {
		return curve{}, err
	}
	c := curve{value: []float64{float64(h.Min()) / 1000}, above: []float64{1}}
	seen := int64(0)
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		seen += bar.Count
		above := float64(d.Count-seen) / float64(d.Count)
		last := c.above[len(c.above)-1]
		if above > 0 && last-above < 0.005 && above > last*0.97 {
			continue
		}
		c.value, c.above = append(c.value, float64(bar.To)/1000), append(c.above, above)
	}
	return c, nil
}

// distributionFigure shows how the active makespan is distributed, its body on
// the left and its tail, logarithmic, on the right.
func (r *Report) distributionFigure() (*figure, error) {
	var curves []curve
	var counts []int64
	low, high, most := math.Inf(1), 0.0, int64(0)
	for _, p := range r.study.pooled {
		d := p.Latency[ActiveMakespan]
		c, err := curveOf(d)
		if err != nil {
			return nil, err
		}
		if d.Count > 0 {
			low, high, most = min(low, c.value[0]), max(high, c.value[len(c.value)-1]), max(most, d.Count)
		}
		curves, counts = append(curves, c), append(counts, d.Count)
	}
	if most == 0 {
		return nil, nil
	}
	s := scaleFor(Milliseconds, []float64{high})
	low = max(low, high/1000, 0.001) * s.factor
	high *= s.factor
	if high <= low {
		high = 2 * low
	}
	return &figure{
		name: "active-makespan-cdf", title: "Active makespan",
		height:  max(270, 46+keyHeight*vg.Length(len(r.study.order))),
		caption: "How long sessions take without human think time, all replications pooled. Left: share of sessions that are done by then. Right: share that take longer, on a logarithmic scale, which shows the tail.",
		draw: func(c draw.Canvas) error {
			keys := r.legendColumn()
			panels := columnsOf(draw.Crop(c, 0, -keys.width-14, 0, 0), 2, 20)
			body, tail := newPlot(), newPlot()
			for _, p := range []*plot.Plot{body, tail} {
				p.X.Label.Text = "active makespan (" + s.suffix + ")"
				p.X.Min, p.X.Max, p.X.Scale, p.X.Tick.Marker = low, high, plot.LogScale{}, logTicks{plainNumber}
				p.Add(grid(true, true))
			}
			body.Y.Min, body.Y.Max, body.Y.Tick.Marker = 0, 1, linearTicks{5, percentTick}
			// The slowest session of all is the last step, from 1/n to the edge.
			tail.Y.Min, tail.Y.Max, tail.Y.Scale = 0.6/float64(most), 1, plot.LogScale{}
			tail.Y.Tick.Marker = powerTicks{}
			for i, curve := range curves {
				style := policyStyle(i, r.study.order[i])
				if counts[i] > 0 {
					body.Add(curve.line(style, s.factor, func(above float64) float64 { return 1 - above }))
					tail.Add(curve.line(style, s.factor, func(above float64) float64 { return max(above, tail.Y.Min) }))
				}
			}
			body.Draw(heading(panels[0], "sessions done"))
			tail.Draw(heading(panels[1], "sessions that take longer"))
			keys.draw(c)
			return nil
		},
	}, nil
}

// line draws the curve's steps, on an axis that y maps the share above to.
func (c curve) line(style draw.LineStyle, factor float64, y func(above float64) float64) plot.Plotter {
	return drawn(func(canvas draw.Canvas, p *plot.Plot) {
		trX, trY := p.Transforms(&canvas)
		var points []vg.Point
		before := 1.0
		for i, v := range c.value {
			x := trX(max(v*factor, p.X.Min))
			points = append(points, vg.Point{X: x, Y: trY(y(before))}, vg.Point{X: x, Y: trY(y(c.above[i]))})
			before = c.above[i]
		}
		canvas.StrokeLines(style, points)
	})
}

func percentTick(v float64) string {
	if v == 0 {
		return "0"
	}
	return plainNumber(100*v) + " %"
}

// powerTicks are shares in powers of ten.
type powerTicks struct{}

// Ticks implements plot.Ticker.
func (powerTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for v := high; v >= low*(1-1e-9) && len(ticks) < 9; v /= 10 {
		ticks = append(ticks, plot.Tick{Value: v, Label: percentTick(v)})
	}
	return ticks
}

// legendColumn is the policies' names with their lines, to stand at the right
// of a figure.
type legendColumn struct {
	width  vg.Length
	styles []draw.LineStyle
	names  []string
}

const keyLength, keyHeight vg.Length = 22, 16

func (r *Report) legendColumn() legendColumn {
	l := legendColumn{names: r.study.order}
	for i, name := range l.names {
		l.styles = append(l.styles, policyStyle(i, name))
	}
	l.width = keyLength + 5 + widest(label(9, ink), l.names)
	return l
}

func (l legendColumn) draw(c draw.Canvas) {
	x, y := c.Max.X-l.width, c.Max.Y-26
	for i, name := range l.names {
		c.StrokeLine2(l.styles[i], x, y, x+keyLength, y)
		write(c, label(9, ink), vg.Point{X: x + keyLength + 5, Y: y}, name)
		y -= keyHeight
	}
}
