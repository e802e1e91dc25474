package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edit replaces text in a folder's file, once.
func edit(t *testing.T, dir, name, old, new string) {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q", path, old)
	}
	put(t, dir, name, strings.Replace(string(text), old, new, 1))
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// spoilt is a folder that Open refuses, with the file, the field or tensor, and
// what is right in the error.
type spoilt struct {
	what   string
	preset string
	spoil  func(t *testing.T, dir string)
	want   []string
}

func refused(t *testing.T, options WriteOptions, folders []spoilt) {
	t.Helper()
	for _, c := range folders {
		dir := written(t, c.preset, options)
		c.spoil(t, dir)
		s, err := Open(dir)
		if err == nil {
			t.Errorf("%s: no error", c.what)
			s.Close()
			continue
		}
		for _, want := range append(c.want, dir) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", c.what, err, want)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	const one = "model.safetensors"
	refused(t, WriteOptions{}, []spoilt{
		{"no config", "tiny", func(t *testing.T, dir string) { remove(t, dir, "config.json") }, []string{"config.json"}},
		{"config of another architecture", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, "config.json", "LlamaForCausalLM", "GemmaForCausalLM")
		}, []string{"config.json", "architectures", "GemmaForCausalLM"}},
		{"end token beyond the vocabulary", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, "generation_config.json", "257", "512")
		}, []string{"generation_config.json", "EOS has 512"}},
		{"end token of another kind", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, "generation_config.json", "257", `"x"`)
		}, []string{"generation_config.json", "eos_token_id"}},
		{"no weights", "tiny", func(t *testing.T, dir string) { remove(t, dir, one) },
			[]string{"neither model.safetensors nor model.safetensors.index.json"}},
		{"truncated", "tiny", func(t *testing.T, dir string) {
			info, err := os.Stat(filepath.Join(dir, one))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(dir, one), info.Size()-100); err != nil {
				t.Fatal(err)
			}
		}, []string{one, "truncated", "100 are missing"}},
		{"empty file", "tiny", func(t *testing.T, dir string) { put(t, dir, one, "") }, []string{one, "truncated"}},
		{"a folder for a file", "tiny", func(t *testing.T, dir string) {
			remove(t, dir, one)
			if err := os.Mkdir(filepath.Join(dir, one), 0o755); err != nil {
				t.Fatal(err)
			}
		}, []string{one, "no regular file"}},
		{"tensor missing", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, "config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 3`)
		}, []string{one, `"model.layers.2.input_layernorm.weight" is missing`}},
		{"tensor too many", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, "config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 1`)
		}, []string{one, `"model.layers.1.input_layernorm.weight" is no part of the model`}},
		{"biases that the architecture lacks", "tiny-qwen2", func(t *testing.T, dir string) {
			edit(t, dir, "config.json", "Qwen2ForCausalLM", "LlamaForCausalLM")
		}, []string{one, "proj.bias", "is no part of the model"}},
		{"head missing", "tiny-tied", func(t *testing.T, dir string) {
			edit(t, dir, "config.json", `"tie_word_embeddings": true`, `"tie_word_embeddings": false`)
		}, []string{one, `"lm_head.weight" is missing`}},
		{"wrong shape", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, "config.json", `"intermediate_size": 128`, `"intermediate_size": 256`)
		}, []string{one, `"model.layers.0.mlp.gate_proj.weight" has shape [128 64]; config.json asks for [256 64]`}},
		{"unsupported type", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, one, `"lm_head.weight":{"data_offsets":[213632,279168],"dtype":"BF16"`, `"lm_head.weight":{"data_offsets":[213632,279168],"dtype":"I16" `)
		}, []string{one, "lm_head.weight", "dtype is I16: BF16, F16 and F32 are supported"}},
	})
}

