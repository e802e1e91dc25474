package kernels

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"

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

// Unit is the unit of a file with the macros that kernels share, and more. Of the
// shared ones it has those that the file or what it includes names, so that it
// is not compiled again for a size that it does not depend on; a file that is not
// among Sources has them all.
func (s Spec) Unit(name, file string, more ...string) Unit {
	macros := slices.Clone(more)
	named := map[string]bool{}
	known := addWords(named, file) == nil
	for macro, value := range s.macros() {
		if named[macro] || !known {
			macros = append(macros, macro+"="+value)
		}
	}
	slices.Sort(macros)
	return Unit{Name: name, File: file, Macros: macros, Arch: s.Arch}
}

// macros are those that kernels share.
func (s Spec) macros() map[string]string {
	m := s.Model
	return map[string]string{
		"HIDDEN": strconv.Itoa(m.Hidden), "FFN": strconv.Itoa(m.FFN), "VOCAB": strconv.Itoa(m.Vocab),
		"HEADS": strconv.Itoa(m.Heads), "KV_HEADS": strconv.Itoa(m.KVHeads), "HEAD_DIM": strconv.Itoa(m.HeadDim),
		"RMS_EPS":  strconv.FormatFloat(float64(m.RMSEps), 'e', -1, 32) + "f",
		"QKV_BIAS": strconv.Itoa(bit(m.QKVBias)), "QK_NORM": strconv.Itoa(bit(m.QKNorm)),
		"BLOCK_TOKENS": strconv.Itoa(s.BlockTokens), "MAX_BLOCKS": strconv.Itoa(s.MaxBlocks), "SPLIT_TOKENS": strconv.Itoa(s.SplitTokens),
	}
}

// addWords adds the words of a file's code, and of what it includes of Sources.
func addWords(to map[string]bool, file string) error {
	text, err := Sources.ReadFile(file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		code, _, _ := strings.Cut(line, "//")
		if quoted, ok := strings.CutPrefix(code, `#include "`); ok {
			included, _, _ := strings.Cut(quoted, `"`)
			if err := addWords(to, included); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		for word := range strings.FieldsFuncSeq(code, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			to[word] = true
		}
	}
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
