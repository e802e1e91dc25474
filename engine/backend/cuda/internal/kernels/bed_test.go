package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// bed is what a test of kernels runs them on.
type bed struct {
	t      *testing.T
	r      *rig.Rig
	rand   *rand.Rand
	stream driver.Stream
}

// onBeds runs f wherever kernels run here, on fresh random numbers whose seed is
// logged.
func onBeds(t *testing.T, f func(b *bed)) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		seed := rand.Uint64()
		t.Logf("random numbers from seed %d", seed)
		s, err := r.Context.NewStream()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := r.Context.DropStream(s); err != nil {
				t.Error(err)
			}
		})
		f(&bed{t: t, r: r, rand: rand.New(rand.NewPCG(seed, 1)), stream: s})
	})
}

// device says whether the kernels run on a GPU, which has time for larger cases.
func (b *bed) device() bool { return b.r.Name == "cuda" }

// spec is the spec of a model on this bed.
func (b *bed) spec(m model.Config) kernels.Spec {
	return kernels.Spec{Model: m, Arch: b.r.Arch, BlockTokens: 32, MaxBlocks: 8, SplitTokens: 64}
}

// load loads kernels of a spec.
func (b *bed) load(s kernels.Spec, names ...string) *kernels.Set {
	b.t.Helper()
	set, err := kernels.Load(b.t.Context(), b.r.Context, b.r.Compiler, s, names...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := set.Close(); err != nil {
			b.t.Error(err)
		}
	})
	return set
}

// ran waits for a launch that was queued with err.
func (b *bed) ran(err error) {
	b.t.Helper()
	if err == nil {
		err = b.r.Context.Synchronize(b.stream)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// models are presets by name. On a GPU the published shape joins.
func (b *bed) models(names ...string) []model.Config {
	b.t.Helper()
	if b.device() {
		names = append(names, "llama-3.1-8b")
	}
	var list []model.Config
	for _, name := range names {
		list = append(list, preset(b.t, name))
	}
	return list
}

// wide are two models with larger heads than the tiny ones have.
func (b *bed) wide() []model.Config {
	b.t.Helper()
	normed, biased := preset(b.t, "tiny-qwen3"), preset(b.t, "tiny-qwen2")
	normed.Name, normed.HeadDim, normed.Heads, normed.KVHeads = "head-64", 64, 3, 1
	biased.Name, biased.HeadDim, biased.Heads, biased.KVHeads = "head-128", 128, 5, 5
	return []model.Config{normed, biased}
}

func preset(t testing.TB, name string) model.Config {
	t.Helper()
	c, err := model.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// numbers are n normal numbers in bf16.
func (b *bed) numbers(n int) []bf16.Number {
	v := make([]bf16.Number, n)
	for i := range v {
		v[i] = bf16.Of(float32(b.rand.NormFloat64()))
	}
	return v
}

// floats are n normal numbers in f32.
func (b *bed) floats(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(b.rand.NormFloat64())
	}
	return v
}

// poison is what outputs hold before a kernel runs: a NaN, whatever a number's
// width.
const poison = 0xffff

func poisoned(n int) []bf16.Number {
	v := make([]bf16.Number, n)
	for i := range v {
		v[i] = poison
	}
	return v
}

// guard is how many poisoned elements stand behind an output, where no kernel
// writes.
const guard = 64

// near checks that a bf16 that a kernel wrote is want, rounded once, where f32
// arithmetic on numbers up to a magnitude came before.
func near(got bf16.Number, want, magnitude float64) error {
	g := float64(got.Float())
	if off := max(g-want, want-g); off <= abs(want)/256*1.01+magnitude*1e-6 {
		return nil
	}
	return fmt.Errorf("%v, want %v", g, want)
}

func abs(v float64) float64 { return max(v, -v) }
