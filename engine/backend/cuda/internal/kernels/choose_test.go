package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// chooser runs the kernel for one vocabulary.
type chooser struct {
	*rig.Rig
	set    *kernels.Set
	stream driver.Stream
	vocab  int
}

func newChooser(t *testing.T, r *rig.Rig, vocab int) *chooser {
	t.Helper()
	m, err := model.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	m.Vocab, m.BOS, m.EOS = vocab, -1, nil
	set, err := kernels.Load(t.Context(), r.Context, r.Compiler,
		kernels.Spec{Model: m, Arch: r.Arch, BlockTokens: 16, MaxBlocks: 8, SplitTokens: 64}, "choose")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	stream, err := r.Context.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Context.DropStream(stream) })
	return &chooser{r, set, stream, vocab}
}

// choose gives what the device chooses, and what it keeps for the slots.
func (c *chooser) choose(t *testing.T, logits [][]float32, picks []sample.Pick) (chosen []kernels.Chosen, last []int32) {
	t.Helper()
	const blocks = 3 // fewer than rows, so that blocks take turns
	var flat []float32
	var masks []uint64
	device := make([]kernels.Choose, len(picks))
	for i, p := range picks {
		flat = append(flat, logits[i]...)
		device[i] = kernels.Choose{Random: p.Random(), Temperature: p.Temperature, TopP: p.TopP, MinP: p.MinP,
			TopK: int32(p.TopK), Forced: p.Forced, Mask: -1, Slot: int32(len(picks) - 1 - i)}
		if p.Mask != nil {
			device[i].Mask = int32(len(masks) / len(p.Mask))
			masks = append(masks, p.Mask...)
		}
	}
	masks = append(masks, 0)
	before := make([]int32, len(picks))
	for i := range before {
		before[i] = -7
	}
	slots := rig.Upload(t, c.Rig, before)
	out := rig.Upload(t, c.Rig, make([]kernels.Chosen, len(picks)))
	p := kernels.ChooseParams{
		Counts: rig.Upload(t, c.Rig, []kernels.Counts{{Samples: int32(len(picks))}}),
		Picks:  rig.Upload(t, c.Rig, device), Masks: rig.Upload(t, c.Rig, masks), Logits: rig.Upload(t, c.Rig, flat),
		Workspace: rig.Upload(t, c.Rig, make([]byte, kernels.ChooseWorkspace(c.set.Spec().Model, blocks))),
		Last:      slots, Chosen: out,
	}
	if err := c.set.Choose(c.stream, &p, blocks); err != nil {
		t.Fatal(err)
	}
	if err := c.Context.Synchronize(c.stream); err != nil {
		t.Fatal(err)
	}
	return rig.Download[kernels.Chosen](t, c.Rig, out, len(picks)), rig.Download[int32](t, c.Rig, slots, len(picks))
}

// row makes logits of several kinds: spread, nearly equal, few values with many
// ties, far apart, and with zeros of both signs.
func row(r *rand.Rand, vocab int) []float32 {
	l := make([]float32, vocab)
	kind, spread := r.IntN(5), math.Exp(4*r.Float64()-2)
	for t := range l {
		switch kind {
		case 0:
			l[t] = float32(r.NormFloat64() * spread)
		case 1:
			l[t] = 20 + float32(r.NormFloat64())*1e-5
		case 2:
			l[t] = float32(r.IntN(4)) - 2
		case 3:
			l[t] = float32(r.NormFloat64() * 300)
		default:
			l[t] = float32(math.Copysign(0, r.Float64()-0.5))
		}
	}
	return l
}

func pick(r *rand.Rand, vocab int) sample.Pick {
	p := sample.Pick{Forced: -1, Logprobs: -1, Index: r.IntN(1000)}
	p.Seed = r.Uint64()
	if r.IntN(6) > 0 {
		p.Temperature = []float32{0.05, 0.7, 1, 1.3, 2}[r.IntN(5)]
	}
	if r.IntN(2) > 0 {
		p.TopK = 1 + r.IntN([]int{5, 60, vocab + 5}[r.IntN(3)])
	}
	if r.IntN(2) > 0 {
		p.TopP = []float32{1e-6, 0.1, 0.9, 0.999, 1}[r.IntN(5)]
	}
	if r.IntN(3) == 0 {
		p.MinP = []float32{1e-4, 0.1, 1}[r.IntN(3)]
	}
	if r.IntN(12) == 0 {
		p.Forced = int32(r.IntN(vocab))
	}
	if r.IntN(3) == 0 {
		p.Mask = make([]uint64, (vocab+63)/64)
		for i := range p.Mask {
			p.Mask[i] = r.Uint64() & r.Uint64()
			if r.IntN(2) == 0 {
				p.Mask[i] &= r.Uint64() & r.Uint64() & r.Uint64()
			}
		}
	}
	return p
}

// TestChoose compares the device's choices with those of package sample.
func TestChoose(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		vocabs := []int{64, 500, 513}
		if r.Name == "cuda" {
			vocabs = append(vocabs, 32768, 128256)
		}
		for _, vocab := range vocabs {
			t.Run(fmt.Sprint(vocab), func(t *testing.T) {
				r.Bind(t)
				c, rnd := newChooser(t, r, vocab), rand.New(rand.NewPCG(uint64(vocab), 1))
				var logits [][]float32
				var picks []sample.Pick
				for range 120 {
					logits, picks = append(logits, row(rnd, vocab)), append(picks, pick(rnd, vocab))
				}
				chosen, last := c.choose(t, logits, picks)
				var s sample.Sampler
				for i := range picks {
					var want sample.Choice
					if err := s.Choose(logits[i], &picks[i], &want); err != nil {
						if chosen[i].Token != kernels.NoneLeft {
							t.Errorf("pick %d: the device chose %d, the host says: %v", i, chosen[i].Token, err)
						}
						continue
					}
					if chosen[i].Token != want.Token || last[len(last)-1-i] != want.Token {
						t.Errorf("pick %d, %+v: the device chose %d and kept %d, the host chose %d", i, picks[i].Params, chosen[i].Token, last[len(last)-1-i], want.Token)
					}
				}
			})
		}
	})
}

// TestChooseFails: a logit that is not finite, and a mask that allows nothing,
// leave the slot's token as it was.
func TestChooseFails(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		const vocab = 500
		c, rnd := newChooser(t, r, vocab), rand.New(rand.NewPCG(3, 1))
		good := sample.Pick{Forced: -1, Logprobs: -1}
		logits := [][]float32{row(rnd, vocab), row(rnd, vocab), row(rnd, vocab), row(rnd, vocab)}
		picks := []sample.Pick{good, good, good, good}
		logits[0][77], logits[0][400] = float32(math.NaN()), float32(math.NaN())
		logits[1][499] = float32(math.Inf(-1))
		picks[1].Forced = 3 // the row's arithmetic broke all the same
		picks[2].Mask = make([]uint64, (vocab+63)/64)
		picks[2].Temperature = 1
		chosen, last := c.choose(t, logits, picks)
		want := []kernels.Chosen{{Token: kernels.NotFinite, At: 77}, {Token: kernels.NotFinite, At: 499}, {Token: kernels.NoneLeft}}
		for i, w := range want {
			if chosen[i] != w || last[3-i] != -7 {
				t.Errorf("row %d: %+v and slot %d, want %+v and -7", i, chosen[i], last[3-i], w)
			}
		}
		if chosen[3].Token < 0 {
			t.Errorf("a good row gave %+v", chosen[3])
		}
	})
}
