package kernels

import (
	"fmt"
	"slices"

	"tierlab/engine/model"
)

// Spec is what kernels are specialised for.
type Spec struct {
	Model       model.Config
	Arch        string // "sm_90a"
	BlockTokens int    // positions in a block of keys and values
	MaxBlocks   int    // entries of a slot's table
	SplitTokens int    // positions that a block of attend_decode reads
}

// Unit is the unit of a file with the macros that all kernels share, and more.
func (s Spec) Unit(name, file string, more ...string) Unit {
	m := s.Model
	macros := append([]string{
		fmt.Sprintf("HIDDEN=%d", m.Hidden), fmt.Sprintf("FFN=%d", m.FFN),
		fmt.Sprintf("HEADS=%d", m.Heads), fmt.Sprintf("KV_HEADS=%d", m.KVHeads), fmt.Sprintf("HEAD_DIM=%d", m.HeadDim),
		fmt.Sprintf("VOCAB=%d", m.Vocab), fmt.Sprintf("RMS_EPS=%gf", m.RMSEps),
		fmt.Sprintf("QKV_BIAS=%d", bit(m.QKVBias)), fmt.Sprintf("QK_NORM=%d", bit(m.QKNorm)),
		fmt.Sprintf("BLOCK_TOKENS=%d", s.BlockTokens), fmt.Sprintf("MAX_BLOCKS=%d", s.MaxBlocks),
		fmt.Sprintf("SPLIT_TOKENS=%d", s.SplitTokens),
	}, more...)
	slices.Sort(macros)
	return Unit{Name: name, File: file, Macros: macros, Arch: s.Arch}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