func TestOpenRefusesShards(t *testing.T) {
	const index, shard = "model.safetensors.index.json", "model-00002-of-00003.safetensors"
	refused(t, WriteOptions{ShardBytes: 120_000}, []spoilt{
		{"shard missing", "tiny", func(t *testing.T, dir string) { remove(t, dir, shard) }, []string{index, shard}},
		{"index misplaces a tensor", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, index, `"lm_head.weight": "model-00003`, `"lm_head.weight": "model-00001`)
		}, []string{index, `weight_map has tensor "lm_head.weight" in model-00001-of-00003.safetensors, which does not hold it`}},
		{"index leads out of the folder", "tiny", func(t *testing.T, dir string) {
			edit(t, dir, index, `"lm_head.weight": "model-00003`, `"lm_head.weight": "../model-00003`)
		}, []string{index, "no file name in the folder"}},
		{"index without map", "tiny", func(t *testing.T, dir string) { put(t, dir, index, "{}") }, []string{index, "weight_map is missing"}},
		{"index of another kind", "tiny", func(t *testing.T, dir string) { put(t, dir, index, `{"weight_map": []}`) },
			[]string{index, "weight_map is a JSON array, where an object belongs"}},
		{"tensor in two shards", "tiny", func(t *testing.T, dir string) {
			text, err := os.ReadFile(filepath.Join(dir, shard))
			if err != nil {
				t.Fatal(err)
			}
			put(t, dir, "copy.safetensors", string(text))
			edit(t, dir, index, `"`+shard, `"copy.safetensors`)
		}, []string{"is in copy.safetensors too"}},
	})
}

// TestOpenPassesOver reads folders with what old programs added.
func TestOpenPassesOver(t *testing.T) {
	dir := written(t, "tiny", WriteOptions{})
	edit(t, dir, "config.json", `"tie_word_embeddings": false`, `"tie_word_embeddings": true`)
	s, err := Open(dir)
	if err != nil {
		t.Fatal("a head beside a tied one: ", err)
	}
	defer s.Close()
	if !s.Config().TiedHead || s.Bytes() != 2*s.Config().Params() {
		t.Errorf("%d bytes, %+v", s.Bytes(), s.Config())
	}
	remove(t, dir, "generation_config.json")
	edit(t, dir, "config.json", "257", "258")
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if end := again.Config().EOS; len(end) != 1 || end[0] != 258 {
		t.Errorf("without generation_config.json it ends at %v, want config.json's 258", end)
	}
}

func TestRowsRefuses(t *testing.T) {
	s, err := Open(written(t, "tiny", WriteOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, s := range []Source{s, Seeded(preset(t, "tiny"), 1)} {
		for _, c := range []struct {
			ref    Ref
			row, n int
			want   string
		}{
			{Ref{QBias, 0}, 0, 64, "no tensor QBias[0]"},
			{Ref{Q, 2}, 0, 64, "no tensor Q[2]"},
			{Ref{Q, 1}, 0, 63, "Q[1]: 63 values are no whole number of rows of 64"},
			{Ref{Q, 1}, 64, 64, "Q[1]: rows 64 to 65 of 64"},
			{Ref{Q, 1}, -1, 64, "Q[1]: rows -1 to 0 of 64"},
			{Ref{Embed, 0}, 0, 513 * 64, "Embed: rows 0 to 513 of 512"},
		} {
			if err := s.Rows(c.ref, c.row, make([]float32, c.n)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		}
	}
}

// TestRowsOfACutFile: a file that is cut off while it is open is an error of the
// rows that are gone, and the process lives on.
func TestRowsOfACutFile(t *testing.T) {
	c, dir := preset(t, "tiny"), written(t, "tiny", WriteOptions{})
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	path := filepath.Join(dir, "model.safetensors")
	if err := os.Truncate(path, 1<<13); err != nil {
		t.Skipf("this system cuts off no file that is open: %v", err)
	}
	row := make([]float32, c.Hidden)
	if err := s.Rows(Ref{Kind: Embed}, 0, row); err != nil {
		t.Errorf("the first row is still there: %v", err)
	}
	if err := s.Rows(Ref{Kind: Head}, c.Vocab-1, row); err == nil || !strings.Contains(err.Error(), path+" was cut off") {
		t.Errorf("the last row: error %v", err)
	}
}
