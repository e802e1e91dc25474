package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOutDirAppearsWhole(t *testing.T) {
	t.Chdir(t.TempDir())
	d := writeRun(t, "out/a", false, "one")
	if _, err := os.Stat("out/a"); err == nil {
		t.Fatal("the folder is there before it is committed")
	}
	if err := d.commit(false); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, "out", "a")
	wantFiles(t, "out/a", runFile, "summary.md")
	if info, err := os.Stat("out/a"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder's mode is %v, want 0755 (%v)", info.Mode(), err)
	}
}

func TestOutDirReplacesOnlyRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeRun(t, "a", false, "one").commit(false); err != nil {
		t.Fatal(err)
	}
	if _, err := newOutDir("a", false, nil); exitCode(err) != ExitUsage || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a run without --force: %v", err)
	}
	if err := writeRun(t, "a", true, "two").commit(true); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile("a/summary.md"); string(b) != "two" {
		t.Errorf("the folder holds %q, want the second run", b)
	}
	writeFile(t, "b/notes.txt", "mine")
	writeFile(t, "c/"+runFile, `{"schema": "another/v1"}`)
	writeFile(t, "file", "x")
	for _, dir := range []string{"b", "c", "file", ".", ".."} {
		if _, err := newOutDir(dir, true, nil); exitCode(err) != ExitUsage {
			t.Errorf("--out %s --force: %v, want a refusal", dir, err)
		}
	}
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeRun(t, "empty", false, "three").commit(false); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	wantFiles(t, ".", "a", "b", "c", "empty", "file")
}

func TestOutDirDropLeavesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeRun(t, "a", false, "one").commit(false); err != nil {
		t.Fatal(err)
	}
	d := writeRun(t, "a", true, "two")
	d.drop()
	d.drop()
	wantFiles(t, ".", "a")
	if b, _ := os.ReadFile("a/summary.md"); string(b) != "one" {
		t.Errorf("the folder holds %q after a dropped run, want the first", b)
	}
}

// A run that ends second finds the place taken: neither result is lost.
func TestOutDirTakenMeanwhile(t *testing.T) {
	t.Chdir(t.TempDir())
	first, second := writeRun(t, "a", false, "one"), writeRun(t, "a", false, "two")
	if err := first.commit(false); err != nil {
		t.Fatal(err)
	}
	kept := second.temp
	err := second.commit(false)
	if exitCode(err) != ExitUsage || !strings.Contains(err.Error(), kept) {
		t.Errorf("%v, want a refusal that names %s", err, kept)
	}
	second.drop()
	for dir, want := range map[string]string{"a": "one", kept: "two"} {
		if b, _ := os.ReadFile(filepath.Join(dir, "summary.md")); string(b) != want {
			t.Errorf("%s holds %q, want %q", dir, b, want)
		}
	}
}

// What somebody put into a run's folder is not removed with it.
func TestOutDirKeepsOthersFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeRun(t, "a", false, "one").commit(false); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "a/notes.txt", "mine")
	if _, err := newOutDir("a", true, nil); exitCode(err) != ExitUsage || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("--force over notes.txt: %v, want a refusal that names it", err)
	}
}

// A report does not replace the run that it reads.
func TestReportKeepsItsRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	run := "replay embedded --topology tiny --arrivals closed:1 --warm-up 0s -n 1 -r 1 --out a"
	if code, _, stderr := command(t, t.Context(), run); code != ExitOK {
		t.Fatal(stderr)
	}
	for _, source := range []string{"a", "a/points.jsonl", "a/records/static-central.r0.jsonl"} {
		if code, _, _ := command(t, t.Context(), "report "+source+" --out a --force"); code != ExitUsage {
			t.Errorf("report %s --out a --force: exit %d, want %d", source, code, ExitUsage)
		}
	}
	wantFiles(t, "a/records", "static-central.r0.jsonl")
}

func writeRun(t *testing.T, dir string, force bool, text string) *outDir {
	t.Helper()
	d, err := newOutDir(dir, force, []string{"replay"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.path("summary.md"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return d
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, filepath.Base(e.Name()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", dir, got, want)
	}
}
