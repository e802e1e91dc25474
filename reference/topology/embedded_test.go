package topology_test

import (
	"io/fs"
	"testing"

	"tierlab/configs"
	"tierlab/reference/topology"
)

// embedded loads a topology that ships with the binary.
func embedded(t testing.TB, name string) *topology.World {
	t.Helper()
	w, err := topology.Load(configs.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func embeddedNames(t testing.TB) []string {
	t.Helper()
	names, err := topology.Names(configs.FS)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestEmbeddedTopologiesNameThemselves(t *testing.T) {
	names := embeddedNames(t)
	if len(names) < 8 {
		t.Errorf("only %d topologies: %v", len(names), names)
	}
	for _, name := range names {
		if w := embedded(t, name); w.Name != name {
			t.Errorf("topology %s calls itself %s", name, w.Name)
		}
	}
}

func TestEveryFigureHasASource(t *testing.T) {
	files := []string{"models.yaml", "accelerators.yaml", "prices.yaml", "cities.csv"}
	more, err := fs.Glob(configs.FS, "topologies/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, more...) {
		data, err := fs.ReadFile(configs.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := topology.CheckSources(file, data); err != nil {
			t.Error(err)
		}
	}
}
