package hub

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
)

// wireRequest is the body of /v1/chat/completions.
type wireRequest struct {
	Model         string        `json:"model"`
	Messages      []wireMessage `json:"messages"`
	Tools         []wireTool    `json:"tools,omitempty"`
	ToolChoice    string        `json:"tool_choice,omitempty"`
	MaxTokens     int           `json:"max_tokens,omitempty"`
	MaxCompletion int           `json:"max_completion_tokens,omitempty"`
	Seed          int64         `json:"seed,omitempty"`
	Stream        bool          `json:"stream"`
	StreamOptions any           `json:"stream_options,omitempty"`

	// Of this project's server alone.
	Session       string `json:"session,omitempty"`
	KeepMS        int64  `json:"keep_ms,omitempty"`
	CacheSalt     string `json:"cache_salt,omitempty"`
	ReturnTimings bool   `json:"return_timings,omitempty"`
}

type wireMessage struct {
	Role    string     `json:"role"`
	Content *string    `json:"content"` // null beside calls without text
	Calls   []wireCall `json:"tool_calls,omitempty"`
	CallID  string     `json:"tool_call_id,omitempty"`
	Name    string     `json:"name,omitempty"`
}

// wireCall is a tool call, in a message and, in parts, in a stream.
type wireCall struct {
	Index    *int   `json:"index,omitempty"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type wireTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
	} `json:"function"`
}

// mostName is the longest name of a message that OpenAI's API takes.
const mostName = 64

func (e *Endpoint) request(c *Call) *wireRequest {
	r := &wireRequest{
		Model: e.cfg.Model, Messages: make([]wireMessage, len(c.Messages)), MaxTokens: c.MaxTokens,
		Seed: int64(c.Seed & math.MaxInt64), Stream: true, StreamOptions: map[string]bool{"include_usage": true},
	}
	if strings.HasPrefix(e.base, "https://api.openai.com/") {
		r.MaxTokens, r.MaxCompletion = 0, c.MaxTokens // its newer models refuse the older name
	}
	for i := range c.Messages {
		r.Messages[i] = wireOf(&c.Messages[i])
	}
	for _, d := range c.Tools {
		t := wireTool{Type: "function"}
		t.Function.Name, t.Function.Description, t.Function.Parameters = d.Name, d.Description, d.Parameters
		r.Tools = append(r.Tools, t)
	}
	if c.MustCall && len(c.Tools) > 0 {
		r.ToolChoice = "required"
	}
	if e.extended {
		r.Session, r.KeepMS, r.CacheSalt, r.ReturnTimings = c.Session, c.KeepFor.Milliseconds(), c.Tenant, true
	}
	return r
}

func wireOf(m *Message) wireMessage {
	w := wireMessage{Role: m.Role, CallID: m.CallID}
	if len(m.Name) <= mostName && m.Role == "user" {
		w.Name = m.Name
	}
	if m.Content != "" || len(m.Calls) == 0 {
		w.Content = &m.Content
	}
	for _, call := range m.Calls {
		one := wireCall{ID: call.ID, Type: "function"}
		one.Function.Name, one.Function.Arguments = call.Name, object(call.Arguments)
		w.Calls = append(w.Calls, one)
	}
	return w
}

// object is a call's arguments as servers take them back.
func object(arguments string) string {
	text := bytes.TrimSpace([]byte(arguments))
	if len(text) > 0 && text[0] == '{' && json.Valid(text) {
		return arguments
	}
	malformed, err := encode(map[string]string{"malformed": arguments})
	if err != nil {
		return "{}" // cannot be: a map of texts is JSON
	}
	return malformed
}
