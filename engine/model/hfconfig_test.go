package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestTransformers5 reads what save_pretrained of transformers 5.23 makes of the
// folders that WriteFolder writes: another layout of RoPE's settings,
// and the same shape.
func TestTransformers5(t *testing.T) {
	for _, name := range []string{"tiny", "tiny-tied", "tiny-qwen2", "tiny-qwen3"} {
		text, err := os.ReadFile(filepath.Join("testdata", "transformers5", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseConfig(name, text)
		if want := preset(t, name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
	}
}

// configText is the config.json of a preset with fields changed; a nil takes
// the field out.
func configText(t testing.TB, name string, change map[string]any) []byte {
	t.Helper()
	m := hfConfigOf(preset(t, name), BF16)
	for k, v := range change {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type fields = map[string]any

func TestParseConfigDefaults(t *testing.T) {
	null := json.RawMessage("null")
	for _, c := range []struct {
		preset string
		change fields
		want   func(*Config)
	}{
		{"tiny", fields{"num_key_value_heads": nil}, func(c *Config) { c.KVHeads = c.Heads }},
		{"tiny", fields{"num_key_value_heads": null, "head_dim": null}, func(c *Config) { c.KVHeads = c.Heads }},
		{"tiny", fields{"rope_theta": nil, "rope_scaling": null}, func(c *Config) { c.Rope = nil }},
		{"tiny", fields{"rms_norm_eps": nil}, func(c *Config) { c.RMSEps = 1e-6 }},
		{"tiny", fields{"bos_token_id": null, "eos_token_id": 3}, func(c *Config) { c.BOS, c.EOS = -1, []int32{3} }},
		{"tiny", fields{"eos_token_id": []int{3, 4}, "hidden_act": nil}, func(c *Config) { c.EOS = []int32{3, 4} }},
		{"tiny", fields{"eos_token_id": nil}, func(c *Config) { c.EOS = nil }},
		{"tiny", fields{"sliding_window": 100, "quantization_config": null}, func(*Config) {}},
		{"tiny", fields{"rope_scaling": fields{"type": "llama3", "factor": 2, "low_freq_factor": 1, "high_freq_factor": 2, "original_max_position_embeddings": 8}},
			func(c *Config) { c.Rope = &RopeScaling{2, 1, 2, 8} }},
		{"tiny", fields{"rope_scaling": nil, "rope_parameters": fields{"rope_theta": 5e5}}, func(c *Config) { c.Rope, c.RopeTheta = nil, 5e5 }},
		{"tiny-qwen2", fields{"sliding_window": 4096, "use_sliding_window": false}, func(*Config) {}},
		{"tiny-qwen2", fields{"sliding_window": 4096, "use_sliding_window": true, "max_window_layers": 2}, func(*Config) {}},
		{"tiny-qwen2", fields{"tie_word_embeddings": nil}, func(c *Config) { c.TiedHead = false }},
		{"tiny-qwen3", fields{"head_dim": nil}, func(c *Config) { c.HeadDim = 128 }},
	} {
		want := preset(t, c.preset)
		c.want(&want)
		if got, err := ParseConfig(c.preset, configText(t, c.preset, c.change)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %+v, %v\nwant %+v", c.change, got, err, want)
		}
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, c := range []struct {
		preset string
		change fields
		want   []string // all of them in the message
	}{
		{"tiny", fields{"architectures": []string{"MixtralForCausalLM"}}, []string{"architectures", "MixtralForCausalLM", "LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM"}},
		{"tiny", fields{"architectures": nil}, []string{"architectures is missing"}},
		{"tiny", fields{"hidden_act": "gelu"}, []string{"hidden_act", "gelu", "silu"}},
		{"tiny", fields{"attention_bias": true}, []string{"attention_bias is true"}},
		{"tiny-qwen3", fields{"attention_bias": true}, []string{"attention_bias is true"}},
		{"tiny", fields{"mlp_bias": true}, []string{"mlp_bias is true"}},
		{"tiny-qwen2", fields{"use_sliding_window": true, "sliding_window": 64}, []string{"use_sliding_window", "64"}},
		{"tiny-qwen2", fields{"use_sliding_window": true, "sliding_window": 64, "max_window_layers": 1}, []string{"use_sliding_window"}},
		{"tiny-qwen3", fields{"layer_types": []string{"full_attention", "sliding_attention"}}, []string{"layer_types[1]", "sliding_attention"}},
		{"tiny", fields{"quantization_config": fields{"bits": 4}}, []string{"quantization_config", "BF16, F16 and F32"}},
		{"tiny", fields{"partial_rotary_factor": 0.5}, []string{"partial_rotary_factor is 0.5"}},
		{"tiny", fields{"rope_parameters": fields{"partial_rotary_factor": 0.5}}, []string{"rope_parameters.partial_rotary_factor is 0.5"}},
		{"tiny", fields{"rope_scaling": fields{"type": "linear", "factor": 2}}, []string{"rope_scaling.rope_type", "linear", "llama3"}},
		{"tiny", fields{"rope_parameters": fields{"rope_type": "yarn"}}, []string{"rope_parameters.rope_type", "yarn"}},
		{"tiny", fields{"rope_scaling": fields{"factor": 2}}, []string{"rope_scaling.rope_type"}},
		{"tiny", fields{"rope_scaling": fields{"rope_type": "llama3"}}, []string{"Rope.Factor is 0"}},
		{"tiny", fields{"hidden_size": nil}, []string{"hidden_size is missing"}},
		{"tiny", fields{"num_hidden_layers": -2}, []string{"num_hidden_layers is -2"}},
		{"tiny", fields{"vocab_size": 1 << 40}, []string{"Vocab is 1099511627776"}},
		{"tiny", fields{"vocab_size": "512"}, []string{"vocab_size is a JSON string, where a whole number belongs"}},
		{"tiny", fields{"vocab_size": 512.5}, []string{"vocab_size", "a whole number belongs"}},
		{"tiny", fields{"mlp_bias": 0}, []string{"mlp_bias is a JSON number, where true or false belongs"}},
		{"tiny", fields{"rope_theta": "x"}, []string{"rope_theta is a JSON string, where a number belongs"}},
		{"tiny", fields{"rope_scaling": 8}, []string{"rope_scaling is a JSON number, where an object belongs"}},
		{"tiny", fields{"architectures": "LlamaForCausalLM"}, []string{"architectures is a JSON string, where an array belongs"}},
		{"tiny", fields{"num_attention_heads": 5, "head_dim": nil}, []string{"hidden_size 64", "num_attention_heads 5", "head_dim"}},
		{"tiny", fields{"num_attention_heads": 5}, []string{"KVHeads divides Heads"}},
		{"tiny-qwen2", fields{"num_key_value_heads": nil}, []string{"num_key_value_heads is missing"}},
		{"tiny", fields{"eos_token_id": "</s>"}, []string{"eos_token_id is", "where a token id"}},
		{"tiny", fields{"eos_token_id": 512}, []string{"EOS has 512"}},
	} {
		_, err := ParseConfig(c.preset, configText(t, c.preset, c.change))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: error %v, want one with %q", c.change, err, want)
			}
		}
	}
	for text, want := range map[string]string{
		"{\n\"a\": 1,\n}": "line 3",
		"[]":              "a JSON object belongs there",
		"":                "unexpected end",
	} {
		if _, err := ParseConfig("x", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

// FuzzParseConfig: what is accepted is valid, and survives being written.
func FuzzParseConfig(f *testing.F) {
	for _, name := range PresetNames() {
		f.Add(configText(f, name, nil))
	}
	f.Add(configText(f, "tiny", fields{"eos_token_id": []int{}, "rope_scaling": nil}))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig("fuzzed", text)
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("accepted and not valid: %v", err)
		}
		again, err := json.Marshal(hfConfigOf(c, F32))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseConfig("fuzzed", again); err != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("%+v, %v\nwant %+v", back, err, c)
		}
	})
}
