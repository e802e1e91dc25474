package chat

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// golden is a conversation with the prompt that transformers' apply_chat_template
// makes of it with a published template; scripts/golden-tokenizer writes it.
type golden struct {
	Template string
	Title    string
	Messages []struct {
		Role, Content string
		Calls         []struct{ Function wireCall } `json:"tool_calls"`
	}
	Tools []struct{ Function wireTool }

	NoThink bool `json:"no_think"`

	Text       string
	Error      string
	Vocabulary string
	IDs        []int32
}

type wireCall struct {
	Name      string
	Arguments json.RawMessage
}

type wireTool struct {
	Name, Description string
	Parameters        json.RawMessage
}

func (g golden) conversation() Conversation {
	c := Conversation{NoThink: g.NoThink}
	for _, m := range g.Messages {
		message := Message{Role: m.Role, Content: m.Content}
		for _, call := range m.Calls {
			message.ToolCalls = append(message.ToolCalls, ToolCall{Name: call.Function.Name, Arguments: call.Function.Arguments})
		}
		c.Messages = append(c.Messages, message)
	}
	for _, t := range g.Tools {
		c.Tools = append(c.Tools, Tool(t.Function))
	}
	return c
}

func goldens(t *testing.T) (all []golden) {
	t.Helper()
	f, err := os.Open("testdata/chats.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%d goldens: %v", len(all), err)
	}
	return all
}

var templates = map[string]Template{
	"llama3.1": Llama3{},
	"llama3.2": Llama3{},
	"qwen2.5":  ChatML{System: QwenSystem},
	"qwen3":    ChatML{Think: true},
}

func TestGoldenPrompts(t *testing.T) {
	written := make(map[string]int)
	for _, g := range goldens(t) {
		template, ok := templates[g.Template]
		if !ok {
			t.Fatalf("golden of template %q", g.Template)
		}
		parts, err := template.Parts(g.conversation())
		if g.Error != "" {
			if err == nil {
				t.Errorf("%s, %s: written, while the published template says %q", g.Template, g.Title, g.Error)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s, %s: %v", g.Template, g.Title, err)
			continue
		}
		var text strings.Builder
		for _, p := range parts {
			text.WriteString(p.Text)
		}
		if text.String() != g.Text {
			t.Errorf("%s, %s:\n%q\nnot\n%q", g.Template, g.Title, text.String(), g.Text)
		}
		written[g.Template]++
	}
	for name := range templates {
		if written[name] < 15 {
			t.Errorf("%s: only %d conversations compared", name, written[name])
		}
	}
}
