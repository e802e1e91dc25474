package lab

import (
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// attendTo is the bound of attention: weights are rounded to bf16 before they
// multiply values, and the result is.
const attendTo = 1e-2

// attendCase is the attention of rows of n tokens behind start others: decoding
// for n = 1, and then the join of the splits is part of it.
func attendCase(m model.Config, rows, start, n int) Case {
	name, units := "attend_prefill", []string{"attend_prefill"}
	if n == 1 {
		name, units = "attend_decode", []string{"attend_decode", "attend_combine"}
	}
	c := Case{
		Kernel: name, Shape: fmt.Sprintf("%s/rows=%d/at=%d/tokens=%d", m.Name, rows, start, n), Bound: attendTo, model: m,
		Bytes:    int64(rows) * (int64(start+n)*int64(m.CacheBytesPerToken(2)/m.Layers) + int64(n)*int64(2*2*m.Heads*m.HeadDim)),
		Versions: append([]Version{inUse(units...)}, attendSizes(m, n == 1, units)...),
	}
	if n > 1 {
		pairs := int64(n)*int64(start) + int64(n)*int64(n+1)/2 // of queries and positions
		c.FLOPs = int64(rows) * pairs * int64(m.Heads) * int64(m.HeadDim) * 4
	}
	c.draw = func(r *Ready, o *operands) *trial {
		s := newStep(o, m, rows, start, n)
		spec := r.set.Spec() // with the version's sizes
		w := kernels.Work{Spec: spec, Capacity: rows * ceilDiv(start+n, spec.SplitTokens)}
		for _, row := range s.rows {
			w.Add(row.Slot, row.Start, row.N)
		}
		w.Finish()
		p := kernels.AttendParams{
			Counts: upload(o, kernels.Counts{Rows: int32(rows), Tokens: int32(s.tokens), DecodeItems: int32(len(w.Decode)), PrefillItems: int32(len(w.Prefill))}),
			Rows:   upload(o, w.Rows...), Items: upload(o, append(w.Decode, w.Prefill...)...), Tables: s.at.tables,
			QKV: s.at.qkv, Keys: s.at.keys, Values: s.at.values, Out: o.room(2 * s.tokens * m.Heads * m.HeadDim),
		}
		if n == 1 {
			p.Partial, p.Scale = o.room(4*len(w.Decode)*m.Heads*m.HeadDim), o.room(8*len(w.Decode)*m.Heads)
		}
		return &trial{
			launch:  func(st driver.Stream) error { return launchAttention(r.set, st, &p, &w) },
			compare: func() (got, want []float64) { return s.compareAttention(o, &p) },
		}
	}
	return c
}

// attendSizes are other sizes of the kernels, where heads are so wide that memory
// and matrix units are the bound.
func attendSizes(m model.Config, decode bool, units []string) []Version {
	if m.HeadDim < 64 {
		return nil
	}
	with := func(name, gain string, split int, a kernels.AttendSizes) Version {
		return sized(name, gain, func(s *kernels.Spec) { s.SplitTokens, s.Attend = split, a }, units...)
	}
	if decode {
		return []Version{
			with("split-128", "twice the blocks for one row", 128, kernels.AttendSizes{}),
			with("split-512", "half the partial sums and the joins of warps", 512, kernels.AttendSizes{}),
			with("stages-2", "three blocks on a multiprocessor with two thirds of the reads under way in each", 256, kernels.AttendSizes{DecodeStages: 2, DecodeBlocks: 3}),
			with("warps-2", "four small blocks on a multiprocessor, which wait less for one another", 256, kernels.AttendSizes{DecodeWarps: 2, DecodeBlocks: 4}),
			with("warps-8", "each split in half the time, for few rows", 256, kernels.AttendSizes{DecodeWarps: 8, DecodeBlocks: 1}),
		}
	}
	return []Version{
		with("rows-256", "half the reads from the second cache", 256, kernels.AttendSizes{PrefillWarps: 8, PrefillBlocks: 1}),
		with("rows-256-stages-3", "the same with two tiles under way", 256, kernels.AttendSizes{PrefillWarps: 8, PrefillBlocks: 1, PrefillStages: 3}),
		with("rows-64", "twice the blocks for short chunks", 256, kernels.AttendSizes{PrefillTiles: 1}),
		with("warps-8", "twice the warps with half the rows each, which wait less and read more of the ring", 256, kernels.AttendSizes{PrefillWarps: 8, PrefillTiles: 1}),
		with("stages-3", "two tiles under way, one block on a multiprocessor", 256, kernels.AttendSizes{PrefillStages: 3, PrefillBlocks: 1}),
	}
}

func launchAttention(set *kernels.Set, st driver.Stream, p *kernels.AttendParams, w *kernels.Work) error {
	if len(w.Prefill) > 0 {
		return set.AttendPrefill(st, p, len(w.Prefill))
	}
	if err := set.AttendDecode(st, p, len(w.Decode)); err != nil {
		return err
	}
	return set.AttendCombine(st, p, len(w.Rows))
}

// compareAttention takes some positions, and of each some heads.
func (s *step) compareAttention(o *operands, p *kernels.AttendParams) (got, want []float64) {
	m := s.spec.Model
	n := int(s.rows[0].N)
	for i, t := range some(o.rand, s.tokens)[:min(s.tokens, 24)] {
		head := i % m.Heads
		which, at := t/n, int(s.rows[t/n].Start)+t%n
		cached := func(from driver.Ptr) func(int) []bf16.Number {
			kv := head / (m.Heads / m.KVHeads)
			run := s.spec.BlockTokens * m.HeadDim // a head's part of a block, downloaded at once
			var block []bf16.Number
			return func(position int) []bf16.Number {
				if position%s.spec.BlockTokens == 0 {
					block = row[bf16.Number](o, from, s.cell(which, position, kv)/s.spec.BlockTokens, run)
				}
				return block[position%s.spec.BlockTokens*m.HeadDim:][:m.HeadDim]
			}
		}
		q := row[bf16.Number](o, p.QKV, t*(m.Heads+2*m.KVHeads)+head, m.HeadDim)
		want = append(want, reference.Attend(q, at+1, cached(p.Keys), cached(p.Values))...)
		got = append(got, widen16(row[bf16.Number](o, p.Out, t*m.Heads+head, m.HeadDim))...)
	}
	return got, want
}
