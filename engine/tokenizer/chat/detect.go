package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// maxConfig bounds the size of a file that is read, in bytes. Published
// tokenizer_config.json files have at most some hundred thousand.
const maxConfig = 16 << 20

// Detect chooses the template of a model's folder by the one that comes with
// it: chat_template.jinja, or chat_template in tokenizer_config.json.
func Detect(dir string) (Template, error) {
	jinja := filepath.Join(dir, "chat_template.jinja")
	text, err := readBounded(jinja)
	if err == nil {
		return choose(jinja, string(text))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	config := filepath.Join(dir, "tokenizer_config.json")
	text, err = readBounded(config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has neither chat_template.jinja nor tokenizer_config.json, so its chat template is not known: name one, llama3 or chatml", dir)
	}
	if err != nil {
		return nil, err
	}
	template, err := chatTemplate(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config, err)
	}
	return choose(config+": chat_template", template)
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxConfig {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", path, info.Size(), maxConfig)
	}
	return os.ReadFile(path)
}

// chatTemplate takes the template out of a tokenizer_config.json: a string, or
// a list of named ones, of which "default" is taken.
func chatTemplate(config []byte) (string, error) {
	var fields struct {
		Template json.RawMessage `json:"chat_template"`
	}
	if err := json.Unmarshal(config, &fields); err != nil {
		return "", err
	}
	if len(fields.Template) == 0 || string(fields.Template) == "null" {
		return "", fmt.Errorf("chat_template is missing, as for a model without instruction tuning: name a template, llama3 or chatml")
	}
	var single string
	if json.Unmarshal(fields.Template, &single) == nil {
		return single, nil
	}
	var named []struct{ Name, Template string }
	if err := json.Unmarshal(fields.Template, &named); err != nil {
		return "", fmt.Errorf("chat_template: neither a string nor a list of names and templates: %w", err)
	}
	for _, t := range named {
		if t.Name == "default" {
			return t.Template, nil
		}
	}
	return "", fmt.Errorf(`chat_template: a list without one named "default"`)
}

// defaultSystem finds the system message that a ChatML template writes for a
// conversation without one. Jinja spells the line end as a backslash and an n.
var defaultSystem = regexp.MustCompile(`<\|im_start\|>system\\n([^'"<{+]+)<\|im_end\|>`)

// choose tells the families apart by the special tokens that a template writes.
func choose(where, template string) (Template, error) {
	switch {
	case strings.Contains(template, llamaOpen):
		return Llama3{Bare: !strings.Contains(template, "Cutting Knowledge Date")}, nil
	case strings.Contains(template, imStart):
		t := ChatML{Think: strings.Contains(template, thinkClose)}
		if m := defaultSystem.FindStringSubmatch(template); m != nil {
			t.System = m[1]
		}
		return t, nil
	}
	return nil, fmt.Errorf("%s: a template of an unknown family; supported are those that write %s (Llama 3) or %s (ChatML, as of Qwen)",
		where, llamaOpen, imStart)
}
