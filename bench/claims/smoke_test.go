package claims

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/workloads"
)

// smallOptions are quick: one small world instead of the edge platform, and
// one cloud of each form.
func smallOptions() Options {
	o := DefaultOptions()
	o.Sessions, o.Replications, o.WarmUp = 6, 2, 0
	o.Edge, o.EdgeByDistance, o.Clouds = "tiny", "agent-cloud-geographic", []string{"flat-central", "hyperscaler-aws"}
	return o
}

// TestEveryClaim runs every claim in a small world.
func TestEveryClaim(t *testing.T) {
	if testing.Short() {
		t.Skip("replays some hundred points")
	}
	for _, c := range All() {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			f, err := c.Check(context.Background(), NewLab(smallOptions()))
			if err != nil {
				t.Fatal(err)
			}
			complete(t, &f)
		})
	}
}

// complete checks that a finding says what it must.
func complete(t *testing.T, f *Finding) {
	t.Helper()
	switch f.Verdict {
	case Holds, Fails, Modelled, Undecided:
		if f.Where != "" {
			t.Errorf("%s has conditions: %s", f.Verdict, f.Where)
		}
	case HoldsWhere, Waits:
		if f.Where == "" {
			t.Errorf("%s lacks its object", f.Verdict)
		}
	default:
		t.Errorf("no verdict %q", f.Verdict)
	}
	if f.Verdict == Waits != (len(f.Checks) == 0) {
		t.Errorf("%s with %d checks", f.Verdict, len(f.Checks))
	}
	if f.Says == "" || f.Claim == "" {
		t.Error("nothing is claimed or said")
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "NaN") || strings.Contains(string(b), "Inf") || strings.Contains(string(b), "%!") {
		t.Errorf("a figure is no number: %s", b)
	}
	for _, table := range f.Tables {
		for i, row := range table.Rows {
			if len(row) != len(table.Head) {
				t.Errorf("table %q: row %d has %d cells for %d columns", table.Title, i, len(row), len(table.Head))
			}
		}
	}
}

// TestSameFinding checks that workers change nothing.
func TestSameFinding(t *testing.T) {
	c, _ := Find("C10")
	var first string
	for _, workers := range []int{1, 3} {
		o := smallOptions()
		o.Workers = workers
		f, err := c.Check(context.Background(), NewLab(o))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(b)
		} else if string(b) != first {
			t.Errorf("%d workers find\n%s\none finds\n%s", workers, b, first)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	c, _ := Find("C14")
	if _, err := c.Check(ctx, NewLab(smallOptions())); err == nil {
		t.Error("an interrupted experiment found something")
	}
}

// drawn counts what the simulator drew of sessions' outcomes beside a meter.
type drawn struct {
	*meter
	resolved, sessions int
}

func (d *drawn) Session(o *workloads.Outcome) error {
	if o.Result.Measured {
		d.sessions++
		if o.Result.Resolved {
			d.resolved++
		}
	}
	return d.meter.Session(o)
}

// TestMovedParts checks that a topology with a part outside differs from its
// base in that part alone.
func TestMovedParts(t *testing.T) {
	l := NewLab(DefaultOptions())
	base, err := l.world("agent-cloud")
	if err != nil {
		t.Fatal(err)
	}
	donor, err := l.world(l.donor())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range movedOut() {
		w, err := l.moved("agent-cloud", part)
		if err != nil {
			t.Fatal(err)
		}
		want := base.Platform
		for _, key := range part.parts {
			switch key {
			case "state":
				want.State = donor.Platform.State
			case "orchestration":
				want.Orchestration = donor.Platform.Orchestration
			}
		}
		if part.toolsAt != "" {
			want.ToolsAt = part.toolsAt
		}
		if w.Platform != want {
			t.Errorf("%s: platform %+v, want %+v", part.name, w.Platform, want)
		}
		if len(w.Sites) != len(base.Sites) {
			t.Errorf("%s: %d sites, want %d", part.name, len(w.Sites), len(base.Sites))
		}
	}
}

// TestSolves compares the closed form of the model of success with figures
// that its catalogue states: an 8B model solves 78 % of median steps.
func TestSolves(t *testing.T) {
	w, err := NewLab(DefaultOptions()).world("agent-cloud")
	if err != nil {
		t.Fatal(err)
	}
	if p := solves(w, "llama-3.1-8b", "classify"); p < 0.9 || p > 0.99 {
		t.Errorf("an 8B model classifies right with probability %.3f", p)
	}
	if p := solves(w, "no-such-model", "classify"); !math.IsNaN(p) {
		t.Errorf("an unknown model solves %v", p)
	}
	for _, kind := range easyKinds() {
		last := 0.0
		for _, m := range ladder() {
			p := solves(w, m, kind)
			if p <= last {
				t.Errorf("%s: %s solves %.3f, no more than the one below it", kind, m, p)
			}
			last = p
		}
	}
}

// TestRecordings checks C4 on the real recordings.
func TestRecordings(t *testing.T) {
	o := smallOptions()
	o.Data = dataFolder(t)
	c, _ := Find("C4")
	f, err := c.Check(context.Background(), NewLab(o))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kv-cache-tester", "openhands-multi-swe", "tracelab-examples"} {
		found := false
		for _, row := range f.Tables[0].Rows {
			found = found || row[0].Text == want
		}
		if !found {
			t.Errorf("no row for the recording %s", want)
		}
	}
}

// dataFolder is shared/data beside the repository or a folder above it.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		data := filepath.Join(dir, "shared", "data")
		if info, err := os.Stat(data); err == nil && info.IsDir() {
			return data
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("no folder above this one has shared/data")
		}
		dir = up
	}
}
