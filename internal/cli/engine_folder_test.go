package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tierlab/engine/model"
)

// writeModel makes a folder with a tiny model of random weights and the
// tokenizer of that name from the tokenizers' tests; none if empty.
func writeModel(t *testing.T, vocab int, tokenizer string) string {
	t.Helper()
	c, err := model.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c.Vocab = vocab
	dir := filepath.Join(t.TempDir(), "model")
	if err := model.WriteFolder(context.Background(), dir, model.Seeded(c, 1), model.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if tokenizer != "" {
		b, err := os.ReadFile(filepath.Join("../../engine/tokenizer/testdata", tokenizer, "tokenizer.json"))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "tokenizer.json"), string(b))
	}
	return dir
}

// setConfig changes a field of a folder's config.json.
func setConfig(t *testing.T, dir, field string, value any) {
	t.Helper()
	file := filepath.Join(dir, "config.json")
	var c map[string]any
	decode(t, file, &c)
	c[field] = value
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(b))
}

func TestGenerateFromFolder(t *testing.T) {
	dir := writeModel(t, 1800, "llama3")
	line := "engine generate --model " + dir + " --prompt 'Once upon a time' --max-tokens 12"
	code, first, stderr := command(t, context.Background(), line)
	if code != ExitOK || len(first) < 12 {
		t.Fatalf("exit %d: %q\n%s", code, first, stderr)
	}
	if _, again, _ := command(t, context.Background(), line); again != first {
		t.Errorf("the same request again: %q, first %q", again, first)
	}
	code, _, stderr = command(t, context.Background(), line+" --chat")
	if code != ExitUsage || !strings.Contains(stderr, "chat template is not known") {
		t.Errorf("a chat without a template: exit %d, %s", code, stderr)
	}
	code, answer, stderr := command(t, context.Background(), line+" --chat --chat-template llama3")
	if code != ExitOK || answer == first {
		t.Errorf("a chat: exit %d, %q\n%s", code, answer, stderr)
	}
	code, _, stderr = command(t, context.Background(), line+" --chat --chat-template chatml")
	if code != ExitUsage || !strings.Contains(stderr, "<|im_start|>") {
		t.Errorf("another family's template: exit %d, %s", code, stderr)
	}
}

func TestBrokenFolders(t *testing.T) {
	for _, c := range []struct {
		name, tokenizer, flags, want string
		damage                       func(t *testing.T, dir string)
	}{
		{name: "no tokenizer", want: "has no tokenizer.json"},
		{name: "tokenizer of a larger model", tokenizer: "qwen2", want: "do not belong together"},
		{name: "layers", tokenizer: "smollm2", flags: " --layers 1", want: "--layers shortens a built-in shape"},
		{name: "truncated weights", tokenizer: "smollm2", want: "model.safetensors", damage: func(t *testing.T, dir string) {
			file := filepath.Join(dir, "model.safetensors")
			info, err := os.Stat(file)
			if err == nil {
				err = os.Truncate(file, info.Size()-100)
			}
			if err != nil {
				t.Fatal(err)
			}
		}},
		{name: "another shape", tokenizer: "smollm2", want: "model.layers.0.mlp", damage: func(t *testing.T, dir string) {
			setConfig(t, dir, "intermediate_size", 96)
		}},
		{name: "another architecture", tokenizer: "smollm2", want: "MambaForCausalLM", damage: func(t *testing.T, dir string) {
			setConfig(t, dir, "architectures", []string{"MambaForCausalLM"})
			setConfig(t, dir, "model_type", "mamba")
		}},
		{name: "a prompt beyond the context", tokenizer: "smollm2", flags: " --max-tokens 5000", want: "the context holds 4,096 tokens"},
		{name: "more memory than there is", tokenizer: "smollm2", flags: " --kv-gb 1000000", want: "MiB are available"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.flags, "--kv-gb") && runtime.GOOS != "linux" {
				t.Skip("only Linux says how much memory there is")
			}
			dir := writeModel(t, 900, c.tokenizer)
			if c.damage != nil {
				c.damage(t, dir)
			}
			code, stdout, stderr := command(t, context.Background(), "engine generate --prompt hello --model "+dir+c.flags)
			if code != ExitUsage || !strings.Contains(stderr, c.want) || stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, want an error with %q: %s%s", code, c.want, stdout, stderr)
			}
			t.Log(strings.TrimSpace(strings.ReplaceAll(stderr, dir, "DIR")))
		})
	}
}
