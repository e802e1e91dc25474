package reports

import (
	"bytes"
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// figure is one drawing of a report.
type figure struct {
	name, title, caption string
	height               vg.Length
	draw                 func(c draw.Canvas) error
}

// figureWidth is that of every figure, in points; pngDPI makes the PNG sharp
// on a dense screen.
const (
	figureWidth vg.Length = 660
	pngDPI                = 144
	margin      vg.Length = 10
)

// The colours: ink for what is read, soft for what is read second, rule for
// grid lines, faded for what is dominated or not significant. The page
// replaces the first three by its own, light or dark.
var (
	ink   = color.RGBA{0x1b, 0x1f, 0x24, 0xff}
	soft  = color.RGBA{0x5b, 0x64, 0x70, 0xff}
	rule  = color.RGBA{0xe2, 0xe5, 0xe9, 0xff}
	faded = color.RGBA{0xa3, 0xa9, 0xb1, 0xff}
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// The palette of Okabe and Ito (Color Universal Design, 2008), which colour
// blind readers can tell apart; its yellow is darkened to stand on white.
var (
	blue       = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	vermillion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	green      = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	purple     = color.RGBA{0xcc, 0x79, 0xa7, 0xff}
	sky        = color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	orange     = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	olive      = color.RGBA{0x8a, 0x83, 0x00, 0xff}
)

// policyStyle is the i-th policy's colour and dashes: the dashes change when
// the colours start over. The oracle is a dashed line of soft ink.
func policyStyle(i int, name string) draw.LineStyle {
	if name == Oracle {
		return draw.LineStyle{Color: soft, Width: 1.4, Dashes: []vg.Length{4, 3}}
	}
	colors := [...]color.RGBA{blue, vermillion, green, purple, sky, orange, olive}
	dashes := [...][]vg.Length{nil, {6, 2}, {2, 2}, {8, 2, 2, 2}}
	return draw.LineStyle{Color: colors[i%len(colors)], Width: 1.6, Dashes: dashes[i/len(colors)%len(dashes)]}
}

// label is a text style; size is in points.
func label(size vg.Length, c color.Color) text.Style {
	return text.Style{
		Color: c, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		XAlign: draw.XLeft, YAlign: draw.YCenter, Handler: text.Plain{Fonts: font.DefaultCache},
	}
}

// weightBold is WeightBold of golang.org/x/image/font.
const weightBold = 3

func bold(size vg.Length) text.Style {
	s := label(size, ink)
	s.Font.Weight = weightBold
	return s
}

// write draws a line of text, its x height centred on the point, as tick labels
// are.
func write(c draw.Canvas, style text.Style, at vg.Point, line string) {
	at.Y += style.FontExtents().Descent
	c.FillText(style, at, line)
}

// newPlot is an empty plot in the reports' style: no frame, soft ticks, a
// light grid.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		xalign, yalign := a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = label(8.5, soft)
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = xalign, yalign
		a.Label.TextStyle = label(9, soft)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		a.Label.Padding = 3
		a.LineStyle.Width = 0
		a.Tick.LineStyle.Width = 0
		a.Tick.Length = 3
		a.Padding = 3
	}
	p.X.LineStyle = draw.LineStyle{Color: faded, Width: 0.7}
	return p
}

// heading writes a panel's title and returns the canvas below it.
func heading(c draw.Canvas, title string) draw.Canvas {
	style := bold(9.5)
	style.YAlign = draw.YTop
	c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y}, title)
	return draw.Crop(c, 0, 0, 0, -18)
}

// columnsOf cuts a canvas into n columns of equal width.
func columnsOf(c draw.Canvas, n int, gap vg.Length) []draw.Canvas {
	width := (c.Max.X - c.Min.X - gap*vg.Length(n-1)) / vg.Length(n)
	out := make([]draw.Canvas, n)
	for i := range out {
		out[i] = c
		out[i].Min.X = c.Min.X + vg.Length(i)*(width+gap)
		out[i].Max.X = out[i].Min.X + width
	}
	return out
}

// widest is the width of the longest of the texts.
func widest(style text.Style, texts []string) vg.Length {
	var w vg.Length
	for _, t := range texts {
		w = max(w, style.Width(t))
	}
	return w
}

// writePNG draws the figure on white.
func (f *figure) writePNG(w io.Writer) error {
	c := vgimg.NewWith(vgimg.UseWH(figureWidth, f.height), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(paper))
	if err := f.paint(draw.New(c)); err != nil {
		return err
	}
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

// writeSVG draws the figure on white, to stand alone.
func (f *figure) writeSVG(w io.Writer) error {
	c := vgsvg.New(figureWidth, f.height)
	dc := draw.New(c)
	dc.SetColor(paper)
	dc.Fill(dc.Rectangle.Path())
	if err := f.paint(dc); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	_, err := io.WriteString(w, substituteFonts(b.String()))
	return err
}

func (f *figure) paint(c draw.Canvas) error {
	return f.draw(draw.Crop(c, margin, -margin, margin, -margin))
}

// substituteFonts names fonts of the same widths beside Liberation Sans, which
// few machines have.
func substituteFonts(svg string) string {
	return strings.ReplaceAll(svg, "font-family:Liberation Sans;", "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")
}

// inlineSVG is the figure for the page: without a background, as wide as its
// place, and with the page's colours.
func (f *figure) inlineSVG() (string, error) {
	c := vgsvg.New(figureWidth, f.height)
	if err := f.paint(draw.New(c)); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", err
	}
	svg := substituteFonts(b.String())
	start, body := strings.Index(svg, "viewBox"), strings.Index(svg, "<g ")
	viewBox := svg[start : start+strings.IndexByte(svg[start:], '\n')]
	return `<svg role="img" ` + viewBox + ">\n" + strings.NewReplacer(
		hex(ink), "var(--ink)", hex(soft), "var(--soft)", hex(rule), "var(--rule)",
	).Replace(svg[body:]), nil
}

// hex is a colour as vgsvg writes it.
func hex(c color.RGBA) string {
	const digits = "0123456789ABCDEF"
	b := []byte{'#'}
	for _, v := range []uint8{c.R, c.G, c.B} {
		b = append(b, digits[v>>4], digits[v&15])
	}
	return string(b)
}

// figures are those that the summary has something to show in.
func (r *Report) figures() ([]figure, error) {
	var all []figure
	for _, make := range []func() (*figure, error){
		r.distributionFigure, r.frontFigure, r.splitFigure, r.utilisationFigure, r.forestFigure,
	} {
		f, err := make()
		if err != nil {
			return nil, err
		}
		if f != nil {
			all = append(all, *f)
		}
	}
	return all, nil
}
