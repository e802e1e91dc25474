package gateway

import (
	"unicode/utf8"

	"tierlab/engine"
)

// completion is the response, and each chunk of a stream.
type completion struct {
	ID                string             `json:"id"`
	Object            string             `json:"object"`
	Created           int64              `json:"created"`
	Model             string             `json:"model"`
	SystemFingerprint string             `json:"system_fingerprint"`
	Choices           []completionChoice `json:"choices"`
	Usage             any                `json:"usage,omitempty"` // see call.chunkUsage
	Timings           *timings           `json:"timings,omitempty"`
}

type completionChoice struct {
	Index          int                 `json:"index"`
	Text           string              `json:"text"`
	Logprobs       *completionLogprobs `json:"logprobs"`
	FinishReason   *engine.Finish      `json:"finish_reason"`
	PromptTokenIDs []int32             `json:"prompt_token_ids,omitempty"`
	TokenIDs       []int32             `json:"token_ids,omitempty"`
}

// completionReply is the reply to a completion request.
type completionReply struct {
	*call
	logprobs *logprobWriter // nil: not asked for
	grown    []grownText    // by output
	timing   *timings       // of a single output
}

// grownText is an output's text so far.
type grownText struct {
	completionChoice
	text       []byte
	characters int
}

func newCompletionReply(c *call, logprobs *logprobWriter) *completionReply {
	return &completionReply{call: c, logprobs: logprobs, grown: make([]grownText, len(c.requests))}
}

// token sends a chunk with one token's text, or adds it to the whole.
func (c *completionReply) token(o *output, t engine.Token) error {
	g := &c.grown[o.index]
	piece := completionChoice{Index: o.index, Text: t.Text, PromptTokenIDs: c.promptIDs(o)}
	if c.tokenIDs {
		piece.TokenIDs = []int32{t.ID}
	}
	if c.logprobs != nil {
		piece.Logprobs = c.logprobs.completion(t, g.characters)
	}
	g.characters += utf8.RuneCountInString(t.Text)
	if c.events != nil {
		return c.events.send(c.body([]completionChoice{piece}, c.chunkUsage(), nil))
	}
	g.text = append(g.text, t.Text...)
	g.TokenIDs = append(g.TokenIDs, piece.TokenIDs...)
	if piece.PromptTokenIDs != nil {
		g.PromptTokenIDs = piece.PromptTokenIDs
	}
	if piece.Logprobs != nil {
		g.Logprobs = g.Logprobs.join(piece.Logprobs)
	}
	return nil
}

// end sends a chunk with the reason, or adds it to the whole.
func (c *completionReply) end(o *output, why engine.Finish, u engine.Usage) error {
	c.usage.add(u, o.first)
	piece := completionChoice{Index: o.index, FinishReason: &why}
	if c.events != nil {
		return c.events.send(c.body([]completionChoice{piece}, c.chunkUsage(), c.timingsFor(u)))
	}
	g := &c.grown[o.index]
	g.Index, g.Text, g.FinishReason = o.index, string(g.text), &why
	c.timing = c.timingsFor(u)
	return nil
}

func (c *completionReply) whole() any {
	choices := make([]completionChoice, len(c.grown))
	for i, g := range c.grown {
		choices[i] = g.completionChoice
	}
	return c.body(choices, &c.usage, c.timing)
}

func (c *completionReply) last() any { return c.body([]completionChoice{}, &c.usage, nil) }

func (c *completionReply) body(choices []completionChoice, u any, t *timings) completion {
	return completion{c.id, "text_completion", c.created, c.model, c.backend, choices, u, t}
}
