package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
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

	Hidden  *int     `json:"hidden_size"`
	FFN     *int     `json:"intermediate_size"`
	Layers  *int     `json:"num_hidden_layers"`
	Heads   *int     `json:"num_attention_heads"`
	KVHeads *int     `json:"num_key_value_heads"`
	HeadDim *int     `json:"head_dim"`
	Vocab   *int     `json:"vocab_size"`
	Context *int     `json:"max_position_embeddings"`
	RMSEps  *float32 `json:"rms_norm_eps"`
	Tied    bool     `json:"tie_word_embeddings"`
	BOS     tokenIDs `json:"bos_token_id"`
	EOS     tokenIDs `json:"eos_token_id"`

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

// tokenIDs is an id, a list of ids, or null.
type tokenIDs []int32

func (ids *tokenIDs) UnmarshalJSON(text []byte) error {
	var one *int32
	if json.Unmarshal(text, &one) == nil {
		*ids = nil
		if one != nil {
			*ids = tokenIDs{*one}
		}
		return nil
	}
	var list []int32
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("%s is no token id, list of ids or null", text)
	}
	*ids = list
	return nil
}

// readConfig reads a folder's config.json and the end tokens of its
// generation_config.json.
func readConfig(dir string) (Config, error) {
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(folderName(dir), text)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, "generation_config.json")
	text, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return Config{}, err
	}
	var g struct {
		EOS tokenIDs `json:"eos_token_id"`
	}
	if err := unmarshal(text, &g); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(g.EOS) > 0 {
		c.EOS = g.EOS
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// folderName is a folder's own name, for messages and for an API's list of models.
func folderName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

// unmarshal is json.Unmarshal with errors that name the line or the field.
func unmarshal(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n")), err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("it is a JSON %s; a JSON object belongs there", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s is a JSON %s, where %s belongs", kind.Field, kind.Value, jsonKind(kind.Type))
	}
	return err
}

// jsonKind is what JSON calls a value of a Go type.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
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
	c := Config{Name: name, Arch: arch, QKVBias: arch == Qwen2, QKNorm: arch == Qwen3, TiedHead: h.Tied, EOS: h.EOS, BOS: -1}
	if len(h.BOS) > 0 {
		c.BOS = h.BOS[0]
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
