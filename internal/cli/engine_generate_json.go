package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"tierlab/engine"
	"tierlab/engine/sample"
)

// generated is an output as --format json writes it.
type generated struct {
	Text   string           `json:"text"`
	Finish engine.Finish    `json:"finish_reason"`
	Tokens []generatedToken `json:"tokens"`
	Usage  generatedUsage   `json:"usage"`
	Engine generatedEngine  `json:"engine"`
}

type generatedToken struct {
	ID      int32              `json:"id"`
	Text    string             `json:"text"`
	Logprob *float32           `json:"logprob,omitempty"`
	Top     []generatedLogprob `json:"top_logprobs,omitempty"`
}

type generatedLogprob struct {
	ID      int32   `json:"id"`
	Text    string  `json:"text"`
	Logprob float32 `json:"logprob"`
}

type generatedUsage struct {
	Prompt  int     `json:"prompt_tokens"`
	Cached  int     `json:"cached_tokens"`
	Output  int     `json:"completion_tokens"`
	TTFT    float64 `json:"ttft_ms"`
	Elapsed float64 `json:"total_ms"`
}

type generatedEngine struct {
	Model    string `json:"model"`
	Backend  string `json:"backend"`
	Numerics string `json:"numerics"`
	Kernels  string `json:"kernels,omitempty"`
	Threads  int    `json:"threads,omitempty"`
}

// json writes the output when it is complete.
func (g *generation) json(s *engine.Stream, w io.Writer) error {
	out := generated{Tokens: []generatedToken{}}
	for t, ok := s.Next(); ok; t, ok = s.Next() {
		out.Text += t.Text
		out.Tokens = append(out.Tokens, g.token(t))
	}
	if s.Err() != nil {
		return s.Err()
	}
	u, c := s.Usage(), g.caps
	out.Finish = s.Finish()
	out.Usage = generatedUsage{Prompt: u.Prompt, Cached: u.Cached, Output: u.Output,
		TTFT: float64(u.First-u.Arrived) / 1e6, Elapsed: float64(u.Done-u.Arrived) / 1e6}
	out.Engine = generatedEngine{Model: g.model.config.Name, Backend: c.Name, Numerics: c.Numerics, Kernels: c.Kernels, Threads: c.Threads}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n", text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (g *generation) token(t engine.Token) generatedToken {
	out := generatedToken{ID: t.ID, Text: t.Text}
	if g.o.logprobs >= 0 {
		out.Logprob = &t.Logprob
	}
	for _, l := range t.Top {
		out.Top = append(out.Top, g.logprob(l))
	}
	return out
}

func (g *generation) logprob(l sample.Logprob) generatedLogprob {
	return generatedLogprob{ID: l.Token, Text: string(g.model.tokenizer.Bytes(nil, l.Token)), Logprob: l.Logprob}
}
