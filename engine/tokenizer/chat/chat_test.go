package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tierlab/engine/tokenizer"
)

func byteTokenizer(t testing.TB) tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.NewBytes(512)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func specials(tok tokenizer.Tokenizer, ids []int32) (n int) {
	for _, id := range ids {
		if id >= 256 {
			n++
		}
	}
	return n
}

// TestContentCannotSpellSpecialTokens writes each template's own special tokens
// into every place that a caller fills in: the prompt has as many special
// tokens as with harmless text there.
func TestContentCannotSpellSpecialTokens(t *testing.T) {
	tok := byteTokenizer(t)
	for _, template := range []Template{Llama3{}, Llama3{Bare: true}, ChatML{System: QwenSystem}, ChatML{Think: true}} {
		conversation := func(text string) Conversation {
			arguments, err := json.Marshal(map[string]string{"x": text})
			if err != nil {
				t.Fatal(err)
			}
			c := Conversation{Messages: []Message{
				{Role: System, Content: text}, {Role: User, Content: text}, {Role: Assistant, Content: text}, {Role: User, Content: text},
			}}
			if template != (Llama3{Bare: true}) {
				c.Tools = []Tool{{Name: "f", Description: text, Parameters: arguments}}
				c.Messages = append(c.Messages,
					Message{Role: Assistant, ToolCalls: []ToolCall{{Name: "f", Arguments: arguments}}}, Message{Role: ToolRole, Content: text})
			}
			return c
		}
		harmless, err := Encode(nil, template, tok, conversation("x"))
		if err != nil {
			t.Fatal(err)
		}
		marks := append(append(template.Special(), template.Stop()...), "<tool_call>", "</tool_call>", "<|python_tag|>")
		for _, mark := range marks {
			ids, err := Encode(nil, template, tok, conversation("x"+mark+"\n"+mark))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := specials(tok, ids), specials(tok, harmless); got != want {
				t.Errorf("%s: with %s in the messages there are %d special tokens, not %d", template.Name(), mark, got, want)
			}
		}
	}
}

func TestEncodeParts(t *testing.T) {
	tok := byteTokenizer(t)
	end, _ := tok.ID("<|im_end|>")
	parts := []Part{{Text: "a"}, {Text: "<nowhere>", Special: true}, {Text: "<|im_end|>"}, {Text: "<|im_end|>", Special: true}, {Text: "b"}}
	want := append(tok.Encode([]int32{1}, "a<nowhere><|im_end|>", false), end, 'b')
	if got := EncodeParts([]int32{1}, tok, parts); !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestStopIDs(t *testing.T) {
	tok := byteTokenizer(t)
	for name, want := range map[string][]string{
		"llama3": {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"},
		"chatml": {"<|im_end|>", "<|endoftext|>"},
	} {
		template, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int32
		for _, s := range want {
			id, ok := tok.ID(s)
			if !ok {
				t.Fatalf("the byte tokenizer has no %s", s)
			}
			ids = append(ids, id)
		}
		if got := StopIDs(template, tok); !slices.Equal(got, ids) {
			t.Errorf("%s: %v, not %v", name, got, ids)
		}
		if err := Check(template, tok); err != nil {
			t.Error(err)
		}
		if err := Check(template, bare{tok}); err == nil || !strings.Contains(err.Error(), "has no token <|") {
			t.Errorf("%s with a vocabulary without special tokens: %v", name, err)
		}
		if got := StopIDs(template, bare{tok}); len(got) != 0 {
			t.Errorf("%s: ends %v of a vocabulary without special tokens", name, got)
		}
	}
	if _, err := ByName("alpaca"); err == nil || !strings.Contains(err.Error(), "known are llama3 and chatml") {
		t.Errorf("ByName: %v", err)
	}
}

// bare is a vocabulary without special tokens.
type bare struct{ tokenizer.Tokenizer }

func (bare) ID(string) (int32, bool) { return 0, false }

func TestRefusals(t *testing.T) {
	user := Message{Role: User, Content: "x"}
	calls := func(n int, name, arguments string) Message {
		m := Message{Role: Assistant}
		for range n {
			m.ToolCalls = append(m.ToolCalls, ToolCall{Name: name, Arguments: json.RawMessage(arguments)})
		}
		return m
	}
	tool := []Tool{{Name: "f"}}
	deep := strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300)
	for _, c := range []struct {
		template Template
		c        Conversation
		want     string
	}{
		{ChatML{}, Conversation{}, "messages: there are none"},
		{ChatML{}, Conversation{Messages: []Message{user, {Role: "robot"}}}, `messages[1].role: "robot" is not one of system, user, assistant and tool`},
		{ChatML{}, Conversation{Messages: []Message{user}, Tools: []Tool{{Name: `a"b`}}}, `tools[0].name: "a\"b" does not match`},
		{ChatML{}, Conversation{Messages: []Message{user}, Tools: []Tool{{Name: "f", Parameters: json.RawMessage("[1]")}}}, "tools[0].parameters: not a JSON object"},
		{ChatML{}, Conversation{Messages: []Message{user}, Tools: []Tool{{Name: "f", Parameters: json.RawMessage(deep)}}}, "tools[0].parameters: nested more than 200 deep"},
		{ChatML{}, Conversation{Messages: []Message{calls(1, "f g", "{}")}}, `messages[0].tool_calls[0].name: "f g" does not match`},
		{ChatML{}, Conversation{Messages: []Message{calls(2, "f", `"x"`)}}, "messages[0].tool_calls[0].arguments: not a JSON object"},
		{ChatML{}, Conversation{Messages: []Message{calls(1, "f", deep)}}, "messages[0].tool_calls[0].arguments: nested more than 200 deep"},
		{ChatML{}, Conversation{Messages: []Message{{Role: User, ToolCalls: []ToolCall{{Name: "f"}}}}}, "messages[0].tool_calls: only an assistant's"},
		{Llama3{}, Conversation{Messages: []Message{user, calls(2, "f", "")}}, "messages[1].tool_calls: there are 2, and Llama 3.1 makes one at a time"},
		{Llama3{}, Conversation{Messages: []Message{{Role: System}}, Tools: tool}, "messages[1]: the chat template of Llama 3.1 writes tools into the first message"},
		{Llama3{}, Conversation{Messages: []Message{calls(1, "f", "")}, Tools: tool}, "messages[0]: the chat template of Llama 3.1 writes tools"},
		{Llama3{}, Conversation{Messages: []Message{{Role: System}, user, calls(1, "f", deep)}, Tools: tool}, "messages[2].tool_calls[0].arguments: nested"},
		{Llama3{}, Conversation{Messages: []Message{user}, Tools: []Tool{{Name: "f", Parameters: json.RawMessage(deep)}}}, "tools[0].parameters: nested"},
		{Llama3{Bare: true}, Conversation{Messages: []Message{user}, Tools: tool}, "tools: the chat template of Llama 3 has none"},
		{Llama3{Bare: true}, Conversation{Messages: []Message{user, {Role: ToolRole}}}, "messages[1]: the chat template of Llama 3 has no tool calls"},
	} {
		_, err := Encode(nil, c.template, byteTokenizer(t), c.c)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %s", c.template.Name(), err, c.want)
		}
	}
}

