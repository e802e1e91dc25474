package cpu

import (
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/backend/backendtest"
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

func open(tb testing.TB, c Config) *Backend {
	tb.Helper()
	b, err := Open(c)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// variants calls run for each numerics with each kernels that this machine has.
func variants(t *testing.T, run func(t *testing.T, c Config)) {
	t.Helper()
	for _, numerics := range []string{"f32", "bf16"} {
		for _, k := range Kernels(numerics) {
			t.Run(numerics+" "+k, func(t *testing.T) { run(t, Config{Numerics: numerics, Kernels: k}) })
		}
	}
}

func TestConformance(t *testing.T) {
	variants(t, func(t *testing.T, c Config) {
		sizes := []int{32, 64}
		if c.Kernels == "portable" {
			sizes = sizes[:1] // slow, and TestThreadsAndBlocksDoNotMatter has other sizes
		}
		backendtest.Run(t, backendtest.Suite{
			BlockTokens: sizes,
			Open: func(tb testing.TB, s backendtest.Sizes) backend.Backend {
				c := c
				c.Source = source(tb, "tiny")
				c.Slots, c.Budget, c.Blocks, c.BlockTokens, c.Context = s.Slots, s.Budget, s.Blocks, s.BlockTokens, s.Context
				return open(tb, c)
			},
		})
	})
}
