package cpu

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"tierlab/engine/backend/backendtest"
	"tierlab/engine/model"
)

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no source", func(c *Config) { c.Source = nil }, "no source"},
		{"numerics", func(c *Config) { c.Numerics = "f16" }, `"f16", want "f32" or "bf16"`},
		{"kernels", func(c *Config) { c.Kernels = "sse" }, `"sse"`},
		{"kernels of other numerics", func(c *Config) { c.Numerics, c.Kernels = "f32", "amx" }, "amx"},
		{"threads", func(c *Config) { c.Threads = -1 }, "threads is -1"},
		{"slots", func(c *Config) { c.Slots = -1 }, "slots is -1"},
		{"budget", func(c *Config) { c.Budget = 1 << 30 }, "budget is"},
		{"context", func(c *Config) { c.Context = 1 << 20 }, "context is 1048576, want 1..4096"},
		{"block size", func(c *Config) { c.BlockTokens = 48 }, "multiple of 32"},
		{"two bounds", func(c *Config) { c.Blocks, c.CacheBytes = 1, 1 }, "want one"},
		{"cache smaller than a block", func(c *Config) { c.CacheBytes = 100 }, "one block of 32 tokens takes"},
		{"blocks beyond any machine", func(c *Config) { c.Blocks = math.MaxInt32 }, "2^31-1 tokens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Source: source(t, "tiny")}
			c.change(&cfg)
			if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// unread is a source that must not be read.
type unread struct {
	model.Source
	t *testing.T
}

func (u unread) Rows(model.Ref, int, []float32) error {
	u.t.Error("weights are read before the memory is known to suffice")
	return errors.New("unread")
}

func TestMemoryIsCheckedFirst(t *testing.T) {
	for name, c := range map[string]Config{
		"blocks":     {Blocks: 60_000_000, Available: 1 << 39},
		"cache":      {CacheBytes: 2 << 40, Available: 1 << 39},
		"weights":    {Available: 100_000},
		"activation": {Budget: 1 << 20, Available: 1 << 28},
	} {
		c.Source = unread{source(t, "tiny"), t}
		_, err := Open(c)
		var full *MemoryError
		if !errors.As(err, &full) || full.Available != c.Available || full.Weights == 0 || full.Cache == 0 || full.Activations == 0 {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestShapeIsCheckedFirst refuses models that no weight has to be read for.
func TestShapeIsCheckedFirst(t *testing.T) {
	for want, change := range map[string]func(*model.Config, *Config){
		"heads of 24 elements":        func(m *model.Config, _ *Config) { m.HeadDim = 24 },
		"heads of 528 elements":       func(m *model.Config, _ *Config) { m.HeadDim = 528 },
		"vocabulary of 524289 tokens": func(m *model.Config, _ *Config) { m.Vocab = 1<<19 + 1 },
		"keys and values 1099511627776.": func(m *model.Config, c *Config) { // 2^64 bytes
			m.Layers, m.Hidden, m.FFN, m.Heads, m.KVHeads, m.HeadDim = 4096, 2, 2, 4096, 4096, 512
			c.Blocks, c.Available = 1<<24, math.MaxInt64
		},
	} {
		c := Config{Numerics: "bf16"}
		m := source(t, "tiny").Config()
		change(&m, &c)
		c.Source = unread{model.Seeded(m, 1), t}
		if _, err := Open(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestMemoryIsAsPlanned compares what was checked with what was taken.
func TestMemoryIsAsPlanned(t *testing.T) {
	for _, preset := range model.PresetNames()[:4] {
		t.Run(preset, func(t *testing.T) {
			variants(t, func(t *testing.T, c Config) {
				c.Source = source(t, preset)
				c.Blocks = 7
				b := open(t, c)
				defer b.Close()
				want := weightBytes(c.Source.Config(), b.pass.k)
				if got := b.Caps(); got.WeightBytes != want || got.CacheBytes != 7*b.pass.k.KVBlockBytes(b.pass.m.Layers, 32, b.pass.m.KVHeads, b.pass.m.HeadDim) || got.Context != 7*32 {
					t.Errorf("%s: %+v, planned %d bytes of weights", preset, got, want)
				}
			})
		})
	}
}

// truncated is a source that ends early.
type truncated struct{ model.Source }

func (s truncated) Rows(r model.Ref, row int, dst []float32) error {
	if r.Kind == model.Down && r.Layer == 1 {
		return errors.New("the file ends")
	}
	return s.Source.Rows(r, row, dst)
}

func TestSourceErrorEndsOpen(t *testing.T) {
	_, err := Open(Config{Source: truncated{source(t, "tiny")}, Threads: 2})
	if err == nil || !strings.Contains(err.Error(), "the file ends") || len(err.Error()) > 200 {
		t.Errorf("error %v", err)
	}
}

// logits is backendtest.Logits of a backend that is opened for it.
func logits(t *testing.T, c Config, chunks [][]int32) [][]float32 {
	t.Helper()
	b := open(t, c)
	defer b.Close()
	return backendtest.Logits(t, b, chunks)
}

// tokens are n ids that follow from seed.
func tokens(seed, n, vocab int) []int32 {
	ids := make([]int32, n)
	x := uint32(seed)*2654435761 + 12345
	for i := range ids {
		x = x*1664525 + 1013904223
		ids[i] = int32(x>>8) % int32(vocab)
	}
	return ids
}

// TestThreadsAndBlocksDoNotMatter holds the bits to be the same whatever number
// of workers computes them and whatever the blocks' size, for every model.
func TestThreadsAndBlocksDoNotMatter(t *testing.T) {
	for _, preset := range model.PresetNames()[:4] {
		t.Run(preset, func(t *testing.T) {
			variants(t, func(t *testing.T, c Config) {
				c.Source, c.Blocks = source(t, preset), 10
				chunks := append([][]int32{tokens(1, 150, 400)}, slices.Collect(slices.Chunk(tokens(2, 8, 400), 1))...)
				c.Threads = 1
				want := logits(t, c, chunks)
				for _, other := range []struct{ threads, block int }{{2, 32}, {3, 128}, {8, 64}} {
					c.Threads, c.BlockTokens = other.threads, other.block
					got := logits(t, c, chunks)
					for i := range want {
						for j := range want[i] {
							if math.Float32bits(got[i][j]) != math.Float32bits(want[i][j]) {
								t.Fatalf("%s: %d threads, blocks of %d: logit %d of step %d is %v, not %v", preset, other.threads, other.block, j, i, got[i][j], want[i][j])
							}
						}
					}
				}
			})
		})
	}
}
