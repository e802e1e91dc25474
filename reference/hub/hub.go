package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tierlab/workloads"
)

// Caller makes model calls. Its methods may be called by many goroutines.
type Caller interface {
	// Call makes one attempt at a model call and returns when it has ended, or
	// soon after ctx has. The error, if there is one, is an *Error.
	Call(ctx context.Context, c *Call) (*Answer, error)
	// Count is the prompt's length in tokens: exact where the model's tokenizer
	// is at hand, and otherwise an estimate that is not below it by more than a
	// few per cent.
	Count(c *Call) int
}

// Call is one attempt at a model call.
type Call struct {
	Session string
	Tenant  string
	Step    int // from 0
	Attempt int // from 1
	// Key names the attempt for servers that keep idempotency keys.
	Key string
	// Site and Model are the deployment that the router chose, by name.
	Site, Model string
	Messages    []Message
	Tools       []Definition
	// MustCall asks for at least one tool call, where the server can demand it.
	MustCall  bool
	MaxTokens int
	Seed      uint64
	// First, if not nil, is called when the first token has come.
	First func()

	// Prompt and Forced are a replay's token ids: the prompt, and the recorded
	// answer that is to come out whatever the model says. Messages are empty then.
	Prompt, Forced []int32
	// KeepFor asks the server to retain the context over tool calls.
	KeepFor time.Duration
}

// Message is one message of a conversation, in OpenAI's terms.
type Message struct {
	Role    string     `json:"role"` // system, user, assistant, tool
	Content string     `json:"content,omitempty"`
	Calls   []ToolCall `json:"tool_calls,omitempty"`   // of an assistant
	CallID  string     `json:"tool_call_id,omitempty"` // of a tool: whose result it is
	// Name is who speaks, where that is not clear from the role: another
	// session's name on a message from it.
	Name string `json:"name,omitempty"`
}

// ToolCall is what a model asks for. Arguments are as the model wrote them and
// may be no JSON at all.
type ToolCall struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// Definition tells a model of a tool.
type Definition struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"` // JSON Schema of an object
}

// Answer is how a call ended well.
type Answer struct {
	Message               Message
	Finish                string // stop, length, tool_calls
	Input, Cached, Output int    // tokens
	// First is how long after the call's start the first token came. Queue,
	// Prefill and Decode are the server's account of its time, zero where it
	// gives none; what is left of the call's duration is the way there and back.
	First, Queue, Prefill, Decode time.Duration
}

// Error is how a call ended otherwise. The machine decides by Status what
// follows.
type Error struct {
	Status workloads.Status // rejected, error, timeout, cancelled
	// Took is what the server did before it failed, where that is known: a call
	// that may have cost something says so.
	Input, Output int
	// After is how long the server asked to wait; 0: it did not say.
	After time.Duration
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("model call: %s: %v", e.Status, e.Err) }
func (e *Error) Unwrap() error { return e.Err }
