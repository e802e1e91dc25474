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

// step is the rows of a step that attention's kernels meet: tables that lead to
// blocks in no order, and the cache of one layer.
type step struct {
	spec   kernels.Spec
	rows   []kernels.Row
	tables []int32 // [rows][MaxBlocks]
	blocks int     // in the cache
	tokens int
	at     struct{ rows, tokenRow, tables, qkv, keys, values driver.Ptr }
}

// newStep makes a step of rows of n tokens behind start others each.
func newStep(o *operands, m model.Config, rows, start, n int) *step {
	spec := o.b.spec(m)
	each := ceilDiv(start+n, spec.BlockTokens)
	s := &step{spec: spec, tables: make([]int32, rows*spec.MaxBlocks), blocks: rows * each, tokens: rows * n}
	free := o.rand.Perm(s.blocks)
	tokenRow := make([]int32, 0, s.tokens)
	for i := range rows {
		s.rows = append(s.rows, kernels.Row{Slot: int32(i), Start: int32(start), N: int32(n), First: int32(i * n), Item: -1})
		for j := range each {
			s.tables[i*spec.MaxBlocks+j] = int32(free[i*each+j])
		}
		tokenRow = append(tokenRow, slices.Repeat([]int32{int32(i)}, n)...)
	}
	cells := s.blocks * m.KVHeads * spec.BlockTokens * m.HeadDim
	s.at.rows, s.at.tokenRow, s.at.tables = upload(o, s.rows...), upload(o, tokenRow...), upload(o, s.tables...)
	s.at.qkv = o.numbers(s.tokens*s.width(), 2)
	s.at.keys, s.at.values = o.numbers(cells, 2), o.numbers(cells, 2)
	return s
}

// width is the elements of a position's queries, keys and values.
func (s *step) width() int {
	return (s.spec.Model.Heads + 2*s.spec.Model.KVHeads) * s.spec.Model.HeadDim
}

// cell is where a position's head lies in the cache, in heads.
func (s *step) cell(row, position, head int) int {
	block := int(s.tables[row*s.spec.MaxBlocks+position/s.spec.BlockTokens])
	return (block*s.spec.Model.KVHeads+head)*s.spec.BlockTokens + position%s.spec.BlockTokens
}

// keysCase finishes queries, keys and values of rows of n tokens at position
// start and behind.
func keysCase(m model.Config, rows, start, n int) Case {
	tokens := int64(rows) * int64(n)
	width := int64(m.Heads+2*m.KVHeads) * int64(m.HeadDim)
	return Case{
		Kernel: "keys", Shape: fmt.Sprintf("%s/rows=%d/at=%d/tokens=%d", m.Name, rows, start, n), Bound: roundedTo, model: m,
		Bytes:    tokens * (2*2*width + 4*int64(m.HeadDim)),
		Versions: []Version{inUse("keys"), candidate("keys_2", "a block for a third of the heads, so that small steps have more blocks", keysThreads(m), keysGrid(rows*n))},
		draw: func(r *Ready, o *operands) *trial {
			s := newStep(o, m, rows, start, n)
			p := kernels.KeysParams{
				Counts: upload(o, kernels.Counts{Rows: int32(rows), Tokens: int32(tokens)}), TokenRow: s.at.tokenRow,
				Rows: s.at.rows, Tables: s.at.tables, QKV: s.at.qkv, Keys: s.at.keys, Values: s.at.values,
				Bias: o.floats(int(width), 1), QNorm: o.floats(m.HeadDim, 2), KNorm: o.floats(m.HeadDim, 2),
				Angles: o.shared("angles", func() driver.Ptr { return upload(o, reference.Angles(m.Frequencies(), start+n)...) }),
			}
			picked := some(o.rand, s.tokens)
			var before [][]bf16.Number
			return &trial{
				launch: func(st driver.Stream) error { return r.set.Keys(st, &p, s.tokens) },
				params: kernels.Bytes(&p),
				before: func() {
					for _, t := range picked {
						before = append(before, row[bf16.Number](o, s.at.qkv, t, int(width)))
					}
				},
				compare: func() (got, want []float64) {
					for i, t := range picked {
						g, w := s.position(o, &p, t, before[i])
						got, want = append(got, g...), append(want, w...)
					}
					return got, want
				},
			}
		},
	}
}

// keysThreads and keysGrid are those of keys_2.
func keysThreads(m model.Config) int {
	return max(32, ceilDiv((m.Heads+2*m.KVHeads)*m.HeadDim/16/3, 32)*32)
}

func keysGrid(tokens int) func(model.Config, int) [3]uint32 {
	return func(m model.Config, threads int) [3]uint32 {
		return [3]uint32{uint32(ceilDiv((m.Heads+2*m.KVHeads)*m.HeadDim/16, threads)), uint32(tokens), 1}
	}
}

// position gives what became of a token's queries, keys and values, and what
// should have, given what they were.
func (s *step) position(o *operands, p *kernels.KeysParams, t int, before []bf16.Number) (got, want []float64) {
	m := s.spec.Model
	which := slices.IndexFunc(s.rows, func(r kernels.Row) bool { return t < int(r.First+r.N) })
	at := int(s.rows[which].Start) + t - int(s.rows[which].First)
	bias := download[float32](o, p.Bias, len(before))
	norms := [2][]float32{download[float32](o, p.QNorm, m.HeadDim), download[float32](o, p.KNorm, m.HeadDim)}
	var angles []float64
	for _, f := range m.Frequencies() {
		angles = append(angles, f*float64(at))
	}
	for head := range m.Heads + 2*m.KVHeads {
		var b, n []float32
		if m.QKVBias {
			b = bias[head*m.HeadDim:][:m.HeadDim]
		}
		turn, from, i := angles, p.QKV, t*(m.Heads+2*m.KVHeads)+head
		switch kv := head - m.Heads; {
		case kv >= m.KVHeads:
			turn, from, i = nil, p.Values, s.cell(which, at, kv-m.KVHeads)
		case kv >= 0:
			from, i = p.Keys, s.cell(which, at, kv)
		}
		if m.QKNorm && turn != nil {
			n = norms[min(1, head/m.Heads)]
		}
		w, _ := reference.Head(before[head*m.HeadDim:][:m.HeadDim], b, n, m.RMSEps, turn)
		want = append(want, w...)
		got = append(got, widen16(row[bf16.Number](o, from, i, m.HeadDim))...)
	}
	return got, want
}
