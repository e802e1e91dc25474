package topology_test

import (
	"testing"

	"tierlab/configs"
	"tierlab/reference/topology"
)

func TestEmbeddedTopologiesLoad(t *testing.T) {
	names, err := topology.Names(configs.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		w, err := topology.Load(configs.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if w.Name != name {
			t.Errorf("topology %s calls itself %s", name, w.Name)
		}
	}
}
