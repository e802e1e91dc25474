package importers

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tierlab/workloads"
)

// FuzzImport feeds every importer any bytes: none panics, and the reader
// accepts what they write.
func FuzzImport(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	number := make(map[string]uint8)
	for i, im := range All() {
		number[im.Name] = uint8(i)
	}
	for _, path := range paths {
		g := readGolden(f, path)
		f.Add(number[g.importer], filepath.Ext(g.file) == ".jsonl", []byte(g.input))
	}
	f.Fuzz(func(t *testing.T, which uint8, lines bool, input []byte) {
		im := All()[int(which)%len(All())]
		file := filepath.Join(t.TempDir(), "input.json")
		if lines {
			file += "l"
		}
		if err := os.WriteFile(file, input, 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := im.Import([]string{file}, &out, Options{}); err != nil {
			return
		}
		if _, err := workloads.ReadLibrary(&out, "imported"); err != nil {
			t.Fatalf("%s: the reader refuses what was written: %v", im.Name, err)
		}
	})
}
