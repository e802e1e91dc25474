package cpu

import (
	"slices"
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
				most, rms := g.Error(goldenLogits(t, c, g))
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

// goldenLogits computes the rows of g: the prompt cut where it has rows, then
// decoding.
func goldenLogits(t *testing.T, c Config, g backendtest.Golden) [][]float32 {
	all := slices.Concat(g.Prompt, g.Forced)
	if g.At[len(g.At)-1] != len(all)-1 {
		t.Fatalf("the last row is at %d of %d tokens", g.At[len(g.At)-1], len(all))
	}
	var chunks [][]int32
	from := 0
	for _, at := range g.At {
		chunks = append(chunks, all[from:at+1])
		from = at + 1
	}
	return logits(t, c, chunks)
}
