package reports

import (
	"bytes"
	"flag"
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
