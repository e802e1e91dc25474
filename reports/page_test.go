package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := fakeReport(t).Summary.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.md", b.Bytes())
}

func TestJSON(t *testing.T) {
	points := []*Point{
		handPoint(t, "a", 0, 10, 10, 5), handPoint(t, "a", 1, 12, 10, 6),
		handPoint(t, Oracle, 0, 9, 10, 9), handPoint(t, Oracle, 1, 10, 10, 9),
	}
	var b bytes.Buffer
	if err := summarize(t, points, Options{}).writeJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.json", b.Bytes())
}

// The figures' digests stand for their bytes: a change is looked at, then
// taken over with -rewrite.
func TestFigureDigests(t *testing.T) {
	amd64Only(t)
	figures, err := fakeReport(t).figures()
	if err != nil {
		t.Fatal(err)
	}
	var digests bytes.Buffer
	for _, f := range figures {
		var svg bytes.Buffer
		if err := f.writeSVG(&svg); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&digests, "%x %s.svg\n", sha256.Sum256(svg.Bytes()), f.name)
		wellFormed(t, f.name, svg.String())
		var raster bytes.Buffer
		if err := f.writePNG(&raster); err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(&raster); err != nil {
			t.Errorf("%s.png: %v", f.name, err)
		}
	}
	golden(t, "figures.sha256", digests.Bytes())
}

// amd64Only skips where the compiler may fuse a product and a sum, which moves
// a coordinate's last digit.
func amd64Only(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the digests are of amd64's floating point")
	}
}

func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Errorf("%s is not well-formed XML: %v", name, err)
			return
		}
	}
}

func pageOf(t *testing.T, r *Report) string {
	t.Helper()
	figures, err := r.figures()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.writeHTML(&b, figures); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	text := pageOf(t, fakeReport(t))
	if runtime.GOARCH == "amd64" {
		golden(t, "report.html.sha256", fmt.Appendf(nil, "%x\n", sha256.Sum256([]byte(text))))
	}
	for _, want := range []string{
		"<strong>Valid.</strong>", "prefers-color-scheme: dark", "@media print", "Dollars per resolved task",
		"no winner: static-central and cascade cannot be told apart", "common random numbers", "quality model",
		"policy keyword", "dkeyword", "77e1", "poisson:0.5",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(text, "<svg "); n != 5 {
		t.Errorf("%d figures", n)
	}
	for _, fetched := range regexp.MustCompile(`(?i)(<script|<link|<img|<iframe|\bsrc=|\bhref=|@import|url\()`).FindAllString(text, -1) {
		t.Errorf("the page would fetch or run something: %s", fetched)
	}
	for _, fixed := range []string{hex(ink), hex(soft), hex(rule)} {
		if strings.Contains(text, fixed) {
			t.Errorf("a figure's %s does not follow the page's colours", fixed)
		}
	}
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	points := fakePoints(t, 2, 1)
	points[0].Run.Valid, points[0].Run.Invalid = false, []string{"no steady state"}
	points[1].Run.Partial = true
	r, err := New(points, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := pageOf(t, r)
	for _, want := range []string{"Not valid.", "no steady state", "Partial: the run was stopped.", "One replication gives no intervals"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "Paired differences to") {
		t.Error("one replication has no paired differences to draw")
	}
	plain := textOf(t, r.Summary)
	for _, want := range []string{"PARTIAL: the run was stopped; NOT VALID:", "no steady state", "one replication gives no intervals"} {
		if !strings.Contains(plain, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
}

// Names come from users' files.
func TestNamesAreNotMarkup(t *testing.T) {
	const name = `<b>|x*"`
	a, b := handPoint(t, name, 0, 1, 5, 2), handPoint(t, "plain", 0, 2, 5, 2)
	r, err := New([]*Point{a, b}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := pageOf(t, r); strings.Contains(text, "<b>") {
		t.Error("a policy's name acts as markup in the page")
	}
	var md strings.Builder
	if err := r.Summary.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	if text := md.String(); !strings.Contains(text, `&lt;b>\|x\*"`) {
		t.Errorf("a policy's name acts as markup in\n%s", text)
	}
	if got := fileName(`a/../b c`); got != "a_.._b_c" {
		t.Errorf("a policy's folder is %q", got)
	}
}
