package exporters

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tierlab/workloads"
	"tierlab/workloads/importers"
)

// TestWekaRecordingAgain exports the imported Weka recordings as Weka and
// imports them again: every call must start when it did and keep what it did,
// but where a request without api_time was reckoned with a typical one.
func TestWekaRecordingAgain(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	folder := ""
	for ; folder == "" && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if found := filepath.Join(dir, "shared", "data", "kv-cache-tester", "traces"); exists(found) {
			folder = found
		}
	}
	if folder == "" {
		t.Skip("no folder above this one has shared/data/kv-cache-tester/traces")
	}
	var first bytes.Buffer
	for _, im := range importers.All() {
		if im.Name == "weka" {
			if _, err := im.Import([]string{folder}, &first, importers.Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want, err := workloads.ReadLibrary(bytes.NewReader(first.Bytes()), "first")
	if err != nil {
		t.Fatal(err)
	}
	got := again(t, weka, "weka", t.TempDir(), first.Bytes())
	for k, w := range want.Sessions {
		g := got.Sessions[k]
		wantAt, gotAt := schedule(w), schedule(g)
		timed := true
		for i := range w.Steps {
			timed = timed && w.Steps[i].Step.LLM.Recorded != nil
		}
		for i := range w.Steps {
			a, b := &w.Steps[i], &g.Steps[i]
			if a.Keep != b.Keep || a.Input != b.Input || a.Output != b.Output {
				t.Fatalf("session %s step %s keeps %d of %d tokens, want %d of %d", w.Session.ID, a.Step.ID, b.Keep, b.Input, a.Keep, a.Input)
			}
			if d := wantAt[i].start - gotAt[i].start; timed && (d > 1000 || d < -1000) {
				t.Fatalf("session %s step %s starts at %v, want %v", w.Session.ID, a.Step.ID, gotAt[i].start.D(), wantAt[i].start.D())
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
