package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRefusedFiles(t *testing.T) {
	type object = map[string]any
	type list = []any
	path := func(keys ...any) []any { return keys }
	for _, c := range []struct {
		name  string
		value any
		path  []any
		want  string
	}{
		{"llama3", "Unigram", path("model", "type"), `model.type: "Unigram"; known is BPE`},
		{"llama3", true, path("model", "byte_fallback"), "model.byte_fallback: true"},
		{"llama3", 0.1, path("model", "dropout"), "model.dropout: 0.1"},
		{"llama3", "##", path("model", "continuing_subword_prefix"), `model.continuing_subword_prefix: "##"`},
		{"llama3", "</w>", path("model", "end_of_word_suffix"), `model.end_of_word_suffix: "</w>"`},
		{"llama3", -1, path("model", "vocab", "a"), `model.vocab: "a" has id -1`},
		{"llama3", 2000000000, path("model", "vocab", "a"), `model.vocab: "a" has id 2000000000; ids are from 0 to 4194303`},
		{"llama3", 65, path("model", "vocab", "a"), `both have id 65`},
		{"llama3", object{"a": 0}, path("model", "vocab"), "model.vocab: the byte 0x00 has no token"},
		{"llama3", "a", path("model", "merges", 3), `model.merges: "a" is not two tokens`},
		{"llama3", "a b c", path("model", "merges", 3), `model.merges: "a b c" is not two tokens`},
		{"qwen2", list{"a"}, path("model", "merges", 3), `model.merges: ["a"] is not a pair`},
		{"qwen2", 5, path("model", "merges", 3), `model.merges: 5 is neither`},
		{"qwen2", list{"a", "never"}, path("model", "merges", 3), `model.merges[3]: of "a", "never" and "anever" not all are in model.vocab`},
		{"qwen2", object{"type": "NFKC"}, path("normalizer"), `normalizer: type is "NFKC"`},
		{"qwen2", object{"type": "Sequence", "normalizers": list{object{"type": "NFC"}, object{"type": "Lowercase"}}}, path("normalizer"),
			`normalizer.normalizers[1]: type is "Lowercase"`},
		{"qwen2", nil, path("pre_tokenizer"), "pre_tokenizer: there is none"},
		{"qwen2", object{"type": "Metaspace"}, path("pre_tokenizer"), "pre_tokenizer: the last is not ByteLevel"},
		{"qwen2", object{"type": "Metaspace"}, path("pre_tokenizer", "pretokenizers", 0), `pre_tokenizer.pretokenizers[0]: type is "Metaspace"`},
		{"qwen2", true, path("pre_tokenizer", "pretokenizers", 1, "add_prefix_space"), "pre_tokenizer.pretokenizers[1].add_prefix_space: true"},
		{"qwen2", object{"Regex": `\w+`}, path("pre_tokenizer", "pretokenizers", 0, "pattern"), `pre_tokenizer.pretokenizers[0].pattern.Regex: "\\w+"`},
		{"qwen2", object{"String": "x"}, path("pre_tokenizer", "pretokenizers", 0, "pattern"), "pre_tokenizer.pretokenizers[0].pattern: not a Regex"},
		{"qwen2", "Removed", path("pre_tokenizer", "pretokenizers", 0, "behavior"), `pre_tokenizer.pretokenizers[0]: behavior "Removed"`},
		{"smollm2", false, path("pre_tokenizer", "pretokenizers", 0, "individual_digits"), "pre_tokenizer.pretokenizers[0].individual_digits: false"},
		{"qwen2", nil, path("decoder"), "decoder: there is none"},
		{"qwen2", object{"type": "Metaspace"}, path("decoder"), `decoder: type is "Metaspace"`},
		{"llama3", object{"type": "BertProcessing"}, path("post_processor"), `post_processor: type is "BertProcessing"`},
		{"llama3", list{object{"Sequence": object{"id": "A"}}, object{"SpecialToken": object{"id": "x"}}}, path("post_processor", "processors", 1, "single"),
			"post_processor.processors[1].single[1]: known are special tokens and then the text"},
		{"llama3", list{object{"SpecialToken": object{"id": "x"}}}, path("post_processor", "processors", 1, "single"), `single[0]: "x" is not in special_tokens`},
		{"llama3", list{}, path("post_processor", "processors", 1, "single"), "single: there is no Sequence"},
		{"llama3", list{99999}, path("post_processor", "processors", 1, "special_tokens", "<|begin_of_text|>", "ids"), `"<|begin_of_text|>" has id 99999`},
		{"gpt2", true, path("added_tokens", 0, "lstrip"), `added_tokens[0]: "<|endoftext|>" has single_word, lstrip or rstrip`},
		{"gpt2", "", path("added_tokens", 0, "content"), "added_tokens[0].content: empty"},
		{"gpt2", -5, path("added_tokens", 0, "id"), "added_tokens[0].id: -5"},
		{"gpt2", 2000000000, path("added_tokens", 0, "id"), "added_tokens[0].id: 2000000000"},
		{"gpt2", 65, path("added_tokens", 0, "id"), `added_tokens[0].id: 65 is that of "b" in model.vocab`},
		{"gpt2", "a", path("added_tokens", 0, "content"), `but model.vocab has "a" with id`},
		{"qwen2", object{"content": "e\u0301", "id": 1800, "normalized": true}, path("added_tokens", 2), "added_tokens[2].normalized: true"},
		{"llama3", "x", path("model", "vocab"), "json: cannot unmarshal"},
	} {
		_, err := parse(edited(t, c.name, c.value, c.path...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %v = %v: %v", c.name, c.path, c.value, err)
		}
	}
}

func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(path string, wants ...string) {
		t.Helper()
		_, err := Open(path)
		if err == nil {
			t.Errorf("%s: opened", path)
			return
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", path, err, want)
			}
		}
	}
	refused(dir, dir+" has no tokenizer.json", "copy the file")
	write("tokenizer.model", "")
	refused(dir, dir+" has no tokenizer.json", "tokenizer.model is not read")
	write(fileName, `{"model": {"type": "WordPiece"}}`)
	refused(dir, filepath.Join(dir, fileName)+": ", `"WordPiece"`)
	write(fileName, `{"model": `)
	refused(filepath.Join(dir, fileName), filepath.Join(dir, fileName)+": unexpected end")
	refused(filepath.Join(dir, "nowhere"), "nowhere")
	if err := os.Truncate(filepath.Join(dir, fileName), maxFile+1); err != nil {
		t.Fatal(err)
	}
	refused(dir, "at most 268435456 are read")
}

