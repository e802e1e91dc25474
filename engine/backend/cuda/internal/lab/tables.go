package lab

import (
	"fmt"
	"slices"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// tablesCase brings tables up to date. With no updates its time is that of a
// launch in a graph, which every kernel takes.
func tablesCase(m model.Config, updates int) Case {
	return Case{
		Kernel: "tables", Shape: fmt.Sprintf("%s/updates=%d", m.Name, updates), Bound: exact, model: m,
		Bytes: int64(24 + 16*updates), Versions: []Version{inUse("tables")},
		draw: func(r *Ready, o *operands) *trial {
			const slots = 8
			entries := r.set.Spec().MaxBlocks
			want := make([]int32, slots*entries)
			for i := range want {
				want[i] = o.rand.Int32()
			}
			p := kernels.TablesParams{Counts: upload(o, kernels.Counts{Updates: int32(updates)}), Tables: upload(o, want...)}
			list := make([]kernels.Update, updates+1) // the last does not count
			for i, cell := range o.rand.Perm(len(want))[:len(list)] {
				list[i] = kernels.Update{Slot: int32(cell / entries), Index: int32(cell % entries), Block: o.rand.Int32()}
				if i < updates {
					want[cell] = list[i].Block
				}
			}
			p.Updates = upload(o, list...)
			return &trial{
				launch: func(s driver.Stream) error { return r.set.Tables(s, &p, 256) },
				params: kernels.Bytes(&p),
				compare: func() (got, want64 []float64) {
					return integers(download[int32](o, p.Tables, len(want))), integers(want)
				},
			}
		},
	}
}

func integers(v []int32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// copyBlockCase copies the first positions of a block in all layers.
func copyBlockCase(m model.Config, tokens int) Case {
	return Case{
		Kernel: "copy_block", Shape: tokensOf(m, tokens), Bound: exact, model: m,
		Bytes: 2 * int64(tokens) * int64(m.CacheBytesPerToken(2)), Versions: []Version{inUse("copy_block")},
		draw: func(r *Ready, o *operands) *trial {
			head := r.set.Spec().BlockTokens * m.HeadDim
			block := m.KVHeads * head
			layer := 3 * block // of blocks 0, 1 and 2
			p := kernels.CopyBlockParams{
				Keys: o.numbers(m.Layers*layer, 2), Values: o.numbers(m.Layers*layer, 2), LayerElements: int64(layer),
				Layers: int32(m.Layers), From: 2, To: 0, Tokens: int32(tokens),
			}
			var want [][]bf16.Number
			return &trial{
				launch: func(s driver.Stream) error { return r.set.CopyBlock(s, &p) },
				params: kernels.Bytes(&p),
				before: func() {
					for _, from := range []driver.Ptr{p.Keys, p.Values} {
						all := download[bf16.Number](o, from, m.Layers*layer)
						for at := 0; at < len(all); at += layer {
							for h := at; h < at+block; h += head {
								copy(all[h:], all[h+2*block:][:tokens*m.HeadDim])
							}
						}
						want = append(want, all)
					}
				},
				compare: func() (got, want64 []float64) {
					return widen16(append(download[bf16.Number](o, p.Keys, m.Layers*layer), download[bf16.Number](o, p.Values, m.Layers*layer)...)),
						widen16(slices.Concat(want...))
				},
			}
		},
	}
}

// anglesCase computes RoPE's angles of a context.
func anglesCase(m model.Config, positions int) Case {
	return Case{
		Kernel: "angles", Shape: fmt.Sprintf("%s/positions=%d", m.Name, positions), Bound: 1e-6, model: m,
		Bytes: 4 * int64(positions) * int64(m.HeadDim), Versions: []Version{inUse("angles")},
		draw: func(r *Ready, o *operands) *trial {
			n := positions * m.HeadDim
			p := kernels.AnglesParams{Frequencies: upload(o, m.Frequencies()...), Angles: o.room(4 * n), Positions: int32(positions)}
			return &trial{
				launch: func(s driver.Stream) error { return r.set.Angles(s, &p) },
				params: kernels.Bytes(&p),
				compare: func() (got, want []float64) {
					return widen32(download[float32](o, p.Angles, n)), widen32(reference.Angles(m.Frequencies(), positions))
				},
			}
		},
	}
}
