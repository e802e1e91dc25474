package cpu

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"

	"tierlab/engine/backend/cpu/internal/kernels"
	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// Config says what to compute, and with how much of the machine. Zero values
// stand for the defaults named.
type Config struct {
	Source   model.Source // read by Open only, and left open
	Numerics string       // "f32" or "bf16" (the default)
	Kernels  string       // "portable", "avx512", "avx512-bf16", "amx"; the fastest that the machine has for the numerics
	Threads  int          // that compute; as many as Go runs at once (GOMAXPROCS)

	Slots       int // most rows of a step; 16
	Budget      int // most tokens of a step; 512
	Context     int // longest context in tokens; the model's
	BlockTokens int // a multiple of 32 up to 256; 32

	// Blocks or CacheBytes bound the memory of keys and values; not both. By
	// default it holds a context for every slot, but takes at most a quarter of
	// the memory that weights and activations leave.
	Blocks     int
	CacheBytes int64

	// Available is how much memory may be taken, in bytes; what the system has
	// left.
	Available int64
}

// withDefaults replaces the zero values that do not depend on memory.
func (c Config) withDefaults(m model.Config) Config {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&c.Threads, runtime.GOMAXPROCS(0))
	set(&c.Slots, 16)
	set(&c.Budget, 512)
	set(&c.Context, m.Context)
	set(&c.BlockTokens, 32)
	if c.Numerics == "" {
		c.Numerics = kernels.BF16.String()
	}
	if c.Available == 0 {
		c.Available = available(systemLeft(), os.DirFS("/"))
	}
	return c
}

func (c Config) validate(m model.Config) error {
	for _, s := range []struct {
		name  string
		value int
		most  int
	}{
		{"threads", c.Threads, 1024}, {"slots", c.Slots, 1 << 16}, {"budget", c.Budget, 1 << 20}, {"context", c.Context, m.Context},
		{"block_tokens", c.BlockTokens, 256},
	} {
		if s.value < 1 || s.value > s.most {
			return fmt.Errorf("cpu: %s is %d, want 1..%d", s.name, s.value, s.most)
		}
	}
	switch {
	case c.BlockTokens%32 != 0:
		return fmt.Errorf("cpu: block_tokens is %d, want a multiple of 32 up to 256", c.BlockTokens)
	case m.HeadDim%16 != 0 || m.HeadDim > kernels.MaxHeadDim:
		return fmt.Errorf("cpu: %s has heads of %d elements, want a multiple of 16 up to %d", m.Name, m.HeadDim, kernels.MaxHeadDim)
	case m.Vocab > sample.MaxVocab:
		return fmt.Errorf("cpu: %s has a vocabulary of %d tokens, want at most the %d that can be sampled from", m.Name, m.Vocab, sample.MaxVocab)
	case c.Blocks < 0 || c.CacheBytes < 0 || c.Available < 0:
		return errors.New("cpu: blocks, cache_bytes and available are not negative")
	case c.Blocks > 0 && c.CacheBytes > 0:
		return errors.New("cpu: blocks and cache_bytes are two bounds of the same memory, want one")
	case c.Blocks > math.MaxInt32/c.BlockTokens:
		return fmt.Errorf("cpu: %d blocks of %d tokens hold more than 2^31-1 tokens", c.Blocks, c.BlockTokens)
	}
	return nil
}

// loops are the kernels that Numerics and Kernels name.
func (c Config) loops() (*kernels.Kernels, error) {
	var n kernels.Numerics
	switch c.Numerics {
	case kernels.F32.String():
		n = kernels.F32
	case kernels.BF16.String():
		n = kernels.BF16
	default:
		return nil, fmt.Errorf("cpu: numerics %q, want %q or %q", c.Numerics, kernels.F32, kernels.BF16)
	}
	isa := kernels.Detect().Best(n)
	if c.Kernels != "" {
		named, err := kernels.ParseISA(c.Kernels)
		if err != nil {
			return nil, fmt.Errorf("cpu: %w", err)
		}
		isa = named
	}
	k, err := kernels.New(n, isa)
	if err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	return k, nil
}

// Kernels lists the names that Config.Kernels may have on this machine for the
// numerics, the slowest first.
func Kernels(numerics string) []string {
	n := kernels.BF16
	if numerics == kernels.F32.String() {
		n = kernels.F32
	}
	var names []string
	for _, isa := range kernels.Detect().ISAs(n) {
		names = append(names, isa.String())
	}
	return names
}

// plan settles the number of blocks, and refuses what does not fit into memory.
func (c *Config) plan(m model.Config, k *kernels.Kernels) error {
	need := MemoryError{Weights: weightBytes(m, k), Activations: activationBytes(m, *c), Available: c.Available}
	perBlock := k.KVBlockBytes(m.Layers, c.BlockTokens, m.KVHeads, m.HeadDim)
	most := (c.Context + c.BlockTokens - 1) / c.BlockTokens
	switch {
	case c.CacheBytes > 0:
		c.Blocks = int(min(c.CacheBytes/perBlock, int64(math.MaxInt32/c.BlockTokens)))
		if c.Blocks == 0 {
			return fmt.Errorf("cpu: cache_bytes is %d, and one block of %d tokens takes %d", c.CacheBytes, c.BlockTokens, perBlock)
		}
	case c.Blocks == 0:
		left := (c.Available - need.Weights - need.Activations) / 4
		c.Blocks = int(max(1, min(left/perBlock, int64(c.Slots*most), int64(math.MaxInt32/c.BlockTokens))))
	}
	const beyond = 1 << 60 // any machine; what does not fit into 64 bits is more
	if need.Cache = beyond; int64(c.Blocks) < beyond/perBlock {
		need.Cache = int64(c.Blocks) * perBlock
	}
	if need.Cache == beyond || need.Weights+need.Cache+need.Activations > need.Available {
		return &need
	}
	c.Context = min(c.Context, c.Blocks*c.BlockTokens)
	return nil
}
