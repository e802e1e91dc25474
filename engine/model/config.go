package model

// Config is the shape of a decoder of the Llama family.
type Config struct {
	Name string // of the preset, or the folder it was read from
	Arch string // "llama", "qwen2", "qwen3"

	Layers  int
	Hidden  int // width of the residual stream
	FFN     int // width between gate/up and down
	Heads   int // query heads
	KVHeads int // key and value heads; Heads is a multiple of it
	HeadDim int
	Vocab   int
	Context int // longest context in tokens

	RMSEps    float32
	RopeTheta float64
	Rope      *RopeScaling // nil: none

	TiedHead bool // the output head is the embedding
	QKVBias  bool // Qwen2
	QKNorm   bool // Qwen3: RMSNorm over each query and key head, before RoPE
	// OBias and MLPBias do not occur in the models that are read, so there are
	// no fields for them.

	BOS int32   // -1: none
	EOS []int32 // tokens that end an output
}

// RopeScaling stretches the rotary frequencies as Llama 3.1 does (Llama 3
// report, https://arxiv.org/abs/2407.21783, and the rope_type "llama3" of
// transformers).
type RopeScaling struct {
	Factor          float64 // of the low frequencies
	LowFreqFactor   float64
	HighFreqFactor  float64
	OriginalContext int
}
