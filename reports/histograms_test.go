package reports

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// intervals reads every histogram of a log.
func intervals(t *testing.T, log []byte) []*hdr.Histogram {
	t.Helper()
	in := hdr.NewHistogramLogReader(bytes.NewReader(log))
	var all []*hdr.Histogram
	for {
		h, err := in.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return all
		}
		all = append(all, h)
	}
}

func TestHlogReadsBack(t *testing.T) {
	points := fakePoints(t, 1, 3)
	r, err := New(points, Options{})
	if err != nil {
		t.Fatal(err)
	}
	policy := r.study.order[0]
	for _, m := range []Metric{ActiveMakespan, TPOT} {
		var log bytes.Buffer
		if err := writeHlog(&log, policy, m, r.study.points[policy]); err != nil {
			t.Fatal(err)
		}
		read := intervals(t, log.Bytes())
		if len(read) != 3 {
			t.Fatalf("%s: %d intervals, want one for each of 3 replications", m, len(read))
		}
		merged := newHistogram()
		for i, h := range read {
			want, err := r.study.points[policy][i].Latency[m].Histogram()
			if err != nil {
				t.Fatal(err)
			}
			if !h.Equals(want) {
				t.Errorf("%s: replication %d reads back as another histogram", m, i)
			}
			if dropped := merged.Merge(h); dropped != 0 {
				t.Errorf("%s: %d values dropped", m, dropped)
			}
		}
		pooled, err := r.study.pooled[0].Latency[m].Histogram()
		if err != nil {
			t.Fatal(err)
		}
		if !merged.Equals(pooled) {
			t.Errorf("%s: the log's intervals do not merge to the pooled histogram", m)
		}
	}
}

func TestHgrm(t *testing.T) {
	c := NewCollector()
	step := handStep()
	if err := c.Step(&step); err != nil {
		t.Fatal(err)
	}
	p := finish(t, c, Conditions{})
	var b strings.Builder
	if err := writeHgrm(&b, p.Latency[StepLatency]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Value\tPercentile\tTotalCount", "2000", "Total count    =            1"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestPointsReadBack(t *testing.T) {
	points := fakePoints(t, 2, 2)
	r, err := New(points, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := r.writePoints(&file); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	back, err := ReadPoints(strings.NewReader(text), "points.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(back, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := r.Summary.writeJSON(&first); err != nil {
		t.Fatal(err)
	}
	if err := again.Summary.writeJSON(&second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("points read back make another summary")
	}
	for want, spoiled := range map[string]string{
		"points.jsonl:2: a point":     strings.Replace(text, "\n{", "\n{,", 1),
		"active_makespan, is missing": `{"latency":[]}`,
		`unknown field "speed"`:       `{"speed":1}`,
	} {
		if _, err := ReadPoints(strings.NewReader(spoiled), "points.jsonl"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	wrong := *back[0]
	short := *wrong.Latency[TTFT]
	short.Count++
	wrong.Latency[TTFT] = &short
	if err := wrong.check(); err == nil || !strings.Contains(err.Error(), "are stated") {
		t.Errorf("a count that is not the histogram's: %v", err)
	}
}

func TestWriteFileIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := writeFile(path, func(w io.Writer) error { _, err := w.Write([]byte("old")); return err }); err != nil {
		t.Fatal(err)
	}
	err := writeFile(path, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<16)); err != nil {
			return err
		}
		return os.ErrInvalid
	})
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("the error is %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" || len(entries) != 1 {
		t.Errorf("a write that fails leaves %d files, the path holds %q, %v", len(entries), got, err)
	}
}
