package chat

import (
	"encoding/json"
	"fmt"
	"regexp"

	"tierlab/engine/tokenizer"
)

// The roles of a message.
const (
	System    = "system"
	User      = "user"
	Assistant = "assistant"
	ToolRole  = "tool" // a tool's result
)

// Message is one turn of a conversation.
type Message struct {
	Role       string
	Content    string
	ToolCalls  []ToolCall // of an assistant's message
	ToolCallID string     // of a tool's result; no template writes it
	Name       string     // no template writes it
}

// ToolCall is a call that the model asks for.
type ToolCall struct {
	ID        string // no template writes it
	Name      string
	Arguments json.RawMessage // an object; empty stands for {}
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // a JSON Schema; empty: none is written
}

// Conversation is what a prompt is made of.
type Conversation struct {
	Messages []Message
	Tools    []Tool
	// NoThink asks a template that has a place for it for an answer without
	// reasoning, as Qwen3's enable_thinking=false does.
	NoThink bool
}

// Part is a piece of a prompt.
type Part struct {
	Text string
	// Special says that the template wrote Text as a special token. It is text
	// like any other where the vocabulary has no such token.
	Special bool
}

// Template is a family of chat templates.
type Template interface {
	// Name is what ByName finds it by.
	Name() string
	// Parts writes a conversation, up to where the assistant is to answer. An
	// error names the message or tool and its field.
	Parts(Conversation) ([]Part, error)
	// Special are the special tokens without which a vocabulary does not fit.
	Special() []string
	// Stop are the special tokens that end the assistant's message. A vocabulary
	// need not have them all.
	Stop() []string
	// Calls is how a tool call is written.
	Calls() CallFormat
}

// ByName finds a template with its usual settings: "llama3" or "chatml".
func ByName(name string) (Template, error) {
	for _, t := range []Template{Llama3{}, ChatML{}} {
		if t.Name() == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("chat template %q is not known; known are llama3 and chatml", name)
}

// Check says which special tokens of a template a vocabulary lacks.
func Check(t Template, tok tokenizer.Tokenizer) error {
	for _, s := range t.Special() {
		if _, ok := tok.ID(s); !ok {
			return fmt.Errorf("the tokenizer has no token %s, so the chat template %s does not fit it", s, t.Name())
		}
	}
	return nil
}

// StopIDs are the tokens of a vocabulary that end the assistant's message.
func StopIDs(t Template, tok tokenizer.Tokenizer) []int32 {
	var ids []int32
	for _, s := range t.Stop() {
		if id, ok := tok.ID(s); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Encode writes a conversation and appends its tokens to dst.
func Encode(dst []int32, t Template, tok tokenizer.Tokenizer, c Conversation) ([]int32, error) {
	parts, err := t.Parts(c)
	if err != nil {
		return dst, err
	}
	return EncodeParts(dst, tok, parts), nil
}

// EncodeParts appends the tokens of a prompt to dst. Text between special
// tokens is encoded in one piece.
func EncodeParts(dst []int32, tok tokenizer.Tokenizer, parts []Part) []int32 {
	var text []byte
	for _, p := range parts {
		id, ok := int32(0), false
		if p.Special {
			id, ok = tok.ID(p.Text)
		}
		if !ok {
			text = append(text, p.Text...)
			continue
		}
		dst = append(tok.Encode(dst, string(text), false), id)
		text = text[:0]
	}
	return tok.Encode(dst, string(text), false)
}

// script collects the parts of a prompt.
type script struct{ parts []Part }

func (s *script) special(tokens ...string) {
	for _, t := range tokens {
		s.parts = append(s.parts, Part{Text: t, Special: true})
	}
}

func (s *script) text(texts ...string) {
	for _, t := range texts {
		if last := len(s.parts) - 1; last >= 0 && !s.parts[last].Special {
			s.parts[last].Text += t
		} else if t != "" {
			s.parts = append(s.parts, Part{Text: t})
		}
	}
}

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// check refuses what no template can write.
func (c Conversation) check() error {
	if len(c.Messages) == 0 {
		return fmt.Errorf("messages: there are none; a conversation has at least one")
	}
	for i, t := range c.Tools {
		if !toolName.MatchString(t.Name) {
			return fmt.Errorf("tools[%d].name: %q does not match %s", i, t.Name, toolName)
		}
		if len(t.Parameters) > 0 && !isObject(t.Parameters) {
			return fmt.Errorf("tools[%d].parameters: not a JSON object, as a schema with properties is", i)
		}
	}
	for i, m := range c.Messages {
		switch m.Role {
		case System, User, Assistant, ToolRole:
		default:
			return fmt.Errorf("messages[%d].role: %q is not one of system, user, assistant and tool", i, m.Role)
		}
		if len(m.ToolCalls) > 0 && m.Role != Assistant {
			return fmt.Errorf("messages[%d].tool_calls: only an assistant's message calls tools, and this one's role is %s", i, m.Role)
		}
		for k, call := range m.ToolCalls {
			if !toolName.MatchString(call.Name) {
				return fmt.Errorf("messages[%d].tool_calls[%d].name: %q does not match %s", i, k, call.Name, toolName)
			}
			if len(call.Arguments) > 0 && !isObject(call.Arguments) {
				return fmt.Errorf("messages[%d].tool_calls[%d].arguments: not a JSON object", i, k)
			}
		}
	}
	return nil
}