func TestLlama3Settings(t *testing.T) {
	c := Conversation{Messages: []Message{{Role: User, Content: " x "}}}
	for template, want := range map[Llama3]string{
		{Date: "1 Jan 2030"}: "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n" +
			"Today Date: 1 Jan 2030\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nx<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
		{Bare: true}: "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nx<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
	} {
		parts, err := template.Parts(c)
		if err != nil {
			t.Fatal(err)
		}
		var text string
		for _, p := range parts {
			text += p.Text
		}
		if text != want {
			t.Errorf("%+v:\n%q\nnot\n%q", template, text, want)
		}
	}
}

func TestDetect(t *testing.T) {
	config := func(template any) string {
		b, err := json.Marshal(map[string]any{"chat_template": template})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	type files = map[string]string
	const jinja, tokenizerConfig = "chat_template.jinja", "tokenizer_config.json"
	qwen := `{%- else %}{{- '<|im_start|>system\nYou are Qwen. Be of use.<|im_end|>\n' }}`
	for _, c := range []struct {
		name  string
		files files
		want  Template
		err   string
	}{
		{"Llama 3", files{tokenizerConfig: config("{{ '<|start_header_id|>' }}")}, Llama3{Bare: true}, ""},
		{"Llama 3.1", files{tokenizerConfig: config("{{ '<|start_header_id|>' }} Cutting Knowledge Date")}, Llama3{}, ""},
		{"Qwen2.5", files{tokenizerConfig: config(qwen)}, ChatML{System: "You are Qwen. Be of use."}, ""},
		{"Qwen3", files{tokenizerConfig: config("<|im_start|> '</think>'")}, ChatML{Think: true}, ""},
		{"the file goes first", files{jinja: "<|im_start|>", tokenizerConfig: config("<|start_header_id|>")}, ChatML{}, ""},
		{"a list", files{tokenizerConfig: config([]files{{"name": "rag", "template": "x"}, {"name": "default", "template": "<|im_start|>"}})}, ChatML{}, ""},
		{"a list without default", files{tokenizerConfig: config([]files{{"name": "rag", "template": "x"}})}, nil, `a list without one named "default"`},
		{"another family", files{tokenizerConfig: config("[INST]")}, nil, "tokenizer_config.json: chat_template: a template of an unknown family; supported are"},
		{"another family, file", files{jinja: "[INST]"}, nil, "chat_template.jinja: a template of an unknown family"},
		{"no template", files{tokenizerConfig: "{}"}, nil, "tokenizer_config.json: chat_template is missing"},
		{"null", files{tokenizerConfig: config(nil)}, nil, "chat_template is missing"},
		{"a number", files{tokenizerConfig: config(1)}, nil, "neither a string nor a list"},
		{"broken", files{tokenizerConfig: "{"}, nil, "tokenizer_config.json: unexpected end"},
		{"nothing", nil, nil, "has neither chat_template.jinja nor tokenizer_config.json"},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Detect(dir)
		if got != c.want || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v does not name the folder", c.name, err)
		}
	}
}
