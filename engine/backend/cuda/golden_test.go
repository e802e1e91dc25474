package cuda

import (
	"testing"

	"tierlab/engine/backend/backendtest"
	"tierlab/engine/model"
)

// TestGolden holds the logits to those of Hugging Face transformers: they may be
// off by 1.25 times what the reference's own bf16 is off from its f32, with
// splits of contexts and without.
func TestGolden(t *testing.T) {
	for _, name := range backendtest.GoldenNames() {
		g, err := backendtest.LoadGolden(name)
		if err != nil {
			t.Fatal(err)
		}
		places(t, func(t *testing.T, c Config) {
			modes := []bool{false, true}
			if !whole(c) { // the conformance suite runs the other mode
				modes = modes[:1]
			}
			for _, invariant := range modes {
				c.Source, c.Blocks, c.BlockTokens, c.SplitTokens, c.Invariant = model.Seeded(g.Config, g.Seed), 10, 32, 64, invariant
				c.Slots, c.Budget = 1, 32
				most, rms := g.Error(g.Logits(t, open(t, c)))
				refMost, refRMS := g.Error(g.BF16)
				t.Logf("%s, invariant %v: error at most %.2g, rms %.2g: %.2f and %.2f times the reference's bf16", name, invariant, most, rms, most/refMost, rms/refRMS)
				if !(most <= 1.25*refMost && rms <= 1.25*refRMS) {
					t.Errorf("%s, invariant %v: error at most %.2g, rms %.2g; the reference's own is %.2g and %.2g", name, invariant, most, rms, refMost, refRMS)
				}
			}
		})
	}
}