// TestSparseIDs adds a token far behind the others.
func TestSparseIDs(t *testing.T) {
	b, err := parse(edited(t, "gpt2", 5000, "added_tokens", 0, "id"))
	if err != nil {
		t.Fatal(err)
	}
	if b.Vocab() != 5001 || len(b.Bytes(nil, 4000)) != 0 || string(b.Bytes(nil, 5000)) != "<|endoftext|>" {
		t.Errorf("%d ids; 4000 is %q, 5000 is %q", b.Vocab(), b.Bytes(nil, 4000), b.Bytes(nil, 5000))
	}
}

// edited is a vocabulary's file with one field set, by its path.
func edited(t *testing.T, name string, value any, path ...any) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name, fileName))
	if err != nil {
		t.Fatal(err)
	}
	var root any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	at := root
	for _, key := range path[:len(path)-1] {
		if i, ok := key.(int); ok {
			at = at.([]any)[i]
		} else {
			at = at.(map[string]any)[key.(string)]
		}
	}
	if i, ok := path[len(path)-1].(int); ok {
		at.([]any)[i] = value
	} else {
		at.(map[string]any)[path[len(path)-1].(string)] = value
	}
	if data, err = json.Marshal(root); err != nil {
		t.Fatal(err)
	}
	return data
}
