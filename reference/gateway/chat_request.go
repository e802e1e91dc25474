package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tierlab/engine/tokenizer/chat"
)

// chatRequest is the body of POST /v1/chat/completions.
type chatRequest struct {
	common
	conversation
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Logprobs            bool            `json:"logprobs"`
	TopLogprobs         *int            `json:"top_logprobs"`
	ToolChoice          toolChoice      `json:"tool_choice"`
	ParallelToolCalls   *bool           `json:"parallel_tool_calls"`
	ResponseFormat      *responseFormat `json:"response_format"`
}

// conversation is what a chat prompt is made of.
type conversation struct {
	Messages []message `json:"messages"`
	Tools    []tool    `json:"tools"`
}

type message struct {
	Role       string     `json:"role"`
	Content    *content   `json:"content"`
	Name       string     `json:"name"`
	ToolCalls  []toolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
}

// toolCall is a call, as a message has it. In a stream its parts come one by
// one, told apart by their index.
type toolCall struct {
	Index    *int     `json:"index,omitempty"`
	ID       string   `json:"id,omitempty"`
	Type     string   `json:"type,omitempty"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"` // a JSON object, as text
}

type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"` // calls always keep to their schema
	} `json:"function"`
}

// toolChoice says whether the output is to call tools: "", "none", "auto",
// "required", or a tool's name.
type toolChoice struct {
	mode string
	name string // with mode "function"
}

const (
	chooseNone     = "none"
	chooseAuto     = "auto"
	chooseRequired = "required"
	chooseFunction = "function"
)

func (toolChoice) takes() string {
	return `"none", "auto", "required", or {"type": "function", "function": {"name": ...}}`
}

func (c *toolChoice) UnmarshalJSON(b []byte) error {
	var named struct {
		Type     string
		Function struct{ Name string }
	}
	switch {
	case json.Unmarshal(b, &c.mode) == nil:
		if !slices.Contains([]string{"", chooseNone, chooseAuto, chooseRequired}, c.mode) {
			return invalid("tool_choice", "tool_choice must be %s; it is %q.", c.takes(), c.mode)
		}
	case json.Unmarshal(b, &named) == nil && named.Type == chooseFunction && named.Function.Name != "":
		c.mode, c.name = chooseFunction, named.Function.Name
	default:
		return mistyped(b, *c)
	}
	return nil
}

// responseFormat constrains the text of an output.
type responseFormat struct {
	Type       string `json:"type"`
	JSONSchema *struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Schema      json.RawMessage `json:"schema"`
		Strict      *bool           `json:"strict"` // outputs always keep to their schema
	} `json:"json_schema"`
}

const (
	formatText   = "text"
	formatObject = "json_object"
	formatSchema = "json_schema"
)

// check refuses what is wrong with a chat request by itself.
func (c *chatRequest) check() *apiError {
	switch {
	case c.MaxTokens != nil && c.MaxCompletionTokens != nil && *c.MaxTokens != *c.MaxCompletionTokens:
		return invalid("max_tokens", "max_tokens is %d and max_completion_tokens %d: they mean the same, set one.", *c.MaxTokens, *c.MaxCompletionTokens)
	case c.TopLogprobs != nil && !c.Logprobs:
		return invalid("top_logprobs", "top_logprobs needs logprobs set to true.")
	case len(c.Messages) == 0:
		return invalid("messages", "messages is missing or empty.")
	}
	if err := within("max_completion_tokens", c.MaxCompletionTokens, 1, 1<<31-1); err != nil {
		return err
	}
	if err := within("top_logprobs", c.TopLogprobs, 0, maxTopLogprobs); err != nil {
		return err
	}
	if err := c.checkTools(); err != nil {
		return err
	}
	return c.checkFormat()
}

