package cuda

import (
	"os"
	"testing"

	"tierlab/engine/backend/cuda/internal/host"
	"tierlab/engine/model"
)

// source is a preset with seeded weights.
func source(tb testing.TB, preset string) model.Source {
	tb.Helper()
	c, err := model.Preset(preset)
	if err != nil {
		tb.Fatal(err)
	}
	return model.Seeded(c, 1)
}

// onHost makes a Config compute on the CPU, by the kernels' own code.
func onHost(tb testing.TB, c Config) Config {
	tb.Helper()
	var err error
	if c.Compiler, err = host.NewCompiler(""); err != nil {
		tb.Skipf("kernels cannot run on the CPU here: %v", err)
	}
	if c.Driver, err = host.New(); err != nil {
		tb.Fatal(err)
	}
	return c
}

func open(tb testing.TB, c Config) *Backend {
	tb.Helper()
	b, err := Open(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return b
}

// whole says whether a test may take its time: on a GPU, and with TIERLAB_WHOLE=1
// where the kernels run on the CPU.
func whole(c Config) bool { return c.Driver == nil || os.Getenv("TIERLAB_WHOLE") != "" }

// places calls f for each place where kernels can run here. TIERLAB_RIG names
// one of them, as for package rig.
func places(t *testing.T, f func(t *testing.T, c Config)) {
	t.Helper()
	only := os.Getenv("TIERLAB_RIG")
	if only != "cuda" {
		t.Run("host", func(t *testing.T) { f(t, onHost(t, Config{})) })
	}
	found := Probe()
	switch err := found.Err(); {
	case only == "host":
	case err == nil:
		t.Run("cuda", func(t *testing.T) { f(t, Config{}) })
	case only == "cuda":
		t.Errorf("TIERLAB_RIG=cuda: %v", err)
	}
}
