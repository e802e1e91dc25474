package model

import (
	"math"
	"strings"
	"testing"
)

func TestPresets(t *testing.T) {
	want := map[string]int64{ // figures of the published models, and counted by hand
		"tiny":         2*512*64 + 2*(64*64*2+2*32*64+3*64*128+2*64) + 64,
		"small":        32768*768 + 12*(2*768*768+2*256*768+3*768*2048+2*768) + 768,
		"llama-3.2-1b": 1235814400,
		"llama-3.1-8b": 8030261248,
	}
	for _, name := range PresetNames() {
		c := preset(t, name)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		var sum int64
		for _, r := range c.Tensors() {
			rows, cols := c.Shape(r)
			sum += int64(rows) * int64(cols)
		}
		if n := c.Params(); n != sum || want[name] != 0 && n != want[name] {
			t.Errorf("%s: %d parameters, its tensors have %d, want %d", name, n, sum, want[name])
		}
	}
	if got := preset(t, "llama-3.1-8b").CacheBytesPerToken(2); got != 128<<10 {
		t.Errorf("llama-3.1-8b keeps %d bytes a token in bf16, want 128 KiB", got)
	}
}

func TestPresetUnknown(t *testing.T) {
	_, err := Preset("llama-3.2-1B-it")
	if err == nil || !strings.Contains(err.Error(), `did you mean "llama-3.2-1b"`) {
		t.Errorf("error %v names no preset", err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		preset string
		change func(*Config)
		want   string
	}{
		{"tiny", func(c *Config) { c.Layers = 0 }, "Layers is 0"},
		{"tiny", func(c *Config) { c.Vocab = -1 }, "Vocab is -1"},
		{"tiny", func(c *Config) { c.Hidden = 1 << 30 }, "Hidden is 1073741824"},
		{"tiny", func(c *Config) { c.Heads, c.KVHeads = 4, 3 }, "KVHeads divides Heads"},
		{"tiny", func(c *Config) { c.HeadDim = 15 }, "HeadDim is 15"},
		{"tiny", func(c *Config) { c.RMSEps = float32(math.NaN()) }, "RMSEps is NaN"},
		{"tiny", func(c *Config) { c.RMSEps = 0 }, "RMSEps is 0"},
		{"tiny", func(c *Config) { c.RopeTheta = math.Inf(1) }, "RopeTheta is +Inf"},
		{"tiny", func(c *Config) { c.Rope = &RopeScaling{} }, "Rope.Factor is 0"},
		{"tiny", func(c *Config) { c.Rope = &RopeScaling{8, 4, 4, 64} }, "0 < low < high"},
		{"tiny", func(c *Config) { c.Rope = &RopeScaling{8, 1, 4, 0} }, "OriginalContext is 0"},
		{"tiny", func(c *Config) { c.Arch = "gemma" }, `Arch is "gemma"`},
		{"tiny", func(c *Config) { c.QKVBias = true }, "QKVBias is true"},
		{"tiny-qwen2", func(c *Config) { c.QKVBias = false }, "QKVBias is false"},
		{"tiny-qwen3", func(c *Config) { c.QKNorm = false }, "QKNorm is false"},
		{"tiny", func(c *Config) { c.BOS = 512 }, "BOS is 512"},
		{"tiny", func(c *Config) { c.EOS = []int32{3, -1} }, "EOS has -1"},
	} {
		m := preset(t, c.preset)
		c.change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.preset) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

func TestWithLayers(t *testing.T) {
	c := preset(t, "llama-3.1-8b")
	two, err := c.WithLayers(2)
	if err != nil || two.Layers != 2 || two.Name != "llama-3.1-8b-2l" || c.Layers != 32 {
		t.Errorf("%+v, %v", two, err)
	}
	for _, n := range []int{-1, 0, 33} {
		if _, err := c.WithLayers(n); err == nil || !strings.Contains(err.Error(), "from 1 to its 32") {
			t.Errorf("%d layers: error %v", n, err)
		}
	}
}

func TestShapeOfWhatIsNotThere(t *testing.T) {
	for name, refs := range map[string][]Ref{
		"tiny":       {{QBias, 0}, {VBias, 1}, {QNorm, 0}, {Q, 2}, {Q, -1}, {Head, 1}, {Head + 1, 0}},
		"tiny-qwen2": {{KNorm, 0}},
		"tiny-qwen3": {{KBias, 0}},
	} {
		c := preset(t, name)
		for _, r := range refs {
			if rows, cols := c.Shape(r); rows != 0 || cols != 0 {
				t.Errorf("%s: %v is %d x %d", name, r, rows, cols)
			}
			if err := Seeded(c, 1).Rows(r, 0, make([]float32, 64)); err == nil {
				t.Errorf("%s: %v has rows", name, r)
			}
		}
	}
}

// TestFrequencies holds Llama 3.1's stretched frequencies to their three
// ranges; the goldens of scripts/golden hold them to transformers.
func TestFrequencies(t *testing.T) {
	c := preset(t, "llama-3.1-8b")
	got := c.Frequencies()
	c.Rope = nil
	plain := c.Frequencies()
	if len(got) != 64 || got[0] != 1 || plain[63] != math.Pow(500000, -126./128) {
		t.Fatalf("%d frequencies, first %g, last unstretched %g", len(got), got[0], plain[63])
	}
	for i, f := range plain {
		wavelength := 2 * math.Pi / f
		switch ratio := f / got[i]; {
		case wavelength < 8192/4 && ratio != 1:
			t.Errorf("frequency %d is stretched by %g and has wavelength %g", i, ratio, wavelength)
		case wavelength > 8192 && ratio != 8:
			t.Errorf("frequency %d is stretched by %g, not 8, and has wavelength %g", i, ratio, wavelength)
		case ratio < 1 || ratio > 8 || i > 0 && ratio < plain[i-1]/got[i-1]:
			t.Errorf("frequency %d is stretched by %g, the one before by %g", i, ratio, plain[i-1]/got[i-1])
		}
	}
}
