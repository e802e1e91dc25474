package target

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// chunk is an event of a streamed completion.
type chunk struct {
	Choices []struct {
		Text     string  `json:"text"`
		TokenIDs []int32 `json:"token_ids"`
		Finish   string  `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Details    *struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
	Timings *Timings `json:"timings"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// read takes in a stream of server-sent events: lines "data: {...}", each
// followed by a blank one, the last "data: [DONE]".
func (a *Answer) read(body io.Reader, start time.Time, onFirst func()) error {
	lines := bufio.NewReaderSize(body, 1<<20)
	counted := 0
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				return errors.New("the stream ended without [DONE]")
			}
			return fmt.Errorf("reading the stream: %w", err)
		}
		data, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("data:"))
		if !ok {
			continue // blank, a comment or a field that says nothing here
		}
		now := time.Since(start)
		data = bytes.TrimSpace(data)
		if string(data) == "[DONE]" {
			a.Done = now
			if a.Output == 0 {
				a.Output = counted
			}
			return nil
		}
		var c chunk
		if err := json.Unmarshal(data, &c); err != nil {
			return fmt.Errorf("an event of the stream is no JSON: %w", err)
		}
		if c.Error != nil {
			return fmt.Errorf("the server ended the stream: %s", c.Error.Message)
		}
		n := a.take(&c, now)
		if counted == 0 && n > 0 && onFirst != nil {
			onFirst()
		}
		counted += n
	}
}

// take adds an event and returns how many tokens it held.
func (a *Answer) take(c *chunk, now time.Duration) (tokens int) {
	if c.Timings != nil {
		a.Server = c.Timings
	}
	if u := c.Usage; u != nil {
		a.Prompt, a.Output = u.Prompt, u.Completion
		if u.Details != nil {
			a.Cached = u.Details.Cached
		}
	}
	for _, choice := range c.Choices {
		n := len(choice.TokenIDs)
		if n == 0 && choice.Text != "" {
			n = 1
		}
		if n == 0 {
			continue
		}
		if a.First == 0 {
			a.First = now
		}
		a.Chunks = append(a.Chunks, now)
		a.Tokens = append(a.Tokens, choice.TokenIDs...)
		tokens += n
	}
	return tokens
}
