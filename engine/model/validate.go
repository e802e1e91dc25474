package model

import (
	"fmt"
	"math"
)

// The architectures that are read, by Config.Arch. They differ in biases and in
// norms of the heads only.
const (
	Llama = "llama"
	Qwen2 = "qwen2" // QKVBias
	Qwen3 = "qwen3" // QKNorm
)

// maxDim is the largest dimension that is believed: large enough for every
// published model, and small enough that no product of three overflows int64.
const maxDim = 1 << 20

// Validate says which field is wrong and what would be right.
func (c Config) Validate() error {
	if err := c.validateSizes(); err != nil {
		return err
	}
	if err := c.validateArch(); err != nil {
		return err
	}
	if err := c.validateRope(); err != nil {
		return err
	}
	if c.BOS < -1 || int(c.BOS) >= c.Vocab {
		return c.errorf("BOS is %d: it is -1 for none, or an id below Vocab, %d", c.BOS, c.Vocab)
	}
	for _, id := range c.EOS {
		if id < 0 || int(id) >= c.Vocab {
			return c.errorf("EOS has %d: an id is from 0 to below Vocab, %d", id, c.Vocab)
		}
	}
	return nil
}

func (c Config) errorf(format string, args ...any) error {
	name := c.Name
	if name == "" {
		name = "unnamed"
	}
	return fmt.Errorf("model %s: %w", name, fmt.Errorf(format, args...))
}

func (c Config) validateSizes() error {
	for _, f := range []struct {
		name string
		n    int
		most int
	}{
		{"Layers", c.Layers, 1 << 12},
		{"Hidden", c.Hidden, maxDim},
		{"FFN", c.FFN, maxDim},
		{"Heads", c.Heads, 1 << 12},
		{"KVHeads", c.KVHeads, 1 << 12},
		{"HeadDim", c.HeadDim, 1 << 12},
		{"Vocab", c.Vocab, 1 << 24},
		{"Context", c.Context, 1 << 28},
	} {
		if f.n < 1 || f.n > f.most {
			return c.errorf("%s is %d: it is from 1 to %d", f.name, f.n, f.most)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return c.errorf("Heads is %d and KVHeads %d: KVHeads divides Heads, since a group of query heads shares a key head", c.Heads, c.KVHeads)
	case c.HeadDim%2 != 0:
		return c.errorf("HeadDim is %d: it is even, since RoPE turns pairs", c.HeadDim)
	case !(c.RMSEps > 0 && c.RMSEps < 1):
		return c.errorf("RMSEps is %g: it is between 0 and 1, such as 1e-5", c.RMSEps)
	}
	return nil
}

func (c Config) validateArch() error {
	bias, norm := c.Arch == Qwen2, c.Arch == Qwen3
	switch {
	case c.Arch != Llama && !bias && !norm:
		return c.errorf("Arch is %q: it is %q, %q or %q", c.Arch, Llama, Qwen2, Qwen3)
	case c.QKVBias != bias:
		return c.errorf("QKVBias is %v: it is set for Arch %q and for no other", c.QKVBias, Qwen2)
	case c.QKNorm != norm:
		return c.errorf("QKNorm is %v: it is set for Arch %q and for no other", c.QKNorm, Qwen3)
	}
	return nil
}

func (c Config) validateRope() error {
	if !(c.RopeTheta >= 1) || math.IsInf(c.RopeTheta, 0) {
		return c.errorf("RopeTheta is %g: it is at least 1, such as 10000 or 500000", c.RopeTheta)
	}
	r := c.Rope
	switch {
	case r == nil:
	case !(r.Factor >= 1) || math.IsInf(r.Factor, 0):
		return c.errorf("Rope.Factor is %g: it is at least 1", r.Factor)
	case !(r.LowFreqFactor > 0 && r.LowFreqFactor < r.HighFreqFactor) || math.IsInf(r.HighFreqFactor, 0):
		return c.errorf("Rope.LowFreqFactor is %g and HighFreqFactor %g: 0 < low < high", r.LowFreqFactor, r.HighFreqFactor)
	case r.OriginalContext < 1:
		return c.errorf("Rope.OriginalContext is %d: it is at least 1 token", r.OriginalContext)
	}
	return nil
}

// WithLayers is the same model with only its first n layers, so that a shape
// too large for a machine can be timed there.
func (c Config) WithLayers(n int) (Config, error) {
	if n < 1 || n > c.Layers {
		return Config{}, c.errorf("it cannot have %d layers: from 1 to its %d", n, c.Layers)
	}
	if n < c.Layers {
		c.Name = fmt.Sprintf("%s-%dl", c.Name, n)
	}
	c.Layers = n
	return c, nil
}
