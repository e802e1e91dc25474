package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write writes the report into a folder, which it makes if need be:
// summary.json, summary.txt, summary.md, report.html, points.jsonl, figures/
// and histograms/. Each file appears whole or not at all.
func (r *Report) Write(dir string) error {
	figures, err := r.figures()
	if err != nil {
		return err
	}
	files := []file{
		{"summary.json", r.Summary.writeJSON},
		{"summary.txt", r.Summary.WriteText},
		{"summary.md", r.Summary.WriteMarkdown},
		{"points.jsonl", r.writePoints},
		{"report.html", func(w io.Writer) error { return r.writeHTML(w, figures) }},
	}
	for _, f := range figures {
		files = append(files, file{filepath.Join("figures", f.name+".svg"), f.writeSVG}, file{filepath.Join("figures", f.name+".png"), f.writePNG})
	}
	files = append(files, r.histogramFiles()...)
	for _, f := range files {
		if err := writeFile(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return nil
}

// file is what one name holds.
type file struct {
	name  string
	write func(io.Writer) error
}

// writeFile writes to a temporary file beside the path and renames it.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	out := bufio.NewWriter(f)
	if err := write(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (s *Summary) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// writePoints writes one point a line: what a later report, or one over
// several machines' replications, is made from.
func (r *Report) writePoints(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, name := range r.study.order {
		for _, p := range r.study.points[name] {
			if err := e.Encode(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadPoints reads a points.jsonl; name stands for it in errors.
func ReadPoints(r io.Reader, name string) ([]*Point, error) {
	var points []*Point
	in := bufio.NewReader(r)
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if len(bytes.TrimSpace(text)) > 0 {
			var p Point
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if bad := d.Decode(&p); bad != nil {
				return nil, fmt.Errorf("%s:%d: a point: %w", name, line, bad)
			}
			if bad := p.check(); bad != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, line, bad)
			}
			points = append(points, &p)
		}
		if err == io.EOF {
			return points, nil
		}
	}
}

// check finds what would break the sums.
func (p *Point) check() error {
	for m, d := range p.Latency {
		if d == nil {
			return fmt.Errorf("a point of policy %q: latency[%d], %s, is missing", p.Run.Policy, m, Metric(m))
		}
		if _, err := d.Histogram(); err != nil {
			return fmt.Errorf("a point of policy %q: %s: %w", p.Run.Policy, Metric(m), err)
		}
	}
	return nil
}
