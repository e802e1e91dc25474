package gateway

import (
	"tierlab/engine"
	"tierlab/engine/tokenizer/chat"
)

// chatCompletion is the response.
type chatCompletion struct {
	ID                string       `json:"id"`
	Object            string       `json:"object"`
	Created           int64        `json:"created"`
	Model             string       `json:"model"`
	SystemFingerprint string       `json:"system_fingerprint"`
	Choices           []chatChoice `json:"choices"`
	Usage             *usage       `json:"usage"`
	PromptTokenIDs    []int32      `json:"prompt_token_ids,omitempty"`
	Timings           *timings     `json:"timings,omitempty"`
}

type chatChoice struct {
	Index        int           `json:"index"`
	Message      chatMessage   `json:"message"`
	Logprobs     *chatLogprobs `json:"logprobs"`
	FinishReason engine.Finish `json:"finish_reason"`
	TokenIDs     []int32       `json:"token_ids,omitempty"`
}

type chatMessage struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"` // null beside tool calls without text
	Refusal   *string    `json:"refusal"` // always null
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// chatChunk is a part of a stream.
type chatChunk struct {
	ID                string            `json:"id"`
	Object            string            `json:"object"`
	Created           int64             `json:"created"`
	Model             string            `json:"model"`
	SystemFingerprint string            `json:"system_fingerprint"`
	Choices           []chatChunkChoice `json:"choices"`
	Usage             any               `json:"usage,omitempty"` // see call.chunkUsage
	PromptTokenIDs    []int32           `json:"prompt_token_ids,omitempty"`
	Timings           *timings          `json:"timings,omitempty"`
}

type chatChunkChoice struct {
	Index        int            `json:"index"`
	Delta        delta          `json:"delta"`
	Logprobs     *chatLogprobs  `json:"logprobs"`
	FinishReason *engine.Finish `json:"finish_reason"`
	TokenIDs     []int32        `json:"token_ids,omitempty"`
}

// delta is what a message grows by.
type delta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// finishToolCalls is why an output ended that calls tools.
const finishToolCalls engine.Finish = "tool_calls"

// chatReply is the reply to a chat request.
type chatReply struct {
	*call
	logprobs *logprobWriter // nil: not asked for
	newID    func() string
	grown    []grownMessage // by output
	timing   *timings       // of a single output
}

// grownMessage is an output's message so far.
type grownMessage struct {
	reader    *callReader // nil: there can be no calls
	text      []byte
	calls     []toolCall
	arguments [][]byte // of calls
	logprobs  []chatLogprob
	ids       []int32
	finish    engine.Finish
}

func newChatReply(c *call, logprobs *logprobWriter, calls *chat.CallFormat, newID func() string) *chatReply {
	r := &chatReply{call: c, logprobs: logprobs, newID: newID, grown: make([]grownMessage, len(c.requests))}
	if calls != nil {
		for i := range r.grown {
			r.grown[i].reader = newCallReader(*calls)
		}
	}
	return r
}

// token sends what one token adds to a message, or adds it to the whole.
func (c *chatReply) token(o *output, t engine.Token) error {
	g := &c.grown[o.index]
	p := pieces{text: t.Text}
	if g.reader != nil {
		p = g.reader.add(t.Text)
	}
	c.take(g, &p)
	if c.events == nil {
		if c.tokenIDs {
			g.ids = append(g.ids, t.ID)
		}
		if c.logprobs != nil {
			g.logprobs = append(g.logprobs, c.logprobs.chat(t))
		}
		return nil
	}
	choice := chatChunkChoice{Index: o.index, Delta: deltaOf(p, o.tokens == 1)}
	if c.logprobs != nil {
		choice.Logprobs = &chatLogprobs{Content: []chatLogprob{c.logprobs.chat(t)}}
	}
	if c.tokenIDs {
		choice.TokenIDs = []int32{t.ID}
	}
	chunk := c.chunk([]chatChunkChoice{choice}, c.chunkUsage())
	chunk.PromptTokenIDs = c.promptIDs(o)
	return c.events.send(chunk)
}

// take names new calls and, where nothing is streamed, keeps the pieces.
func (c *chatReply) take(g *grownMessage, p *pieces) {
	for i := range p.calls {
		piece := &p.calls[i]
		if piece.Function.Name != "" {
			piece.ID = "call_" + c.newID()
			g.calls = append(g.calls, toolCall{ID: piece.ID, Type: piece.Type, Function: piece.Function})
			g.arguments = append(g.arguments, nil)
		}
		if c.events == nil {
			last := len(g.calls) - 1
			g.arguments[last] = append(g.arguments[last], piece.Function.Arguments...)
		}
	}
	if c.events == nil {
		g.text = append(g.text, p.text...)
	}
}

// deltaOf is what pieces add to a message. The first delta says whose it is.
func deltaOf(p pieces, first bool) delta {
	d := delta{ToolCalls: p.calls}
	if p.text != "" || first && len(p.calls) == 0 {
		d.Content = &p.text
	}
	if first {
		d.Role = chat.Assistant
	}
	return d
}

// end sends the reason, with what was held back, or adds them to the whole.
func (c *chatReply) end(o *output, why engine.Finish, u engine.Usage) error {
	c.usage.add(u, o.first)
	g := &c.grown[o.index]
	var p pieces
	if g.reader != nil {
		p = g.reader.end()
	}
	c.take(g, &p)
	if len(g.calls) > 0 && why == engine.FinishStop {
		why = finishToolCalls
	}
	if c.events == nil {
		g.finish, c.timing = why, c.timingsFor(u)
		return nil
	}
	choice := chatChunkChoice{Index: o.index, Delta: deltaOf(p, false), FinishReason: &why}
	chunk := c.chunk([]chatChunkChoice{choice}, c.chunkUsage())
	chunk.Timings = c.timingsFor(u)
	return c.events.send(chunk)
}

func (c *chatReply) whole() any {
	body := chatCompletion{
		ID: c.id, Object: "chat.completion", Created: c.created, Model: c.model, SystemFingerprint: c.backend,
		Usage: &c.usage, Timings: c.timing,
	}
	if c.tokenIDs {
		body.PromptTokenIDs = c.requests[0].Prompt
	}
	for i := range c.grown {
		body.Choices = append(body.Choices, c.choice(i))
	}
	return body
}

// choice is an output's message as a whole.
func (c *chatReply) choice(i int) chatChoice {
	g := &c.grown[i]
	for k := range g.calls {
		g.calls[k].Function.Arguments = string(g.arguments[k])
	}
	text := string(g.text)
	choice := chatChoice{
		Index: i, FinishReason: g.finish, TokenIDs: g.ids,
		Message: chatMessage{Role: chat.Assistant, Content: &text, ToolCalls: g.calls},
	}
	if text == "" && len(g.calls) > 0 {
		choice.Message.Content = nil
	}
	if c.logprobs != nil {
		choice.Logprobs = &chatLogprobs{Content: g.logprobs}
	}
	return choice
}

func (c *chatReply) last() any { return c.chunk([]chatChunkChoice{}, &c.usage) }

func (c *chatReply) chunk(choices []chatChunkChoice, u any) chatChunk {
	return chatChunk{
		ID: c.id, Object: "chat.completion.chunk", Created: c.created, Model: c.model, SystemFingerprint: c.backend,
		Choices: choices, Usage: u,
	}
}
