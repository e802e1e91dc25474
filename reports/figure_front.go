package reports

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// place is a policy on the plane of cost and latency.
type place struct {
	name        string
	x, y        Estimate // dollars per resolved task; milliseconds
	quality     Estimate
	dominated   bool
	color       color.Color
	radius      vg.Length
	description string
}

// frontFigure shows what each policy buys: cost against latency, with quality
// as the size. What another policy beats or equals in all three is faded.
func (r *Report) frontFigure() (*figure, error) {
	var places []place
	for i, p := range r.Summary.Policies {
		at := place{
			name: p.Name, x: p.Measures["usd_per_resolved"], y: p.Measures["active_makespan_p50"],
			quality: p.Measures["resolve_rate"], color: policyStyle(i, p.Name).Color,
		}
		if !at.x.Mean.Defined() || !at.y.Mean.Defined() || !at.quality.Mean.Defined() {
			continue
		}
		at.radius = 3.5 + 7*vg.Length(math.Sqrt(float64(at.quality.Mean)))
		at.description = at.name + "  " + scale{factor: 100}.text(float64(at.quality.Mean)) + " %"
		places = append(places, at)
	}
	if len(places) < 2 {
		return nil, nil
	}
	markDominated(places)
	return &figure{
		name: "cost-latency-quality", title: "Cost, latency and quality", height: 340,
		caption: "Median active makespan against dollars per resolved task; lower left is better. The disc's size and the percentage are the share of resolved tasks" + map[bool]string{true: ", an estimate"}[r.Summary.Estimated] + "; crosses are 95 % intervals. Grey: another policy is at least as good in all three. The oracle, a ring, takes no part.",
		draw: func(c draw.Canvas) error {
			drawFront(c, "median active makespan (%s); disc and percentage: "+r.Summary.quality(), places)
			return nil
		},
	}, nil
}

func markDominated(places []place) {
	for i := range places {
		a := &places[i]
		for _, b := range places {
			if a.name == Oracle || b.name == Oracle || a.name == b.name {
				continue
			}
			asGood := b.x.Mean <= a.x.Mean && b.y.Mean <= a.y.Mean && b.quality.Mean >= a.quality.Mean
			better := b.x.Mean < a.x.Mean || b.y.Mean < a.y.Mean || b.quality.Mean > a.quality.Mean
			if asGood && better {
				a.dominated, a.color = true, faded
			}
		}
	}
}

// span is the range of an axis with its scale.
type span struct {
	low, high float64
	log       bool
}

// spanOf holds all means and intervals with room for labels; nothing on these
// axes is ever below zero.
func spanOf(estimates []Estimate, factor float64) span {
	s := span{low: math.Inf(1), high: math.Inf(-1)}
	for _, e := range estimates {
		half := orZero(e.Half)
		s.low = min(s.low, (float64(e.Mean)-half)*factor)
		s.high = max(s.high, (float64(e.Mean)+half)*factor)
	}
	if s.low > 0 && s.high > 8*s.low {
		s.log = true
		room := math.Pow(s.high/s.low, 0.12)
		s.low, s.high = s.low/room, s.high*room
		return s
	}
	room := 0.14 * (s.high - s.low)
	if room == 0 {
		room = max(math.Abs(s.high)*0.2, 1e-9)
	}
	s.low, s.high = max(0, s.low-room), s.high+room
	return s
}

func (s span) set(a *plot.Axis, format func(float64) string) {
	a.Min, a.Max = s.low, s.high
	a.Tick.Marker = linearTicks{6, format}
	if s.log {
		a.Scale, a.Tick.Marker = plot.LogScale{}, logTicks{format}
	}
}

func drawFront(c draw.Canvas, title string, places []place) {
	var xs, ys []Estimate
	for _, p := range places {
		xs, ys = append(xs, p.x), append(ys, p.y)
	}
	unit := scaleFor(Milliseconds, means(ys))
	p := newPlot()
	spanOf(xs, 1).set(&p.X, func(v float64) string { return "$" + plainNumber(v) })
	spanOf(ys, unit.factor).set(&p.Y, plainNumber)
	p.X.Label.Text = "dollars per resolved task"
	p.Add(grid(true, true), drawn(func(c draw.Canvas, p *plot.Plot) {
		trX, trY := p.Transforms(&c)
		var marks []mark
		for _, a := range places {
			x, halfX := float64(a.x.Mean), orZero(a.x.Half)
			y, halfY := float64(a.y.Mean)*unit.factor, orZero(a.y.Half)*unit.factor
			m := mark{
				at: vg.Point{X: trX(x), Y: trY(y)}, radius: a.radius,
				left: trX(max(p.X.Min, x-halfX)), right: trX(x + halfX),
				bottom: trY(max(p.Y.Min, y-halfY)), top: trY(y + halfY),
			}
			line := draw.LineStyle{Color: a.color, Width: 1}
			c.StrokeLine2(line, m.left, m.at.Y, m.right, m.at.Y)
			c.StrokeLine2(line, m.at.X, m.bottom, m.at.X, m.top)
			marks = append(marks, m)
		}
		for i, a := range places {
			style := draw.GlyphStyle{Color: translucent(a.color), Radius: a.radius, Shape: draw.CircleGlyph{}}
			if a.name == Oracle {
				style = draw.GlyphStyle{Color: a.color, Radius: a.radius, Shape: draw.RingGlyph{}}
			}
			c.DrawGlyphNoClip(style, marks[i].at)
		}
		drawLabels(c, places, marks)
	}))
	p.Draw(heading(c, fmt.Sprintf(title, unit.suffix)))
}

// translucent lets discs that overlap be told apart.
func translucent(c color.Color) color.Color {
	r, g, b, _ := c.RGBA()
	return color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 0xb4}
}
