package cuda

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// Config says what to compute, on which device and with how much of it. Zero
// values stand for the defaults named.
type Config struct {
	Source model.Source // read by Open only, and left open
	Device int          // the device's number, as the driver counts

	Slots       int // most rows of a step; DefaultSlots
	Budget      int // most tokens of a step; DefaultBudget
	Context     int // longest context in tokens; the model's, as far as the blocks hold it
	BlockTokens int // 16, 32, 64 or 128; DefaultBlockTokens
	// SplitTokens is how much of a context one block of threads reads where a
	// sequence decodes, a multiple of BlockTokens; 256. It fixes the order of
	// attention's sums, whatever else runs.
	SplitTokens int

	// Blocks or CacheBytes bound the memory of keys and values; not both. By
	// default it is nine tenths of what the rest leaves, at least Context tokens,
	// or Budget where Context is left out.
	Blocks     int
	CacheBytes int64

	// Invariant asks for BE-5: the same bits for a request whatever runs beside
	// it. It costs speed; see the package comment.
	Invariant bool
	// Tune times what products may be computed by and takes the quickest, at Open:
	// with a library up to seven candidates, a dozen times each, at some ninety
	// sizes for a Budget of 2048, which takes seconds, and more kernels to compile.
	// It is off by default since without it the choice, and with it a result's last
	// bits, is the same in every process on such a machine.
	Tune bool
	// Warm captures the graphs of decode steps at Open, which are captured when
	// first needed otherwise.
	Warm bool

	CacheDir string // of compiled kernels; "" is the user's
	// NoLibrary leaves the products of matrices to kernels of ours.
	NoLibrary bool

	// Driver and Compiler replace the machine's; both or none.
	Driver   driver.Driver
	Compiler kernels.Compiler
	library  *cublaslt.Library // beside them; none otherwise
}

// The sizes of a backend of which nobody says any: a step reads all weights, so
// many rows share the price, and its tokens are enough to be bound by arithmetic.
const (
	DefaultSlots       = 256
	DefaultBudget      = 2048
	DefaultBlockTokens = 64
)

// blockSizes are the block sizes that the kernels know.
var blockSizes = [...]int{16, 32, 64, 128}

func (c Config) withDefaults() Config {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&c.Slots, DefaultSlots)
	set(&c.Budget, DefaultBudget)
	set(&c.BlockTokens, DefaultBlockTokens)
	set(&c.SplitTokens, 256)
	return c
}

// validate looks at the settings and the model's shape, with defaults filled in.
func (c *Config) validate(m model.Config) error {
	for _, s := range []struct {
		name               string
		value, least, most int
	}{
		{"device", c.Device, 0, 1 << 16}, {"slots", c.Slots, 1, 1 << 14}, {"budget", c.Budget, 1, 1 << 20},
		{"context", c.Context, 0, m.Context}, {"split_tokens", c.SplitTokens, 1, 1 << 16}, {"blocks", c.Blocks, 0, math.MaxInt32},
	} {
		if s.value < s.least || s.value > s.most {
			return fmt.Errorf("cuda: %s is %d, want %d..%d", s.name, s.value, s.least, s.most)
		}
	}
	switch {
	case !slices.Contains(blockSizes[:], c.BlockTokens):
		return fmt.Errorf("cuda: block_tokens is %d, want one of %d", c.BlockTokens, blockSizes)
	case c.SplitTokens%c.BlockTokens != 0:
		return fmt.Errorf("cuda: split_tokens is %d, want a multiple of block_tokens, %d", c.SplitTokens, c.BlockTokens)
	case c.CacheBytes < 0:
		return fmt.Errorf("cuda: cache_bytes is %d, want 0 or more", c.CacheBytes)
	case c.Blocks > 0 && c.CacheBytes > 0:
		return errors.New("cuda: blocks and cache_bytes are two bounds of the same memory, want one")
	case c.Blocks > math.MaxInt32/c.BlockTokens:
		return fmt.Errorf("cuda: %d blocks of %d tokens hold more than 2^31-1 tokens", c.Blocks, c.BlockTokens)
	case (c.Driver == nil) != (c.Compiler == nil):
		return errors.New("cuda: a driver needs the compiler that makes images for it")
	}
	return c.checkModel(m)
}

// checkModel refuses models that the kernels do not compute, before anything is
// compiled.
func (c *Config) checkModel(m model.Config) error {
	if m.Vocab > sample.MaxVocab {
		return fmt.Errorf("cuda: %s has a vocabulary of %d tokens, want at most the %d that can be sampled from", m.Name, m.Vocab, sample.MaxVocab)
	}
	spec := kernels.Spec{Model: m, BlockTokens: c.BlockTokens, MaxBlocks: 1, SplitTokens: c.SplitTokens}
	if err := spec.Validate(); err != nil {
		return fmt.Errorf("cuda: %w", err)
	}
	for _, s := range productShapes(m, 0) {
		if err := (kernels.ProductShape{Name: s.Name, N: s.N, K: s.K, F32: s.F32}).Validate(); err != nil {
			return fmt.Errorf("cuda: model %s: %w", m.Name, err)
		}
	}
	return nil
}
