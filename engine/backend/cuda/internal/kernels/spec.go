package kernels

import (
	"fmt"
	"slices"
	"strconv"

	"tierlab/engine/model"
)

// Spec is what kernels are specialised for.
type Spec struct {
	Model       model.Config
	Arch        string // "sm_90a"
	BlockTokens int    // positions in a block of keys and values
	MaxBlocks   int    // entries of a slot's table
	SplitTokens int    // positions that a block of attend_decode reads
	Attend      AttendSizes
}

// headDims are the widths of a head that the kernels are written and tested for.
var headDims = [...]int{16, 32, 64, 128}

// Validate says which field no kernel can be made for.
func (s Spec) Validate() error {
	m := s.Model
	if err := m.Validate(); err != nil {
		return err
	}
	switch {
	case !slices.Contains(headDims[:], m.HeadDim):
		return fmt.Errorf("model %s: HeadDim is %d: the CUDA kernels have 16, 32, 64 and 128", m.Name, m.HeadDim)
	case m.Hidden%16 != 0 || m.FFN%16 != 0:
		return fmt.Errorf("model %s: Hidden is %d and FFN %d: the CUDA kernels want multiples of 16, which the matrix instruction takes", m.Name, m.Hidden, m.FFN)
	case s.BlockTokens < 1 || s.MaxBlocks < 1 || s.SplitTokens < 1:
		return fmt.Errorf("kernels for blocks of %d positions, %d blocks in a table and splits of %d positions: each is at least 1", s.BlockTokens, s.MaxBlocks, s.SplitTokens)
	}
	return s.validateAttention()
}

// Unit is the unit of a file with the macros that all kernels share, and more.
func (s Spec) Unit(name, file string, more ...string) Unit {
	m := s.Model
	macros := append([]string{
		fmt.Sprintf("HIDDEN=%d", m.Hidden), fmt.Sprintf("FFN=%d", m.FFN),
		fmt.Sprintf("HEADS=%d", m.Heads), fmt.Sprintf("KV_HEADS=%d", m.KVHeads), fmt.Sprintf("HEAD_DIM=%d", m.HeadDim),
		fmt.Sprintf("VOCAB=%d", m.Vocab), "RMS_EPS=" + strconv.FormatFloat(float64(m.RMSEps), 'e', -1, 32) + "f",
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
