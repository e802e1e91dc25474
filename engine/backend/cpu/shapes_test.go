package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/model"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// shapes are models whose sizes fill no register, line or tile evenly.
func shapes() []model.Config {
	base := model.Config{Arch: model.Llama, Layers: 2, Context: 400, RMSEps: 1e-5, RopeTheta: 10000, BOS: -1}
	var list []model.Config
	for i, s := range [][]int{ // query heads, key heads, width of a head, hidden, FFN, vocabulary
		{1, 1, 16, 37, 33, 301},
		{5, 1, 80, 100, 130, 65},
		{12, 4, 96, 47, 97, 129},
		{7, 1, 128, 65, 161, 333},
		{8, 1, 64, 129, 31, 17},
		{6, 1, 112, 31, 1, 1},
		{40, 1, 16, 33, 63, 40},
		{4, 2, 48, 16, 224, 100},
	} {
		c := base
		c.Name = fmt.Sprintf("%d/%d heads of %d, %d wide", s[0], s[1], s[2], s[3])
		c.Heads, c.KVHeads, c.HeadDim, c.Hidden, c.FFN, c.Vocab = s[0], s[1], s[2], s[3], s[4], s[5]
		c.TiedHead = i%2 == 1
		switch i % 3 {
		case 1:
			c.Arch, c.QKVBias = model.Qwen2, true
		case 2:
			c.Arch, c.QKNorm = model.Qwen3, true
		}
		list = append(list, c)
	}
	return list
}

// lastLogits feeds a context in chunks of the given lengths and returns the logits
// after the last one.
func lastLogits(t *testing.T, b *Backend, context []int32, chunks []int) []float32 {
	t.Helper()
	var table []kv.Block // from the memory's end on, so that it is no order of its own
	for i := range (len(context) + b.caps.BlockTokens - 1) / b.caps.BlockTokens {
		table = append(table, kv.Block(b.caps.Blocks-1-i))
	}
	var r backend.Result
	at := 0
	for i, n := range chunks {
		row := sched.Row{Seq: 1, Start: int32(at), N: int32(n), Sample: i == len(chunks)-1,
			NewBlocks: table[:(at+n+b.caps.BlockTokens-1)/b.caps.BlockTokens]}
		s := backend.Step{Plan: &sched.Plan{ID: uint64(i + 1), Rows: []sched.Row{row}}, Tokens: context[at : at+n]}
		if row.Sample {
			s.Picks = []sample.Pick{{Forced: -1, Logprobs: -1, Logits: true}}
		}
		if err := b.Submit(&s); err != nil {
			t.Fatal(err)
		}
		if err := b.Wait(&r); err != nil {
			t.Fatal(err)
		}
		at += n
	}
	return slices.Clone(r.Choices[0].Logits)
}

// TestShapes compares kernels with the portable ones, and chunks with the whole,
// over a tile's border.
func TestShapes(t *testing.T) {
	const length = 261
	for _, m := range shapes() {
		r := rand.New(rand.NewPCG(1, uint64(m.Hidden)))
		context := make([]int32, length)
		for i := range context {
			context[i] = int32(r.IntN(m.Vocab))
		}
		var cut []int
		for left := length; left > 0; left -= cut[len(cut)-1] {
			cut = append(cut, min(left, 1+r.IntN(60)))
		}
		for numerics, most := range map[string]float64{"f32": 1e-4, "bf16": 0.1} {
			var portable []float32
			for _, k := range Kernels(numerics) {
				b := open(t, Config{Source: model.Seeded(m, 1), Numerics: numerics, Kernels: k, Threads: 2, Blocks: 20, Budget: 300, Slots: 1})
				whole := lastLogits(t, b, context, []int{length})
				if pieces := lastLogits(t, b, context, cut); !slices.Equal(whole, pieces) {
					t.Errorf("%s, %s %s: in chunks of %v the logits have other bits", m.Name, numerics, k, cut)
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				if portable == nil {
					portable = whole
				}
				scale := 0.
				for _, x := range portable {
					scale = max(scale, math.Abs(float64(x)))
				}
				for i, x := range whole {
					if d := math.Abs(float64(x - portable[i])); !(d <= most*scale) {
						t.Errorf("%s, %s %s: logit %d is %v, portable %v", m.Name, numerics, k, i, x, portable[i])
						break
					}
				}
			}
		}
	}
}
