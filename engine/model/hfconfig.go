package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// architectures are the classes of transformers that are read.
var architectures = []struct{ class, arch string }{
	{"LlamaForCausalLM", Llama},
	{"Qwen2ForCausalLM", Qwen2},
	{"Qwen3ForCausalLM", Qwen3},
}

// hfConfig is what is read of config.json. A pointer is nil where the field is
// absent or null.
type hfConfig struct {
	Architectures []string `json:"architectures"`

	Hidden  *int            `json:"hidden_size"`
	FFN     *int            `json:"intermediate_size"`
	Layers  *int            `json:"num_hidden_layers"`
	Heads   *int            `json:"num_attention_heads"`
	KVHeads *int            `json:"num_key_value_heads"`
	HeadDim *int            `json:"head_dim"`
	Vocab   *int            `json:"vocab_size"`
	Context *int            `json:"max_position_embeddings"`
	RMSEps  *float32        `json:"rms_norm_eps"`
	Tied    bool            `json:"tie_word_embeddings"`
	BOS     json.RawMessage `json:"bos_token_id"`
	EOS     json.RawMessage `json:"eos_token_id"`

	// transformers 5 has rope_parameters, before it were the other two.
	RopeParameters *hfRope  `json:"rope_parameters"`
	RopeScaling    *hfRope  `json:"rope_scaling"`
	RopeTheta      *float64 `json:"rope_theta"`

	// What is refused unless it is off.
	Activation    string          `json:"hidden_act"`
	AttentionBias bool            `json:"attention_bias"`
	MLPBias       bool            `json:"mlp_bias"`
	UseWindow     bool            `json:"use_sliding_window"`
	Window        *int            `json:"sliding_window"`
	WindowFrom    *int            `json:"max_window_layers"`
	LayerTypes    []string        `json:"layer_types"`
	Quantization  json.RawMessage `json:"quantization_config"`
	Partial       *float64        `json:"partial_rotary_factor"`
}

type hfRope struct {
	Type     string   `json:"rope_type"`
	OldType  string   `json:"type"`
	Theta    *float64 `json:"rope_theta"`
	Partial  *float64 `json:"partial_rotary_factor"`
	Factor   float64  `json:"factor"`
	Low      float64  `json:"low_freq_factor"`
	High     float64  `json:"high_freq_factor"`
	Original int      `json:"original_max_position_embeddings"`
}