func (c *chatRequest) checkTools() *apiError {
	names := map[string]bool{}
	for i, t := range c.Tools {
		param := fmt.Sprintf("tools[%d]", i)
		switch {
		case t.Type != "function":
			return invalid(param+".type", "%s.type must be \"function\"; it is %q.", param, t.Type)
		case names[t.Function.Name]:
			return invalid(param+".function.name", "There are two tools named %q.", t.Function.Name)
		}
		names[t.Function.Name] = true
	}
	switch choice := c.ToolChoice; {
	case choice.mode == chooseFunction && !names[choice.name]:
		return invalid("tool_choice", "tool_choice names %q, which is none of the tools.", choice.name)
	case choice.mode == chooseRequired && len(c.Tools) == 0:
		return invalid("tool_choice", "tool_choice is \"required\", but there are no tools.")
	case c.forcesCall() && c.ForceTokens != nil:
		return invalid("force_tokens", "force_tokens leaves nothing to choose: tool_choice cannot be %q.", choice.mode)
	}
	return nil
}

// forcesCall says that the output must be a tool call.
func (c *chatRequest) forcesCall() bool {
	return c.ToolChoice.mode == chooseRequired || c.ToolChoice.mode == chooseFunction
}

// maySayCalls says that the output may be a tool call.
func (c *chatRequest) mayCall() bool { return len(c.Tools) > 0 && c.ToolChoice.mode != chooseNone }

func (c *chatRequest) checkFormat() *apiError {
	f := c.ResponseFormat
	if f == nil {
		return nil
	}
	switch {
	case f.Type == formatText:
		return nil
	case f.Type != formatObject && f.Type != formatSchema:
		return invalid("response_format.type", "response_format.type must be \"text\", \"json_object\" or \"json_schema\"; it is %q.", f.Type)
	case f.Type == formatSchema && (f.JSONSchema == nil || len(f.JSONSchema.Schema) == 0):
		return invalid("response_format.json_schema", "response_format needs json_schema with a name and a schema.")
	case c.forcesCall():
		return invalid("response_format", "response_format constrains a text, and tool_choice %q allows none.", c.ToolChoice.mode)
	case c.ForceTokens != nil:
		return invalid("force_tokens", "force_tokens leaves nothing to choose: leave response_format out.")
	}
	return nil
}

// write turns a conversation into what a template takes.
func (c *conversation) write(tools bool) (chat.Conversation, *apiError) {
	var to chat.Conversation
	for i, m := range c.Messages {
		one, err := m.write(fmt.Sprintf("messages[%d]", i))
		if err != nil {
			return to, err
		}
		to.Messages = append(to.Messages, one)
	}
	if !tools {
		return to, nil
	}
	for _, t := range c.Tools {
		to.Tools = append(to.Tools, chat.Tool{Name: t.Function.Name, Description: t.Function.Description, Parameters: notNull(t.Function.Parameters)})
	}
	return to, nil
}

// notNull takes null for left out.
func notNull(j json.RawMessage) json.RawMessage {
	if string(j) == "null" {
		return nil
	}
	return j
}

func (m *message) write(param string) (chat.Message, *apiError) {
	to := chat.Message{Role: m.Role, Name: m.Name, ToolCallID: m.ToolCallID}
	if m.Role == "developer" { // OpenAI's newer name
		to.Role = chat.System
	}
	switch {
	case m.Content != nil:
		to.Content = string(*m.Content)
	case len(m.ToolCalls) == 0:
		return to, invalid(param+".content", "%s.content is missing.", param)
	}
	for k, call := range m.ToolCalls {
		if call.Type != "function" && call.Type != "" {
			return to, invalid(fmt.Sprintf("%s.tool_calls[%d].type", param, k), "%s.tool_calls[%d].type must be \"function\"; it is %q.", param, k, call.Type)
		}
		arguments := json.RawMessage(strings.TrimSpace(call.Function.Arguments))
		to.ToolCalls = append(to.ToolCalls, chat.ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: arguments})
	}
	return to, nil
}
