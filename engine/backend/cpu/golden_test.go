package cpu

import (
	"testing"

	"tierlab/engine/backend/backendtest"
	"tierlab/engine/model"
)

// TestGolden holds the logits to those of Hugging Face transformers. f32 may be
// off by 1e-3; bf16 by 1.25 times what the reference's own bf16 is off from
// its f32.
func TestGolden(t *testing.T) {
	for _, name := range backendtest.GoldenNames() {
		g, err := backendtest.LoadGolden(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			variants(t, func(t *testing.T, c Config) {
				c.Source, c.Blocks = model.Seeded(g.Config, g.Seed), 10
				b := open(t, c)
				defer b.Close()
				most, rms := g.Error(g.Logits(t, b))
				if c.Numerics == "f32" {
					t.Logf("error at most %.2g, rms %.2g", most, rms)
					if most > 1e-3 {
						t.Errorf("error at most %.2g, want 1e-3", most)
					}
					return
				}
				refMost, refRMS := g.Error(g.BF16)
				t.Logf("error at most %.2g, rms %.2g: %.2f and %.2f times the reference's bf16", most, rms, most/refMost, rms/refRMS)
				if most > 1.25*refMost || rms > 1.25*refRMS {
					t.Errorf("error at most %.2g, rms %.2g; the reference's own is %.2g and %.2g", most, rms, refMost, refRMS)
				}
			})
		})
	}
}
