package importers

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/workloads"
)

// requests writes three Azure rows to two files of a folder.
func requests(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const head = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
	for name, rows := range map[string]string{
		"b.csv":     "2023-11-16 18:15:48,3,1\n",
		"a.csv":     "2023-11-16 18:15:46,1,1\n2023-11-16 18:15:47,2,1\n",
		"notes.txt": "not a recording",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(head+rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOptions(t *testing.T) {
	var out bytes.Buffer
	sum, err := azure.Import([]string{requests(t)}, &out, Options{Name: "n", Source: "s", License: "l", Sessions: 2})
	if err != nil {
		t.Fatal(err)
	}
	lib, err := workloads.ReadLibrary(&out, "imported")
	if err != nil {
		t.Fatal(err)
	}
	h := lib.Header
	if sum.Sessions != 2 || len(lib.Sessions) != 2 || h.Name != "n" || h.Provenance.Source != "s" || h.Provenance.License != "l" {
		t.Errorf("got %d sessions and %+v", len(lib.Sessions), h)
	}
	if lib.Sessions[1].Steps[0].Input != 2 {
		t.Error("the files of a folder are not taken in the order of their names")
	}
}

func TestStopEndsAnImport(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := azure.Import([]string{requests(t)}, &bytes.Buffer{}, Options{Stop: ctx.Err}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPaths(t *testing.T) {
	dir := requests(t)
	twice := filepath.Join(dir, "a.csv")
	for want, paths := range map[string][]string{
		"no file or folder to import":          nil,
		"no such file":                         {filepath.Join(dir, "missing")},
		"no file ending in .csv below":         {t.TempDir()},
		"no column \"TIMESTAMP\"":              {writeFile(t, "x.csv", "a,b\n")},
		"no session found (it reads Azure LLM": {writeFile(t, "y.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n")},
	} {
		if _, err := azure.Import(paths, &bytes.Buffer{}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", paths, err, want)
		}
	}
	marked := writeFile(t, "m.csv", "\ufeffTIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.68,374,44\r\n")
	if sum, err := azure.Import([]string{marked}, &bytes.Buffer{}, Options{}); err != nil || sum.Input != 374 {
		t.Errorf("a byte order mark: got %+v, %v", sum, err)
	}
	trace := writeFile(t, "t.json", `{"id":"a","block_size":64,"requests":[{"t":0,"type":"n","in":1,"out":1}]}`)
	if _, err := weka.Import([]string{trace, trace}, &bytes.Buffer{}, Options{}); err == nil || !strings.Contains(err.Error(), "was imported before") {
		t.Errorf("a session twice: got %v", err)
	}
	if sum, err := azure.Import([]string{twice, twice}, &bytes.Buffer{}, Options{}); err != nil || sum.Sessions != 4 {
		t.Errorf("rows have no ids and may come twice: got %d sessions, %v", sum.Sessions, err)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
