package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tierlab/reports"
)

// smallReplay is quick and still has queues, failures and both kinds of site.
const smallReplay = "replay embedded --topology tiny --policy static-central,p2c,cascade --arrivals poisson:0.2 --sessions 12 --replications 3 --warm-up 0s --records all"

// TestReplayIsDeterministic plays a run on one processor and on two, and
// compares every file but the one that tells runs apart.
func TestReplayIsDeterministic(t *testing.T) {
	t.Chdir(t.TempDir())
	var outputs []string
	for i, procs := range []int{1, 2} {
		previous := runtime.GOMAXPROCS(procs)
		out := []string{"a", "b"}[i]
		code, stdout, stderr := command(t, context.Background(), smallReplay+" --out "+out)
		runtime.GOMAXPROCS(previous)
		if code != ExitOK {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		outputs = append(outputs, strings.TrimSuffix(stdout, "\nReport: "+out+"/report.html\n"))
	}
	if outputs[0] != outputs[1] {
		t.Error("the summaries on standard output differ")
	}
	a, b := contents(t, "a"), contents(t, "b")
	if len(a) < 20 {
		t.Fatalf("the folder holds %d files only", len(a))
	}
	for name := range a {
		if name != runFile && !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs", name)
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d files and %d files", len(a), len(b))
	}
}

// TestReplayRecordsAreWorkloads checks a run's records, sums them up again, and
// replays one of them.
func TestReplayRecordsAreWorkloads(t *testing.T) {
	t.Chdir(t.TempDir())
	code, summary, stderr := command(t, context.Background(), smallReplay+" --out a")
	if code != ExitOK {
		t.Fatal(stderr)
	}
	records, err := filepath.Glob("a/records/*")
	if err != nil || len(records) != 9 {
		t.Fatalf("%d records, want 9: %v (%v)", len(records), records, err)
	}
	if code, _, stderr := command(t, context.Background(), "workload validate "+strings.Join(records, " ")); code != ExitOK {
		t.Error(stderr)
	}
	var inOrder []string
	for _, policy := range []string{"static-central", "p2c", "cascade"} {
		for _, r := range []string{"0", "1", "2"} {
			inOrder = append(inOrder, "a/records/"+policy+".r"+r+".jsonl")
		}
	}
	_, fromRecords, stderr := command(t, context.Background(), "report "+strings.Join(inOrder, " "))
	if summary, _, _ = strings.Cut(summary, "\nReport: "); fromRecords != summary {
		t.Errorf("the summary from the records differs:\n%s\nthe run's own:\n%s%s", fromRecords, summary, stderr)
	}
	again := "replay a/records/cascade.r0.jsonl --topology tiny --policy p2c --replications 2"
	if code, stdout, stderr := command(t, context.Background(), again); code != ExitOK || !strings.Contains(stdout, "recorded") {
		t.Errorf("replaying a record: exit %d\n%s%s", code, stdout, stderr)
	}
}

// TestReplayInterrupted stops a run at its first sign of progress.
func TestReplayInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var stdout, stderr bytes.Buffer
	line := "replay embedded --topology tiny --policy static-central,p2c --arrivals poisson:0.2 --sessions 40 --replications 400 --warm-up 0s --workers 1 --out a"
	stdio := Stdio{In: strings.NewReader(""), Out: &stdout, Err: writerFunc(func(b []byte) (int, error) {
		stop()
		return stderr.Write(b)
	}), Terminal: true}
	if code := Main(ctx, splitArguments(t, line), stdio); code != ExitFailed {
		t.Fatalf("exit %d, want %d\n%s", code, ExitFailed, stderr.String())
	}
	var note runNote
	decode(t, "a/"+runFile, &note)
	var summary reports.Summary
	decode(t, "a/summary.json", &summary)
	if !note.Partial || !summary.Partial || summary.Valid {
		t.Errorf("run.json partial %v, summary partial %v, valid %v; want true, true, false", note.Partial, summary.Partial, summary.Valid)
	}
	if !strings.Contains(strings.Join(summary.Invalid, " "), "partial") {
		t.Errorf("the reasons do not say so: %v", summary.Invalid)
	}
	wantFiles(t, ".", "a")
}

func TestReplayRefusesAnEarlierRun(t *testing.T) {
	t.Chdir(t.TempDir())
	line := "replay embedded --topology tiny --arrivals closed:2 --sessions 2 --replications 1 --warm-up 0s --records none --out a"
	if code, _, stderr := command(t, context.Background(), line); code != ExitOK {
		t.Fatal(stderr)
	}
	if code, _, stderr := command(t, context.Background(), line); code != ExitUsage || !strings.Contains(stderr, "--force") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := command(t, context.Background(), line+" --force --seed 9"); code != ExitOK {
		t.Errorf("exit %d: %s", code, stderr)
	}
	var note runNote
	decode(t, "a/"+runFile, &note)
	want := []string{"tierlab", "replay", "embedded", "--arrivals=closed:2", "--force=true", "--out=a", "--records=none", "--replications=1", "--seed=9", "--sessions=2", "--topology=tiny", "--warm-up=0s"}
	if !slices.Equal(note.Command, want) {
		t.Errorf("run.json has the command %q, want %q", note.Command, want)
	}
}

func TestReplayThreshold(t *testing.T) {
	t.Chdir(t.TempDir())
	line := "replay embedded --topology tiny --policy static-central,p2c --arrivals closed:2 --sessions 4 --replications 2 --workers 2 --warm-up 0s --threshold "
	if code, _, stderr := command(t, context.Background(), line+"active_makespan_p50<=1s"); code != ExitThreshold || !strings.Contains(stderr, "static-central") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := command(t, context.Background(), line+"active_makespan_p50<=10h"); code != ExitOK {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func command(t *testing.T, ctx context.Context, line string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(ctx, splitArguments(t, line), Stdio{In: strings.NewReader(""), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

// contents reads every file of a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		files[rel], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
