package importers

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the importers give into the golden files")

// golden is a file of testdata: what it shows, the input, and the workload or
// the error that comes of it.
type golden struct{ about, importer, file, input, want string }

const (
	inputMark = "-- input "
	wantMark  = "-- want --\n"
)

func readGolden(t testing.TB, path string) golden {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	about, rest, ok := strings.Cut(string(b), inputMark)
	file, rest, ok2 := strings.Cut(rest, " --\n")
	input, want, ok3 := strings.Cut(rest, wantMark)
	if !ok || !ok2 || !ok3 {
		t.Fatalf("%s: want a text, a line %qNAME --, the input, a line %q and the output", path, inputMark, strings.TrimSpace(wantMark))
	}
	name, _, _ := strings.Cut(filepath.Base(path), "_")
	return golden{about, name, file, input, want}
}

// TestGolden imports the inputs of testdata. What each file shows stands at
// its top.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	seen := map[string]bool{}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			g := readGolden(t, path)
			seen[g.importer] = true
			got := importText(t, g)
			if *rewrite {
				text := g.about + inputMark + g.file + " --\n" + g.input + wantMark + got
				if err := os.WriteFile(filepath.Join(here, path), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != g.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, g.want)
			}
		})
	}
	for _, im := range All() {
		if !seen[im.Name] {
			t.Errorf("%s: no golden file", im.Name)
		}
	}
}

// importText is the workload that an input gives, or the error.
func importText(t *testing.T, g golden) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(g.file, []byte(g.input), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, im := range All() {
		if im.Name != g.importer {
			continue
		}
		var out bytes.Buffer
		if _, err := im.Import([]string{g.file}, &out, Options{}); err != nil {
			return "error: " + err.Error() + "\n"
		}
		return out.String()
	}
	t.Fatalf("no importer is called %q", g.importer)
	return ""
}
