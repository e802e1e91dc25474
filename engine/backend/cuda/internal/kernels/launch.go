package kernels

import (
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Tables brings the block tables up to date with at most that many updates.
func (s *Set) Tables(st driver.Stream, p *TablesParams, updates int) error {
	// The kernel strides, and a step has few updates but for the first of a long
	// context found in the cache.
	return s.launch(st, kTables, [3]int{min(ceilDiv(updates, s.entries[kTables].threads), 8), 1, 1}, 0, Bytes(p))
}

// CopyBlock copies the first positions of one block to another, in all layers.
func (s *Set) CopyBlock(st driver.Stream, p *CopyBlockParams) error {
	return s.launch(st, kCopyBlock, [3]int{int(p.Layers), s.spec.Model.KVHeads, 2}, 0, Bytes(p))
}

// Embed starts the residual stream of at most that many tokens.
func (s *Set) Embed(st driver.Stream, p *EmbedParams, tokens int) error {
	return s.launch(st, kEmbed, [3]int{tokens, 1, 1}, 0, Bytes(p))
}

// Norm adds to the residual stream and normalizes it, for at most that many
// tokens, or samples where p gathers.
func (s *Set) Norm(st driver.Stream, p *NormParams, tokens int) error {
	return s.launch(st, kNorm, [3]int{tokens, 1, 1}, 0, Bytes(p))
}

// Keys finishes queries, keys and values of at most that many tokens and appends
// the latter two to the cache.
func (s *Set) Keys(st driver.Stream, p *KeysParams, tokens int) error {
	return s.launch(st, kKeys, [3]int{tokens, 1, 1}, 0, Bytes(p))
}

// SiLU multiplies silu(gate) with up for at most that many tokens.
func (s *Set) SiLU(st driver.Stream, p *SiluParams, tokens int) error {
	pieces := ceilDiv(s.spec.Model.FFN/8, s.entries[kSiLU].threads)
	return s.launch(st, kSiLU, [3]int{pieces, tokens, 1}, 0, Bytes(p))
}

// Seeded makes p.Elements seeded weights.
func (s *Set) Seeded(st driver.Stream, p *SeededParams) error {
	return s.launch(st, kSeeded, [3]int{ceilDiv(int(p.Elements), 8*s.entries[kSeeded].threads), 1, 1}, 0, Bytes(p))
}

// Angles computes RoPE's angles of p.Positions positions.
func (s *Set) Angles(st driver.Stream, p *AnglesParams) error {
	n := int(p.Positions) * s.spec.Model.HeadDim / 2
	return s.launch(st, kAngles, [3]int{ceilDiv(n, s.entries[kAngles].threads), 1, 1}, 0, Bytes(p))
}

// launch queues a kernel in a stream with a grid of so many blocks.
func (s *Set) launch(st driver.Stream, k kernelID, grid [3]int, shared int, params []byte) error {
	e := &s.entries[k]
	if s.functions[k] == 0 {
		return fmt.Errorf("kernel %s is not loaded", e.name)
	}
	l := driver.Launch{Function: s.functions[k], Block: [3]uint32{uint32(e.threads), 1, 1}, Shared: shared, Params: params}
	most := [3]int{1<<31 - 1, 1<<16 - 1, 1<<16 - 1} // blocks along x, y and z, on every chip
	for i, n := range grid {
		if n < 1 || n > most[i] {
			return fmt.Errorf("kernel %s: a grid of %v blocks: each side is from 1 to %v", e.name, grid, most)
		}
		l.Grid[i] = uint32(n)
	}
	if err := s.dev.Launch(l, st); err != nil {
		return fmt.Errorf("kernel %s, %v blocks of %d threads: %w", e.name, grid, e.threads, err)
	}
	return nil
}
