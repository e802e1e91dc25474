package chat

import (
	"fmt"
	"strings"
	"unicode"
)

// Llama3 is the template of Llama 3.1, 3.2 and 3.3.
type Llama3 struct {
	// Date is what the system message gives as today's, as in "26 Jul 2024",
	// which it is when empty.
	Date string
	// Bare is the template of Llama 3: no dates, no tools, and a system message
	// only if the conversation has one.
	Bare bool
}

const (
	llamaBegin = "<|begin_of_text|>"
	llamaOpen  = "<|start_header_id|>"
	llamaClose = "<|end_header_id|>"
	llamaEnd   = "<|eot_id|>"

	llamaDate  = "26 Jul 2024"
	llamaTools = "Given the following functions, please respond with a JSON for a function call " +
		"with its proper arguments that best answers the given prompt.\n\n" +
		`Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}.` +
		"Do not use variables.\n\n"
)

// Name is "llama3".
func (Llama3) Name() string { return "llama3" }

// Special are the begin of the text and the marks of a message.
func (Llama3) Special() []string { return []string{llamaBegin, llamaOpen, llamaClose, llamaEnd} }

// Stop are the ends of a message, of one that waits for a tool, and of the text.
func (Llama3) Stop() []string { return []string{llamaEnd, "<|eom_id|>", "<|end_of_text|>"} }

// Calls is a JSON object alone.
func (Llama3) Calls() CallFormat {
	return CallFormat{Name: "name", Arguments: "parameters", lead: "<|python_tag|>"}
}

// Parts writes a conversation.
func (t Llama3) Parts(c Conversation) ([]Part, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if t.Bare && len(c.Tools) > 0 {
		return nil, fmt.Errorf("tools: the chat template of Llama 3 has none; that of Llama 3.1 and later has")
	}
	var s script
	s.special(llamaBegin)
	messages, first := c.Messages, 0 // first numbers messages[0] in c
	if !t.Bare {
		messages, first = t.preamble(&s, c)
	}
	if len(c.Tools) > 0 {
		if len(messages) == 0 || messages[0].Role != User {
			return nil, fmt.Errorf("messages[%d]: the chat template of Llama 3.1 writes tools into the first message, which must be a user's", first)
		}
		s.header(User)
		s.text(llamaTools)
		for i, tool := range c.Tools {
			text, err := tool.appendJSON(nil, 4)
			if err != nil {
				return nil, fmt.Errorf("tools[%d].parameters: %w", i, err)
			}
			s.text(string(text), "\n\n")
		}
		s.text(trim(messages[0].Content))
		s.special(llamaEnd)
		messages, first = messages[1:], first+1
	}
	for i, m := range messages {
		if err := t.message(&s, m); err != nil {
			return nil, fmt.Errorf("messages[%d]%w", first+i, err)
		}
	}
	s.header(Assistant)
	return s.parts, nil
}

// preamble writes the system message and returns those that follow it, and how
// many do not.
func (t Llama3) preamble(s *script, c Conversation) (rest []Message, skipped int) {
	s.header(System)
	if len(c.Tools) > 0 {
		s.text("Environment: ipython\n")
	}
	date := t.Date
	if date == "" {
		date = llamaDate
	}
	s.text("Cutting Knowledge Date: December 2023\nToday Date: ", date, "\n\n")
	rest = c.Messages
	if rest[0].Role == System {
		s.text(trim(rest[0].Content))
		rest, skipped = rest[1:], 1
	}
	s.special(llamaEnd)
	return rest, skipped
}

func (t Llama3) message(s *script, m Message) error {
	switch {
	case len(m.ToolCalls) > 1:
		return fmt.Errorf(".tool_calls: there are %d, and Llama 3.1 makes one at a time", len(m.ToolCalls))
	case t.Bare && (len(m.ToolCalls) > 0 || m.Role == ToolRole):
		return fmt.Errorf(": the chat template of Llama 3 has no tool calls; that of Llama 3.1 and later has")
	case len(m.ToolCalls) == 1:
		arguments, err := m.ToolCalls[0].arguments()
		if err != nil {
			return fmt.Errorf(".tool_calls[0].arguments: %w", err)
		}
		s.header(Assistant)
		s.text(`{"name": "`, m.ToolCalls[0].Name, `", "parameters": `, arguments, "}")
	case m.Role == ToolRole:
		s.header("ipython")
		s.text(string(appendString(nil, m.Content)))
	default:
		s.header(m.Role)
		s.text(trim(m.Content))
	}
	s.special(llamaEnd)
	return nil
}

func (s *script) header(role string) {
	s.special(llamaOpen)
	s.text(role)
	s.special(llamaClose)
	s.text("\n\n")
}

// trim drops the white space that Python's str.strip does: Unicode's, and the
// four separators from U+001C on.
func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}
