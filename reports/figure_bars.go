package reports

import (
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// rowHeight is that of a policy's row in figures that have one.
const rowHeight vg.Length = 22

// rows is a plot with a row for each name, the first on top; names are written
// where wide enough.
func rows(names []string, written bool) *plot.Plot {
	p := newPlot()
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	var ticks []plot.Tick
	for i, name := range names {
		if !written {
			name = ""
		}
		ticks = append(ticks, plot.Tick{Value: float64(len(names) - 1 - i), Label: name})
	}
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Label.Color = ink
	p.Y.Tick.Label.Font.Size = 9
	p.Y.Tick.Length = 0
	p.Y.LineStyle.Width = 0
	return p
}

// bar fills a rectangle of a row.
func bar(c draw.Canvas, p *plot.Plot, row int, from, to float64, fill color.Color) {
	trX, trY := p.Transforms(&c)
	y := trY(p.Y.Max - 0.5 - float64(row))
	half := rowHeight * 0.33
	c.FillPolygon(fill, []vg.Point{{X: trX(from), Y: y - half}, {X: trX(to), Y: y - half}, {X: trX(to), Y: y + half}, {X: trX(from), Y: y + half}})
}

// partColor is a cause's colour in the split.
func partColor(name string) color.RGBA {
	switch name {
	case "queue":
		return vermillion
	case "network":
		return blue
	case "prefill":
		return sky
	case "decode":
		return green
	case "tool":
		return orange
	case "state":
		return purple
	case "backoff":
		return olive
	}
	return faded
}

// splitFigure stacks the parts of the mean active makespan.
func (r *Report) splitFigure() (*figure, error) {
	parts := slices.DeleteFunc(splitParts(), func(p part) bool { return p.name == "think" || !r.shows("split_"+p.name) })
	if len(parts) == 0 {
		return nil, nil
	}
	totals := make([]float64, len(r.Summary.Policies))
	for i, p := range r.Summary.Policies {
		for _, part := range parts {
			totals[i] += orZero(p.Measures["split_"+part.name].Mean)
		}
	}
	s := scaleFor(Milliseconds, totals)
	return &figure{
		name: "makespan-split", title: "Where the time goes", height: 74 + rowHeight*vg.Length(len(totals)),
		caption: "Mean active makespan of a session by what it waits for on its critical path; human think time is left out.",
		draw: func(c draw.Canvas) error {
			drawKeys(&c, parts)
			p := rows(r.study.order, true)
			p.X.Min, p.X.Max = 0, slices.Max(totals)*s.factor*1.08
			p.X.Tick.Marker = linearTicks{7, plainNumber}
			p.X.Label.Text = "mean per session (" + s.suffix + ")"
			p.Add(grid(true, false), drawn(func(c draw.Canvas, p *plot.Plot) {
				trX, trY := p.Transforms(&c)
				for i, policy := range r.Summary.Policies {
					at := 0.0
					for _, part := range parts {
						to := at + orZero(policy.Measures["split_"+part.name].Mean)*s.factor
						bar(c, p, i, at, to, partColor(part.name))
						at = to
					}
					write(c, label(8.5, soft), vg.Point{X: trX(at) + 4, Y: trY(p.Y.Max - 0.5 - float64(i))}, s.text(totals[i]))
				}
			}))
			p.Draw(c)
			return nil
		},
	}, nil
}

// shows says that a measure is more than zero for some policy.
func (r *Report) shows(measure string) bool {
	return slices.ContainsFunc(r.Summary.Policies, func(p Policy) bool { return orZero(p.Measures[measure].Mean) > 0 })
}

func orZero(n Number) float64 {
	if !n.Defined() {
		return 0
	}
	return float64(n)
}

// drawKeys writes the parts' colours and names in a line at the top, and cuts
// it off the canvas.
func drawKeys(c *draw.Canvas, parts []part) {
	x, y := c.Min.X, c.Max.Y-5
	for _, p := range parts {
		c.FillPolygon(partColor(p.name), []vg.Point{{X: x, Y: y - 4.5}, {X: x + 9, Y: y - 4.5}, {X: x + 9, Y: y + 4.5}, {X: x, Y: y + 4.5}})
		write(*c, label(9, ink), vg.Point{X: x + 13, Y: y}, p.title)
		x += 13 + label(9, ink).Width(p.title) + 16
	}
	*c = draw.Crop(*c, 0, 0, 0, -20)
}

// utilisationFigure shows how busy each tier was under each policy.
func (r *Report) utilisationFigure() (*figure, error) {
	var tiers []string
	for _, m := range r.Summary.Measures {
		if tier, ok := strings.CutPrefix(m.Name, "utilisation_"); ok && r.shows(m.Name) {
			tiers = append(tiers, tier)
		}
	}
	if len(tiers) == 0 {
		return nil, nil
	}
	return &figure{
		name: "tier-utilisation", title: "How busy each tier is", height: 66 + rowHeight*vg.Length(len(r.study.order)),
		caption: "Slot-time at work as a share of the slot-time that there is, over the measured window.",
		draw: func(c draw.Canvas) error {
			names := widest(label(9, ink), r.study.order) + 8
			panels := columnsOf(draw.Crop(c, names, 0, 0, 0), len(tiers), 16)
			for i, tier := range tiers {
				p := rows(r.study.order, i == 0)
				p.X.Min, p.X.Max = 0, 1
				p.X.Tick.Marker = linearTicks{2, percentTick}
				p.Add(grid(true, false), r.utilisationBars(tier))
				panel := heading(panels[i], tier)
				if i == 0 {
					panel.Min.X -= names
				}
				p.Draw(panel)
			}
			return nil
		},
	}, nil
}

func (r *Report) utilisationBars(tier string) plot.Plotter {
	return drawn(func(c draw.Canvas, p *plot.Plot) {
		trX, trY := p.Transforms(&c)
		for i, policy := range r.Summary.Policies {
			u := policy.Measures["utilisation_"+tier].Mean
			if !u.Defined() {
				continue
			}
			fill := blue
			if u > 0.8 {
				fill = vermillion
			}
			bar(c, p, i, 0, min(1, float64(u)), fill)
			style, x := label(8.5, soft), trX(float64(u))+4
			if u > 0.6 {
				style, x = label(8.5, paper), trX(float64(u))-4
				style.XAlign = draw.XRight
			}
			write(c, style, vg.Point{X: x, Y: trY(p.Y.Max - 0.5 - float64(i))}, percent(float64(u)))
		}
	})
}
