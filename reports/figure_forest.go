package reports

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// forestGoals is how many goals fit side by side.
const forestGoals = 4

// forestFigure shows, for the first goals, how each policy differs from the
// baseline in the same replications.
func (r *Report) forestFigure() (*figure, error) {
	s := r.Summary
	var names []string
	for _, p := range s.Policies {
		if p.Name != s.Baseline {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 || s.Replications < 2 {
		return nil, nil
	}
	goals := slices.DeleteFunc(slices.Clone(s.Goals), func(v Verdict) bool { return !s.drawable(v.Goal, names) })
	if len(goals) == 0 {
		return nil, nil
	}
	goals = goals[:min(forestGoals, len(goals))]
	return &figure{
		name: "paired-differences", title: "Paired differences to " + s.Baseline, height: 66 + rowHeight*vg.Length(len(names)),
		caption: "How each policy differs from " + s.Baseline + " in the same replications, relative to it, with 95 % intervals. Blue: better, red: worse (5 % after Holm's correction); grey: cannot be told apart, or takes no part in the test.",
		draw: func(c draw.Canvas) error {
			room := widest(label(9, ink), names) + 8
			panels := columnsOf(draw.Crop(c, room, 0, 0, 0), len(goals), 14)
			for i, goal := range goals {
				m, _ := s.measure(goal.Goal)
				panel := heading(panels[i], m.Title)
				if i == 0 {
					panel.Min.X -= room
				}
				s.forestPanel(goal, names, i == 0).Draw(panel)
			}
			return nil
		},
	}, nil
}

// drawable says that some policy has a difference to the baseline.
func (s *Summary) drawable(goal string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		d, ok := s.Pair(goal, name, s.Baseline)
		return ok && d.Relative.Defined()
	})
}

// forestPanel is one goal's column: a row for each policy, relative
// differences along the axis.
func (s *Summary) forestPanel(goal Verdict, names []string, written bool) *plot.Plot {
	pairs := make([]Pair, len(names))
	low, high := -0.02, 0.02
	for i, name := range names {
		pairs[i], _ = s.Pair(goal.Goal, name, s.Baseline)
		if d := pairs[i]; d.Relative.Defined() {
			half := orZero(d.RelativeHalf)
			low, high = min(low, float64(d.Relative)-half), max(high, float64(d.Relative)+half)
		}
	}
	p := rows(names, written)
	room := 0.07 * (high - low)
	p.X.Min, p.X.Max = low-room, high+room
	ticks := 4
	if high-low > 2 {
		ticks = 2 // their labels are longer
	}
	p.X.Tick.Marker = linearTicks{ticks, func(v float64) string {
		if math.Abs(v) < 1e-9 {
			return "0"
		}
		return scale{factor: 100}.signed(v) + " %"
	}}
	p.Add(grid(true, false), drawn(func(c draw.Canvas, p *plot.Plot) {
		trX, trY := p.Transforms(&c)
		c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.8}, trX(0), c.Min.Y, trX(0), c.Max.Y)
		for i, d := range pairs {
			y := trY(p.Y.Max - 0.5 - float64(i))
			if !d.Relative.Defined() {
				style := label(8.5, soft)
				style.XAlign = draw.XCenter
				write(c, style, vg.Point{X: c.Center().X, Y: y}, "not defined")
				continue
			}
			fill, half := goal.judged(d), orZero(d.RelativeHalf)
			c.StrokeLine2(draw.LineStyle{Color: fill, Width: 1.6}, trX(float64(d.Relative)-half), y, trX(float64(d.Relative)+half), y)
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: fill, Radius: 3.2, Shape: draw.CircleGlyph{}}, vg.Point{X: trX(float64(d.Relative)), Y: y})
		}
	}))
	return p
}

// judged is the colour of a difference.
func (v Verdict) judged(d Pair) color.Color {
	if !d.Holm.Defined() || float64(d.Holm) >= alpha {
		return faded
	}
	if (d.Mean < 0) == (v.Better == Lower) {
		return blue
	}
	return vermillion
}
