package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tierlab/engine"
	"tierlab/engine/tokenizer/chat"
	"tierlab/reference/gateway"
	"tierlab/workloads"
)

// EngineConfig is an engine in this process.
type EngineConfig struct {
	Engine gateway.Engine // an *engine.Engine, or a gateway.Site of several
	Model  string         // its name
	Begin  []int32        // tokens before a text that is no chat
	// Template is how conversations are written. Without one (nil), or without a
	// tokenizer, only recorded calls can be made.
	Template chat.Template
}

// Engine calls an engine in this process. It is a Caller.
type Engine struct {
	cfg      EngineConfig
	talk     *Endpoint // nil: recorded calls only
	stop     context.CancelFunc
	served   chan error
	listener *pipeListener
}

// NewEngine starts to serve the engine within this process. The engine is the
// result's from then on, and ends with it.
func NewEngine(cfg EngineConfig) (*Engine, error) {
	e := &Engine{cfg: cfg}
	if cfg.Template == nil || cfg.Engine.Tokenizer() == nil {
		return e, nil
	}
	server, err := gateway.New(gateway.Config{
		Engine: cfg.Engine, Metrics: gateway.NewMetrics(cfg.Model, cfg.Engine.Context()),
		Model: cfg.Model, Begin: cfg.Begin, Template: cfg.Template,
	})
	if err != nil {
		return nil, err
	}
	e.listener = newPipeListener()
	if e.talk, err = NewEndpoint(EndpointConfig{
		URL: "http://" + pipeHost, Model: cfg.Model,
		Transport: &http.Transport{DialContext: e.listener.dial, MaxIdleConnsPerHost: 256},
	}); err != nil {
		return nil, err
	}
	e.talk.extended = true
	var ctx context.Context
	ctx, e.stop = context.WithCancel(context.Background())
	e.served = make(chan error, 1)
	go func() { e.served <- server.Serve(ctx, e.listener, time.Second) }()
	return e, nil
}

// Close ends running calls and closes the engine.
func (e *Engine) Close() error {
	if e.talk == nil {
		return e.cfg.Engine.Close()
	}
	e.talk.Close()
	e.stop()
	return <-e.served
}

// Count is Caller's, by the model's own tokenizer and template.
func (e *Engine) Count(c *Call) int {
	if c.Prompt != nil {
		return len(c.Prompt)
	}
	if e.talk == nil {
		return estimate(c)
	}
	prompt, err := chat.Encode(nil, e.cfg.Template, e.cfg.Engine.Tokenizer(), conversation(c))
	if err != nil {
		return estimate(c) // the call itself will say what is wrong
	}
	return len(prompt)
}

// conversation is a call's prompt as the gateway hands it to the template.
func conversation(c *Call) chat.Conversation {
	var to chat.Conversation
	for i := range c.Messages {
		m := &c.Messages[i]
		one := chat.Message{Role: m.Role, Content: m.Content, ToolCallID: m.CallID, Name: m.Name}
		for _, call := range m.Calls {
			one.ToolCalls = append(one.ToolCalls, chat.ToolCall{ID: call.ID, Name: call.Name, Arguments: json.RawMessage(object(call.Arguments))})
		}
		to.Messages = append(to.Messages, one)
	}
	for _, d := range c.Tools {
		to.Tools = append(to.Tools, chat.Tool{Name: d.Name, Description: d.Description, Parameters: d.Parameters})
	}
	return to
}

// Call is Caller's.
func (e *Engine) Call(ctx context.Context, c *Call) (*Answer, error) {
	switch {
	case c.Prompt != nil:
		return e.recorded(ctx, c)
	case e.talk == nil:
		return nil, faultf(workloads.StatusError, "model %s has no chat template: it takes recorded calls only", e.cfg.Model)
	}
	return e.talk.Call(ctx, c)
}

// recorded runs a call of token ids.
func (e *Engine) recorded(ctx context.Context, c *Call) (*Answer, error) {
	r := engine.Request{
		Prompt: c.Prompt, Forced: c.Forced, Logprobs: -1, IgnoreEnd: true, Session: c.Session, Tenant: c.Tenant, KeepFor: c.KeepFor,
	}
	if r.Seed = c.Seed; len(c.Forced) == 0 {
		r.MaxTokens = c.MaxTokens
	}
	start := time.Now()
	stream, err := e.cfg.Engine.Submit(ctx, r)
	if err != nil {
		return nil, submitFault(ctx, err)
	}
	a := &Answer{Message: Message{Role: "assistant"}}
	for _, more := stream.Next(); more; _, more = stream.Next() {
		if a.First != 0 {
			continue
		}
		a.First = max(time.Since(start), 1)
		if c.First != nil {
			c.First()
		}
	}
	u := stream.Usage()
	if err := stream.Err(); err != nil {
		failed := submitFault(ctx, err)
		failed.Input, failed.Output = u.Prompt, u.Output
		return nil, failed
	}
	a.Finish, a.Input, a.Cached, a.Output = string(stream.Finish()), u.Prompt, u.Cached, u.Output
	a.Queue, a.Prefill, a.Decode = u.Started-u.Arrived, u.First-u.Started, u.Done-u.First
	return a, nil
}

func submitFault(ctx context.Context, err error) *Error {
	switch {
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.Is(err, engine.ErrFull):
		return &Error{Status: workloads.StatusRejected, Err: err}
	}
	return &Error{Status: workloads.StatusError, Err: fmt.Errorf("the engine: %w", err)}
}
