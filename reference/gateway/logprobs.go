package gateway

import (
	"tierlab/engine"
	"tierlab/engine/tokenizer"
)

// leastLogprob stands for a token that the model rules out, since JSON has no
// infinity. It is the value that OpenAI names.
const leastLogprob = -9999

func finite(logprob float32) float64 { return max(float64(logprob), leastLogprob) }

// logprobWriter words log-probabilities.
type logprobWriter struct {
	tokenizer tokenizer.Tokenizer
}

// logprobs is a writer, if there is to be one.
func (s *Server) logprobs(asked bool) *logprobWriter {
	if !asked {
		return nil
	}
	return &logprobWriter{s.cfg.Engine.Tokenizer()}
}

func (l *logprobWriter) text(id int32) (string, []byte) {
	b := l.tokenizer.Bytes(nil, id)
	return whole(b), b
}

// completionLogprobs are those of a completion's tokens.
type completionLogprobs struct {
	Tokens        []string             `json:"tokens"`
	TokenLogprobs []float64            `json:"token_logprobs"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"` // in characters of the output
}

func (l *logprobWriter) completion(t engine.Token, offset int) *completionLogprobs {
	text, _ := l.text(t.ID)
	top := map[string]float64{text: finite(t.Logprob)} // always has the chosen one, as OpenAI's
	for _, other := range t.Top {
		name, _ := l.text(other.Token)
		if _, ok := top[name]; !ok { // the likelier of two tokens with one text
			top[name] = finite(other.Logprob)
		}
	}
	return &completionLogprobs{
		Tokens: []string{text}, TokenLogprobs: []float64{finite(t.Logprob)},
		TopLogprobs: []map[string]float64{top}, TextOffset: []int{offset},
	}
}

// join appends more; the receiver may be nil.
func (c *completionLogprobs) join(more *completionLogprobs) *completionLogprobs {
	if c == nil {
		return more
	}
	c.Tokens = append(c.Tokens, more.Tokens...)
	c.TokenLogprobs = append(c.TokenLogprobs, more.TokenLogprobs...)
	c.TopLogprobs = append(c.TopLogprobs, more.TopLogprobs...)
	c.TextOffset = append(c.TextOffset, more.TextOffset...)
	return c
}

// chatLogprobs are those of a message's tokens.
type chatLogprobs struct {
	Content []chatLogprob `json:"content"`
	Refusal []chatLogprob `json:"refusal"` // null: no model here is trained to refuse
}

type chatLogprob struct {
	tokenLogprob
	Top []tokenLogprob `json:"top_logprobs"`
}

type tokenLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // as numbers: Go would write base64
}

func (l *logprobWriter) chat(t engine.Token) chatLogprob {
	c := chatLogprob{tokenLogprob: l.one(t.ID, t.Logprob), Top: []tokenLogprob{}}
	for _, other := range t.Top {
		c.Top = append(c.Top, l.one(other.Token, other.Logprob))
	}
	return c
}

func (l *logprobWriter) one(id int32, logprob float32) tokenLogprob {
	text, b := l.text(id)
	numbers := make([]int, len(b))
	for i, c := range b {
		numbers[i] = int(c)
	}
	return tokenLogprob{text, finite(logprob), numbers}
}
