package reports

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -rewrite makes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is now (go test -rewrite, if that is right)\n%s", path, got)
	}
}

// fakeReport is eight policies in five replications with two objectives.
func fakeReport(t *testing.T) *Report {
	t.Helper()
	objectives := []Objective{
		{Metric: ActiveMakespan, Percentile: 90, Limit: 80 * time.Second},
		{Metric: StepLatency, Limit: 5 * time.Second},
	}
	var names []string
	for _, p := range fakePolicies {
		names = append(names, p.name)
	}
	r, err := New(fakePoints(t, 8, 5, objectives...), Options{Policies: names})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func textOf(t *testing.T, s *Summary) string {
	t.Helper()
	var b strings.Builder
	if err := s.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	got := textOf(t, fakeReport(t).Summary)
	golden(t, "summary.txt", []byte(got))
	for _, line := range strings.Split(got, "\n") {
		if n := utf8.RuneCountInString(line); n > 110 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// files reads everything under a folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Two writes of the same points, given in another order, are the same bytes.
func TestWriteIsDeterministic(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	// For looking at what was drawn.
	if keep := os.Getenv("TIERLAB_KEEP_REPORT"); keep != "" {
		a = keep
	}
	objective := Objective{Metric: ActiveMakespan, Percentile: 90, Limit: 80 * time.Second}
	points := fakePoints(t, 3, 3, objective)
	for _, dir := range []string{a, b} {
		r, err := New(points, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Write(dir); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(points)
	}
	first, second := files(t, a), files(t, b)
	for name, bytesOf := range first {
		if !bytes.Equal(bytesOf, second[name]) {
			t.Errorf("%s differs", name)
		}
		if strings.HasPrefix(filepath.Base(name), ".") {
			t.Errorf("%s is left behind", name)
		}
	}
	for _, name := range []string{
		"summary.json", "summary.txt", "summary.md", "report.html", "points.jsonl",
		"figures/active-makespan-cdf.svg", "figures/active-makespan-cdf.png", "figures/cost-latency-quality.svg",
		"figures/makespan-split.svg", "figures/tier-utilisation.svg", "figures/paired-differences.svg",
		"histograms/oracle/active_makespan.hgrm", "histograms/oracle/active_makespan.hlog",
	} {
		if len(first[name]) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	if len(first) != len(second) {
		t.Errorf("%d files, then %d", len(first), len(second))
	}
}

// A report of anything that a run can end as is written, and says so.
func TestOddRuns(t *testing.T) {
	long := handPoint(t, "slow", 0, 100_000, 3, 0)
	var many []*Point
	for i := range 30 {
		for r := range 2 {
			name := fmt.Sprintf("a-policy-with-a-very-long-name-%d", i)
			many = append(many, handPoint(t, name, r, float64(i+1), 4, i%4))
		}
	}
	for name, c := range map[string]struct {
		points []*Point
		text   string
	}{
		"nothing measured":      {[]*Point{handPoint(t, "a", 0, 1, 0, 0)}, "no winner: no policy can be judged"},
		"nothing resolved":      {[]*Point{handPoint(t, "a", 0, 1, 5, 0), handPoint(t, "a", 1, 1, 5, 0)}, "without a: not defined in 2 of 2 replications"},
		"one policy":            {[]*Point{handPoint(t, "a", 0, 1, 5, 1), handPoint(t, "a", 1, 2, 5, 1)}, "no winner: a has nobody to be compared with"},
		"only the oracle":       {[]*Point{handPoint(t, Oracle, 0, 1, 5, 5)}, "no winner: no policy can be judged"},
		"longer than a day":     {[]*Point{long}, "note: slow: 6 values longer than a day count as a day"},
		"sessions of no time":   {[]*Point{handPoint(t, "a", 0, 0, 5, 5), handPoint(t, "b", 0, 0, 5, 5)}, "one replication"},
		"many, with long names": {many, "a-policy-with-a-very-long-name-29"},
	} {
		r, err := New(c.points, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		dir := t.TempDir()
		if keep := os.Getenv("TIERLAB_KEEP_REPORT"); keep != "" {
			dir = filepath.Join(keep, strings.ReplaceAll(name, " ", "-"))
		}
		if err := r.Write(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := textOf(t, r.Summary); !strings.Contains(got, c.text) {
			t.Errorf("%s: the text lacks %q:\n%s", name, c.text, got)
		}
		if got := string(files(t, dir)["summary.json"]); strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
			t.Errorf("%s: summary.json holds what JSON has no word for", name)
		}
	}
}
