package backendtest

import (
	"slices"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// Once submits a step and waits for it.
func Once(tb testing.TB, b backend.Backend, s *backend.Step, r *backend.Result) {
	tb.Helper()
	if err := b.Submit(s); err != nil {
		tb.Fatal(err)
	}
	if err := b.Wait(r); err != nil {
		tb.Fatal(err)
	}
}

// Logits computes one context, chunk by chunk, and returns the logits after each.
// A chunk beyond the backend's budget is computed in several steps. The context's
// blocks are the last ones first.
func Logits(tb testing.TB, b backend.Backend, chunks [][]int32) [][]float32 {
	tb.Helper()
	size, total := b.Caps().BlockTokens, len(slices.Concat(chunks...))
	blocks := make([]kv.Block, (total+size-1)/size)
	for i := range blocks {
		blocks[i] = kv.Block(len(blocks) - 1 - i)
	}
	var out [][]float32
	var r backend.Result
	row := sched.Row{NewBlocks: blocks}
	for _, chunk := range chunks {
		pieces := slices.Collect(slices.Chunk(chunk, b.Caps().Budget))
		for i, piece := range pieces {
			row.N, row.Sample = int32(len(piece)), i == len(pieces)-1
			p := &sched.Plan{ID: uint64(row.Start), Rows: []sched.Row{row}}
			p.Shape = p.Shape.With(row.Start, row.N, row.Sample)
			s := &backend.Step{Plan: p, Tokens: piece}
			if row.Sample {
				s.Picks = []sample.Pick{{Forced: -1, Logprobs: -1, Logits: true}}
			}
			Once(tb, b, s, &r)
			row.Start += row.N
			row.FirstBlock, row.NewBlocks = int32(len(blocks)), nil
		}
		out = append(out, slices.Clone(r.Choices[0].Logits))
	}
	return out
}

// Logits computes g's rows: the prompt cut where it has rows, then decoding.
func (g Golden) Logits(tb testing.TB, b backend.Backend) [][]float32 {
	tb.Helper()
	all := slices.Concat(g.Prompt, g.Forced)
	if g.At[len(g.At)-1] != len(all)-1 {
		tb.Fatalf("the last row is at %d of %d tokens", g.At[len(g.At)-1], len(all))
	}
	var chunks [][]int32
	from := 0
	for _, at := range g.At {
		chunks = append(chunks, all[from:at+1])
		from = at + 1
	}
	return Logits(tb, b, chunks)
}
