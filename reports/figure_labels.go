package reports

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// mark is a disc on the canvas with the ends of its cross.
type mark struct {
	at                       vg.Point
	radius                   vg.Length
	left, right, bottom, top vg.Length
}

// boxes are what a label should not cover.
func (m mark) boxes() []vg.Rectangle {
	box := func(x0, y0, x1, y1 vg.Length) vg.Rectangle {
		return vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}
	}
	return []vg.Rectangle{
		box(m.at.X-m.radius, m.at.Y-m.radius, m.at.X+m.radius, m.at.Y+m.radius),
		box(m.left, m.at.Y-1.5, m.right, m.at.Y+1.5),
		box(m.at.X-1.5, m.bottom, m.at.X+1.5, m.top),
	}
}

// drawLabels puts each name where it overlaps least with discs, crosses and the
// names before it: beside the disc, or farther away with a line.
func drawLabels(c draw.Canvas, places []place, marks []mark) {
	var taken []vg.Rectangle
	for _, m := range marks {
		taken = append(taken, m.boxes()...)
	}
	for i, p := range places {
		style := label(9, ink)
		if p.dominated || p.name == Oracle {
			style.Color = soft
		}
		best, cost := vg.Rectangle{}, math.Inf(1)
		for rank, box := range candidates(marks[i], style.Width(p.description), 11) {
			price := float64(rank)
			if !c.Contains(box.Min) || !c.Contains(box.Max) {
				price += 1e4
			}
			for _, other := range taken {
				price += 5 * overlap(box, other)
			}
			if price < cost {
				best, cost = box, price
			}
		}
		taken = append(taken, best)
		middle := vg.Point{X: best.Min.X, Y: (best.Min.Y + best.Max.Y) / 2}
		leader(c, marks[i], best)
		write(c, style, middle, p.description)
	}
}

// candidates are the boxes in which a label may stand, the best first.
func candidates(d mark, width, height vg.Length) []vg.Rectangle {
	var boxes []vg.Rectangle
	for _, far := range []vg.Length{2, 8, 18, 30, 44} {
		reach := d.radius + far
		for _, direction := range [][2]vg.Length{{0.7, 0.7}, {0.7, -0.7}, {-0.7, 0.7}, {-0.7, -0.7}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
			x, y := d.at.X+direction[0]*reach, d.at.Y+direction[1]*reach
			left := x - width/2 + direction[0]*width/2
			if direction[0] != 0 && direction[1] != 0 {
				left = x
				if direction[0] < 0 {
					left = x - width
				}
			}
			bottom := y - height/2 + direction[1]*height/2
			boxes = append(boxes, vg.Rectangle{Min: vg.Point{X: left, Y: bottom}, Max: vg.Point{X: left + width, Y: bottom + height}})
		}
	}
	return boxes
}

// overlap is the area that two boxes share, in square points.
func overlap(a, b vg.Rectangle) float64 {
	w := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X)
	h := min(a.Max.Y, b.Max.Y) - max(a.Min.Y, b.Min.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return float64(w * h)
}

// leader joins a label that stands away from its disc with it.
func leader(c draw.Canvas, d mark, box vg.Rectangle) {
	end := vg.Point{X: min(max(d.at.X, box.Min.X), box.Max.X), Y: min(max(d.at.Y, box.Min.Y), box.Max.Y)}
	dx, dy := end.X-d.at.X, end.Y-d.at.Y
	length := vg.Length(math.Hypot(float64(dx), float64(dy)))
	if length < d.radius+9 {
		return
	}
	start := vg.Point{X: d.at.X + dx*d.radius/length, Y: d.at.Y + dy*d.radius/length}
	c.StrokeLine2(draw.LineStyle{Color: faded, Width: 0.7}, start.X, start.Y, end.X, end.Y)
}
