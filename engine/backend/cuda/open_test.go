package cuda

import (
	"errors"
	"math"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/fake"
	"tierlab/engine/model"
)

// TestOpenRefuses: bad settings and models are refused before any allocation,
// with what is wrong and what would be right.
func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config, *model.Config)
		want   string
	}{
		{"no source", func(c *Config, _ *model.Config) { c.Source = nil }, "no source"},
		{"device", func(c *Config, _ *model.Config) { c.Device = 3 }, "there is no device 3"},
		{"slots", func(c *Config, _ *model.Config) { c.Slots = -1 }, "slots is -1"},
		{"budget", func(c *Config, _ *model.Config) { c.Budget = 1 << 30 }, "budget is"},
		{"context", func(c *Config, _ *model.Config) { c.Context = 1 << 20 }, "context is 1048576, want 0..4096"},
		{"block size", func(c *Config, _ *model.Config) { c.BlockTokens = 48 }, "block_tokens is 48, want one of [16 32 64 128]"},
		{"splits", func(c *Config, _ *model.Config) { c.SplitTokens = 100 }, "split_tokens is 100, want a multiple of block_tokens"},
		{"two bounds", func(c *Config, _ *model.Config) { c.Blocks, c.CacheBytes = 1, 1 }, "want one"},
		{"cache smaller than a block", func(c *Config, _ *model.Config) { c.CacheBytes = 100 }, "one block of 64 tokens takes"},
		{"blocks beyond any device", func(c *Config, _ *model.Config) { c.Blocks = math.MaxInt32 }, "2^31-1 tokens"},
		{"a driver alone", func(c *Config, _ *model.Config) { c.Compiler = nil }, "needs the compiler"},
		{"head size", func(_ *Config, m *model.Config) { m.HeadDim = 24 }, "HeadDim is 24"},
		{"widths", func(_ *Config, m *model.Config) { m.FFN = 120 }, "multiples of 16"},
		{"vocabulary", func(_ *Config, m *model.Config) { m.Vocab = 1<<19 + 1 }, "vocabulary of 524289 tokens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := fake.New(fake.Options{})
			m := source(t, "tiny").Config()
			cfg := Config{Driver: d, Compiler: fake.Compiler{}}
			c.change(&cfg, &m)
			if c.name != "no source" {
				cfg.Source = model.Seeded(m, 1)
			}
			_, err := Open(cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if len(d.Named("Alloc")) > 0 || len(d.Leaks()) > 0 {
				t.Errorf("memory was taken before: %v", d.Calls())
			}
		})
	}
}

// TestMemoryIsCheckedFirst: what does not fit is an error that names what was
// asked and what was free, before anything is allocated or read.
func TestMemoryIsCheckedFirst(t *testing.T) {
	const gib = 1 << 30
	large := source(t, "tiny").Config()
	large.Layers, large.Hidden, large.FFN = 64, 8192, 28672
	for name, c := range map[string]struct {
		model        model.Config
		config       Config
		free, total  int64
		want, second string
	}{
		"a model larger than the device": {large, Config{}, 80 * gib, 80 * gib, "the model is larger than the device", "weights 86228.0 MiB"},
		"another process":                {source(t, "small").Config(), Config{}, gib / 4, 80 * gib, "81664.0 MiB are taken by others", "nvidia-smi"},
		"no room for a context":          {source(t, "small").Config(), Config{Context: 32768}, gib, 80 * gib, "are taken by others", "keys and values 384.0 MiB"},
		"too many blocks":                {source(t, "small").Config(), Config{Blocks: 1 << 20}, 80 * gib, 80 * gib, "take fewer blocks", "are free"},
		"blocks of 8 terabytes":          {large, Config{Blocks: 1 << 24}, 80 * gib, 80 * gib, "keys and values 8388608.0 MiB", "larger"},
	} {
		t.Run(name, func(t *testing.T) {
			c.config = c.config.withDefaults()
			_, err := c.config.plan(c.model, driver.Device{Name: "Fake GPU", SMs: 132}, c.free, c.total, 0)
			var full *MemoryError
			if !errors.As(err, &full) || full.Free != c.free || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.second) {
				t.Errorf("error %v, want one with %q and %q", err, c.want, c.second)
			}
		})
	}
	d := fake.New(fake.Options{Memory: 1 << 20})
	_, err := Open(Config{Source: source(t, "tiny"), Driver: d, Compiler: fake.Compiler{}})
	var full *MemoryError
	if !errors.As(err, &full) || len(d.Named("Alloc")) > 0 || len(d.Leaks()) > 0 {
		t.Errorf("error %v after %d allocations", err, len(d.Named("Alloc")))
	}
}

