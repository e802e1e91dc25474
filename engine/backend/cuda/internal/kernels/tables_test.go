package kernels_test

import (
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
)

func TestTables(t *testing.T) {
	onBeds(t, func(b *bed) {
		spec := b.spec(preset(b.t, "tiny"))
		set := b.load(spec, "tables")
		const slots = 70
		for _, n := range []int{0, 1, 300} {
			want := make([]int32, slots*spec.MaxBlocks)
			for i := range want {
				want[i] = -1
			}
			to := rig.Upload(b.t, b.r, want)
			updates := make([]kernels.Update, 300+guard) // those beyond n do not count
			for i, cell := range b.rand.Perm(len(want))[:len(updates)] {
				updates[i] = kernels.Update{Slot: int32(cell / spec.MaxBlocks), Index: int32(cell % spec.MaxBlocks), Block: b.rand.Int32()}
				if i < n {
					want[cell] = updates[i].Block
				}
			}
			b.ran(set.Tables(b.stream, &kernels.TablesParams{
				Counts: rig.Upload(b.t, b.r, []kernels.Counts{{Updates: int32(n)}}), Updates: rig.Upload(b.t, b.r, updates), Tables: to,
			}, 300))
			if got := rig.Download[int32](b.t, b.r, to, len(want)); !slices.Equal(got, want) {
				b.t.Errorf("%d updates: the tables differ", n)
			}
		}
	})
}

func TestCopyBlock(t *testing.T) {
	onBeds(t, func(b *bed) {
		for _, m := range b.models("tiny", "tiny-qwen2") {
			spec := b.spec(m)
			set := b.load(spec, "copy_block")
			const blocks = 3
			head := spec.BlockTokens * m.HeadDim
			layer := blocks * m.KVHeads * head
			for _, tokens := range []int{1, 7, spec.BlockTokens} {
				keys, values := b.numbers(m.Layers*layer), b.numbers(m.Layers*layer)
				p := kernels.CopyBlockParams{
					Keys: rig.Upload(b.t, b.r, keys), Values: rig.Upload(b.t, b.r, values),
					LayerElements: int64(layer), Layers: int32(m.Layers), From: 2, To: 0, Tokens: int32(tokens),
				}
				b.ran(set.CopyBlock(b.stream, &p))
				for l := range m.Layers {
					for h := range m.KVHeads {
						from, to := l*layer+(2*m.KVHeads+h)*head, l*layer+h*head
						copy(keys[to:], keys[from:][:tokens*m.HeadDim])
						copy(values[to:], values[from:][:tokens*m.HeadDim])
					}
				}
				if !slices.Equal(rig.Download[bf16.Number](b.t, b.r, p.Keys, len(keys)), keys) {
					b.t.Errorf("%s, %d positions: the keys differ", m.Name, tokens)
				}
				if !slices.Equal(rig.Download[bf16.Number](b.t, b.r, p.Values, len(values)), values) {
					b.t.Errorf("%s, %d positions: the values differ", m.Name, tokens)
				}
			}
		}
	})
}
