package chat

import (
	"fmt"
	"strings"
)

// ChatML is the template of Qwen2.5 and Qwen3, and of other models that mark a
// message's begin and end with <|im_start|> and <|im_end|>.
type ChatML struct {
	// System is the system message of a conversation without one; empty: none
	// is written.
	System string
	// Think is as Qwen3 has it: the reasoning between <think> and </think> in
	// the assistant's messages is written only since the last user message.
	Think bool
}

const (
	imStart = "<|im_start|>"
	imEnd   = "<|im_end|>"

	callOpen      = "<tool_call>"
	callClose     = "</tool_call>"
	responseOpen  = "<tool_response>"
	responseClose = "</tool_response>"
	thinkOpen     = "<think>"
	thinkClose    = "</think>"

	// QwenSystem is the system message of Qwen2.5's template.
	QwenSystem = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
)

// Name is "chatml".
func (ChatML) Name() string { return "chatml" }

// Special are the marks of a message.
func (ChatML) Special() []string { return []string{imStart, imEnd} }

// Stop are the ends of a message and of the text.
func (ChatML) Stop() []string { return []string{imEnd, "<|endoftext|>"} }

// Calls is a JSON object between marks.
func (ChatML) Calls() CallFormat {
	return CallFormat{Prefix: callOpen + "\n", Suffix: "\n" + callClose, Name: "name", Arguments: "arguments"}
}

// Parts writes a conversation.
func (t ChatML) Parts(c Conversation) ([]Part, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var s script
	if err := t.preamble(&s, c); err != nil {
		return nil, err
	}
	query := lastQuery(c.Messages)
	for i, m := range c.Messages {
		switch m.Role {
		case System:
			if i > 0 {
				s.turn(m.Role, m.Content)
			}
		case User:
			s.turn(m.Role, m.Content)
		case ToolRole:
			if i == 0 || c.Messages[i-1].Role != ToolRole {
				s.special(imStart)
				s.text(User)
			}
			s.text("\n")
			s.special(responseOpen)
			s.text("\n", m.Content, "\n")
			s.special(responseClose)
			if i == len(c.Messages)-1 || c.Messages[i+1].Role != ToolRole {
				s.special(imEnd)
				s.text("\n")
			}
		default:
			if err := t.assistant(&s, m, i > query, i == len(c.Messages)-1); err != nil {
				return nil, fmt.Errorf("messages[%d]%w", i, err)
			}
		}
	}
	s.special(imStart)
	s.text(Assistant, "\n")
	if t.Think && c.NoThink {
		s.thought("")
	}
	return s.parts, nil
}

// preamble writes the system message, with the tools.
func (t ChatML) preamble(s *script, c Conversation) error {
	system, has := t.System, t.System != ""
	if c.Messages[0].Role == System {
		system, has = c.Messages[0].Content, true
	}
	if len(c.Tools) == 0 {
		if has {
			s.turn(System, system)
		}
		return nil
	}
	s.special(imStart)
	s.text(System, "\n")
	if has {
		s.text(system, "\n\n")
	}
	s.text("# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
		"You are provided with function signatures within <tools></tools> XML tags:\n<tools>")
	for i, tool := range c.Tools {
		text, err := tool.appendJSON(nil, 0)
		if err != nil {
			return fmt.Errorf("tools[%d].parameters: %w", i, err)
		}
		s.text("\n", string(text))
	}
	s.text("\n</tools>\n\nFor each function call, return a json object with function name and arguments within ")
	s.special(callOpen, callClose)
	s.text(" XML tags:\n")
	s.special(callOpen)
	s.text("\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n")
	s.special(callClose, imEnd)
	s.text("\n")
	return nil
}

// assistant writes a message of the assistant: with its reasoning if it is
// recent, which is to say after the last question.
func (t ChatML) assistant(s *script, m Message, recent, last bool) error {
	content, reasoning := m.Content, ""
	if t.Think {
		content, reasoning = splitThought(content)
	}
	s.special(imStart)
	s.text(Assistant, "\n")
	if t.Think && recent && (last || reasoning != "") {
		s.thought(strings.Trim(reasoning, "\n"))
		content = strings.TrimLeft(content, "\n")
	}
	s.text(content)
	for i, call := range m.ToolCalls {
		arguments, err := call.arguments()
		if err != nil {
			return fmt.Errorf(".tool_calls[%d].arguments: %w", i, err)
		}
		if i > 0 || content != "" {
			s.text("\n")
		}
		s.special(callOpen)
		s.text("\n{\"name\": \"", call.Name, "\", \"arguments\": ", arguments, "}\n")
		s.special(callClose)
	}
	s.special(imEnd)
	s.text("\n")
	return nil
}

func (s *script) turn(role, content string) {
	s.special(imStart)
	s.text(role, "\n", content)
	s.special(imEnd)
	s.text("\n")
}

func (s *script) thought(text string) {
	s.special(thinkOpen)
	s.text("\n", text, "\n")
	s.special(thinkClose)
	s.text("\n\n")
}

// lastQuery is the last user message that is a question, not a tool's result
// written as a user message; the last message if there is none.
func lastQuery(messages []Message) int {
	for i := len(messages) - 1; i >= 0; i-- {
		m := messages[i]
		if m.Role == User && !(strings.HasPrefix(m.Content, responseOpen) && strings.HasSuffix(m.Content, responseClose)) {
			return i
		}
	}
	return len(messages) - 1
}

// splitThought separates the reasoning in a message from what was said.
func splitThought(content string) (said, reasoning string) {
	before, _, found := strings.Cut(content, thinkClose)
	if !found {
		return content, ""
	}
	said = content[strings.LastIndex(content, thinkClose)+len(thinkClose):]
	before = strings.TrimRight(before, "\n")
	if i := strings.LastIndex(before, thinkOpen); i >= 0 {
		before = before[i+len(thinkOpen):]
	}
	return strings.TrimLeft(said, "\n"), strings.TrimLeft(before, "\n")
}
