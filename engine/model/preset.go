package model

import (
	"fmt"
	"slices"

	"tierlab/internal/spell"
)

// The presets' special tokens are the byte tokenizer's: the bytes are 0 to 255.
const (
	byteBOS = 256
	byteEOS = 257
)

// presets are shapes without weights; Seeded makes weights for them.
//
// The tiny ones run in tests and differ in what they exercise: a head of its
// own or tied, biases, norms over heads, head widths that are not
// Hidden/Heads, sizes that fill no register evenly, and a RoPE scaling whose
// original context is short enough to matter within a test. small is for
// measurements on a laptop: its head is tied, as in the published models of
// about its size (Llama 3.2 1B, Qwen2.5 0.5B), so that every weight is read
// once per token and tokens/s times Bytes is a bandwidth. The last two are the
// published shapes (config.json of meta-llama/Llama-3.2-1B and
// meta-llama/Llama-3.1-8B).
func presets() []Config {
	llama3 := func(factor float64) *RopeScaling {
		return &RopeScaling{Factor: factor, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 8192}
	}
	list := []Config{
		{Name: "tiny", Arch: Llama, Layers: 2, Hidden: 64, FFN: 128, Heads: 4, KVHeads: 2, HeadDim: 16,
			Vocab: 512, Context: 4096, RMSEps: 1e-5, RopeTheta: 10000,
			Rope: &RopeScaling{Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 64}},
		{Name: "tiny-tied", Arch: Llama, Layers: 3, Hidden: 96, FFN: 224, Heads: 6, KVHeads: 2, HeadDim: 16,
			Vocab: 500, Context: 4096, RMSEps: 1e-5, RopeTheta: 500000, TiedHead: true,
			Rope: &RopeScaling{Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 32}},
		{Name: "tiny-qwen2", Arch: Qwen2, Layers: 2, Hidden: 128, FFN: 192, Heads: 4, KVHeads: 1, HeadDim: 32,
			Vocab: 512, Context: 4096, RMSEps: 1e-6, RopeTheta: 1000000, TiedHead: true, QKVBias: true},
		{Name: "tiny-qwen3", Arch: Qwen3, Layers: 2, Hidden: 64, FFN: 160, Heads: 4, KVHeads: 4, HeadDim: 32,
			Vocab: 512, Context: 4096, RMSEps: 1e-6, RopeTheta: 1000000, QKNorm: true},
		{Name: "small", Arch: Llama, Layers: 12, Hidden: 768, FFN: 2048, Heads: 12, KVHeads: 4, HeadDim: 64,
			Vocab: 32768, Context: 32768, RMSEps: 1e-5, RopeTheta: 500000, TiedHead: true},
		{Name: "llama-3.2-1b", Arch: Llama, Layers: 16, Hidden: 2048, FFN: 8192, Heads: 32, KVHeads: 8, HeadDim: 64,
			Vocab: 128256, Context: 131072, RMSEps: 1e-5, RopeTheta: 500000, TiedHead: true, Rope: llama3(32)},
		{Name: "llama-3.1-8b", Arch: Llama, Layers: 32, Hidden: 4096, FFN: 14336, Heads: 32, KVHeads: 8, HeadDim: 128,
			Vocab: 128256, Context: 131072, RMSEps: 1e-5, RopeTheta: 500000, Rope: llama3(8)},
	}
	for i := range list {
		list[i].BOS, list[i].EOS = byteBOS, []int32{byteEOS}
	}
	return list
}

// PresetNames lists the presets, the smallest first.
func PresetNames() []string {
	var names []string
	for _, c := range presets() {
		names = append(names, c.Name)
	}
	return names
}

// Preset is the shape of that name.
func Preset(name string) (Config, error) {
	list := presets()
	if i := slices.IndexFunc(list, func(c Config) bool { return c.Name == name }); i >= 0 {
		return list[i], nil
	}
	return Config{}, fmt.Errorf("no model preset %q%s", name, spell.Hint(name, PresetNames()))
}