// TestMemoryIsAsPlanned compares what was planned with what was taken, and the
// blocks with the memory that they were sized by.
func TestMemoryIsAsPlanned(t *testing.T) {
	for _, preset := range model.PresetNames()[:4] {
		d := fake.New(fake.Options{Memory: 4 << 30})
		b := open(t, Config{Source: source(t, preset), Driver: d, Compiler: fake.Compiler{}, Slots: 8, Budget: 128})
		taken := int64(0)
		for _, c := range d.Named("Alloc") {
			taken += c.Bytes
		}
		caps := b.Caps()
		_, acts := layActivations(b.sizes, 0)
		if taken != caps.WeightBytes+caps.CacheBytes+acts {
			t.Errorf("%s: %d bytes were taken, and %d of weights, %d of keys and values and %d of activations planned", preset, taken, caps.WeightBytes, caps.CacheBytes, acts)
		}
		if left := 4<<30 - taken; left < 256<<20 || left > 1<<30 || caps.Context != 4096 {
			t.Errorf("%s: %d bytes of 4 GiB are left, context %d", preset, left, caps.Context)
		}
	}
}

// TestContextIsWhatTheBlocksHold: a context that nobody asked for shrinks to the
// memory.
func TestContextIsWhatTheBlocksHold(t *testing.T) {
	b, _ := pretend(t, Config{Slots: 2, Budget: 64, Blocks: 10, BlockTokens: 32})
	if c := b.Caps(); c.Context != 320 || b.sizes.maxBlocks != 10 {
		t.Errorf("context %d in tables of %d blocks", c.Context, b.sizes.maxBlocks)
	}
}

// TestPhases: a start says where its time went.
func TestPhases(t *testing.T) {
	b, _ := pretend(t, Config{Slots: 2, Budget: 64, Blocks: 10, Warm: true})
	var names []string
	for _, p := range b.Phases() {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, ", "); got != "device, kernels, products, weights, graphs" {
		t.Errorf("phases %s", got)
	}
}

func TestBuckets(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, 3: 4, 9: 16, 17: 24, 25: 32, 33: 48, 65: 96, 97: 128, 129: 192, 513: 768, 1024: 1024, 1025: 1536, 2048: 2048} {
		if got := bucket(n); got != want {
			t.Errorf("bucket(%d) is %d, want %d", n, got, want)
		}
	}
	for _, c := range [][4]int{{0, 64, 256, 0}, {5, 5, 256, 8}, {20, 20, 256, 24}, {20, 300, 256, 32}, {70, 90, 96, 96}, {96, 96, 96, 96}} {
		if got := sampleBucket(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("sampleBucket(%d, %d, %d) is %d, want %d", c[0], c[1], c[2], got, c[3])
		}
	}
	for n, want := range map[int]int{0: 0, 1: 1, 2: 4, 5: 16, 64: 64, 65: 256} {
		if got := itemBucket(n); got != want {
			t.Errorf("itemBucket(%d) is %d, want %d", n, got, want)
		}
	}
	all := buckets(300)
	if all[0] != 1 || all[len(all)-1] != 384 {
		t.Errorf("buckets %v", all)
	}
	for n := 1; n <= 300; n++ {
		if b := bucket(n); b < n || n > 16 && b > n+n/2 || bucket(b) != b {
			t.Errorf("bucket(%d) is %d", n, b)
		}
	}
}