// ParseConfig turns the text of config.json into a Config, or says which of its
// fields asks for what is not done here.
func ParseConfig(name string, text []byte) (Config, error) {
	var h hfConfig
	if err := unmarshal(text, &h); err != nil {
		return Config{}, err
	}
	arch, err := h.arch()
	if err != nil {
		return Config{}, err
	}
	if err := h.refuse(arch); err != nil {
		return Config{}, err
	}
	c := Config{Name: name, Arch: arch, QKVBias: arch == Qwen2, QKNorm: arch == Qwen3, TiedHead: h.Tied}
	if err := h.special(&c); err != nil {
		return Config{}, err
	}
	if err := h.sizes(&c); err != nil {
		return Config{}, err
	}
	if err := h.rope(&c); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

func (h *hfConfig) arch() (string, error) {
	var classes []string
	for _, a := range architectures {
		if len(h.Architectures) == 1 && h.Architectures[0] == a.class {
			return a.arch, nil
		}
		classes = append(classes, a.class)
	}
	if len(h.Architectures) == 0 {
		return "", fmt.Errorf("architectures is missing: supported are %s", strings.Join(classes, ", "))
	}
	return "", fmt.Errorf("architectures is %q: supported are %s", h.Architectures, strings.Join(classes, ", "))
}

// refuse names a feature that the computation of the package comment lacks.
func (h *hfConfig) refuse(arch string) error {
	for i, t := range h.LayerTypes {
		if t != "full_attention" {
			return fmt.Errorf("layer_types[%d] is %q: only full_attention is supported", i, t)
		}
	}
	windowed := h.UseWindow && h.Window != nil && h.LayerTypes == nil &&
		(h.WindowFrom == nil || h.Layers == nil || *h.WindowFrom < *h.Layers)
	switch {
	case h.Activation != "" && h.Activation != "silu":
		return fmt.Errorf("hidden_act is %q: only silu is supported", h.Activation)
	case h.AttentionBias:
		return fmt.Errorf("attention_bias is true: for %s only false is supported", arch)
	case h.MLPBias:
		return errors.New("mlp_bias is true: only false is supported")
	case windowed && arch != Llama:
		return fmt.Errorf("use_sliding_window is true, with a window of %d tokens: only full attention is supported", *h.Window)
	case len(h.Quantization) > 0 && string(h.Quantization) != "null":
		return fmt.Errorf("quantization_config is set: weights in %s, %s and %s are supported", BF16, F16, F32)
	case h.Partial != nil && *h.Partial != 1:
		return fmt.Errorf("partial_rotary_factor is %g: only 1 is supported", *h.Partial)
	}
	return nil
}

// special reads the tokens that begin and end a text.
func (h *hfConfig) special(c *Config) error {
	begin, err := tokenIDs("bos_token_id", h.BOS)
	if err != nil {
		return err
	}
	c.BOS = -1
	if len(begin) > 0 {
		c.BOS = begin[0]
	}
	c.EOS, err = tokenIDs("eos_token_id", h.EOS)
	return err
}

func (h *hfConfig) sizes(c *Config) error {
	if h.KVHeads == nil && c.Arch == Llama {
		h.KVHeads = h.Heads // as before grouped queries
	}
	for _, f := range []struct {
		name string
		from *int
		to   *int
	}{
		{"hidden_size", h.Hidden, &c.Hidden},
		{"intermediate_size", h.FFN, &c.FFN},
		{"num_hidden_layers", h.Layers, &c.Layers},
		{"num_attention_heads", h.Heads, &c.Heads},
		{"num_key_value_heads", h.KVHeads, &c.KVHeads},
		{"vocab_size", h.Vocab, &c.Vocab},
		{"max_position_embeddings", h.Context, &c.Context},
	} {
		if f.from == nil {
			return fmt.Errorf("%s is missing", f.name)
		}
		if *f.from < 1 {
			return fmt.Errorf("%s is %d: it is at least 1", f.name, *f.from)
		}
		*f.to = *f.from
	}
	switch {
	case h.HeadDim != nil:
		c.HeadDim = *h.HeadDim
	case c.Arch == Qwen3:
		c.HeadDim = 128 // the default of Qwen3Config
	case c.Hidden%c.Heads != 0:
		return fmt.Errorf("hidden_size %d is no multiple of num_attention_heads %d, and head_dim is missing", c.Hidden, c.Heads)
	default:
		c.HeadDim = c.Hidden / c.Heads
	}
	c.RMSEps = 1e-6 // the default of all three classes
	if h.RMSEps != nil {
		c.RMSEps = *h.RMSEps
	}
	return nil
}

// rope reads RoPE's settings in either layout.
func (h *hfConfig) rope(c *Config) error {
	field, r := "rope_parameters", h.RopeParameters
	if r == nil {
		field, r = "rope_scaling", h.RopeScaling
	}
	c.RopeTheta = 10000 // the default of all three classes
	if h.RopeTheta != nil {
		c.RopeTheta = *h.RopeTheta
	}
	if r == nil {
		return nil
	}
	if r.Theta != nil {
		c.RopeTheta = *r.Theta
	}
	if r.Type == "" {
		r.Type = r.OldType
	}
	switch {
	case r.Partial != nil && *r.Partial != 1:
		return fmt.Errorf("%s.partial_rotary_factor is %g: only 1 is supported", field, *r.Partial)
	case r.Type == "default" || r.Type == "" && field == "rope_parameters":
		return nil
	case r.Type != "llama3":
		return fmt.Errorf("%s.rope_type is %q: only default and llama3 are supported", field, r.Type)
	}
	c.Rope = &RopeScaling{Factor: r.Factor, LowFreqFactor: r.Low, HighFreqFactor: r.High, OriginalContext: r.Original}
	return nil
}
