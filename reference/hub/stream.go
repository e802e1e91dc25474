package hub

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// The bounds on what a server may send for one call.
const (
	mostLine   = 4 << 20
	mostAnswer = 32 << 20
)

// stream takes in an answer, event by event.
type stream struct {
	start time.Time
	first func() // nil: nobody asks
	alive func()

	finish    string
	text      []byte
	calls     []ToolCall
	arguments [][]byte // of calls
	chunks    int      // with something in them
	firstAt   time.Duration
	usage     *wireUsage
	timings   *wireTimings
}

type wireUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Details    *struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// wireTimings are this project's server's account of the time.
type wireTimings struct {
	Queue   float64 `json:"queue_ms"`
	Prefill float64 `json:"prefill_ms"`
	Decode  float64 `json:"decode_ms"`
}

// wireChunk is an event of a stream, or a whole response.
type wireChunk struct {
	Choices []struct {
		Delta   wireDelta  `json:"delta"`
		Message *wireDelta `json:"message"`
		Finish  string     `json:"finish_reason"`
	} `json:"choices"`
	Usage   *wireUsage   `json:"usage"`
	Timings *wireTimings `json:"timings"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type wireDelta struct {
	Content string     `json:"content"`
	Calls   []wireCall `json:"tool_calls"`
}

// read takes in server-sent events: lines "data: {...}", each followed by a
// blank one, the last "data: [DONE]".
func (s *stream) read(body io.Reader) error {
	lines := bufio.NewScanner(io.LimitReader(body, mostAnswer))
	lines.Buffer(make([]byte, 0, 64<<10), mostLine)
	for lines.Scan() {
		s.alive()
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue // blank, a comment or a field that says nothing here
		}
		data = bytes.TrimSpace(data)
		if string(data) == "[DONE]" {
			return s.complete()
		}
		if err := s.event(data); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the stream: %w", err)
	}
	return errors.New("the stream ended without [DONE]")
}

// whole takes in a response that is no stream, from a server that makes none.
func (s *stream) whole(body io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(body, mostAnswer))
	if err != nil {
		return fmt.Errorf("reading the response: %w", err)
	}
	if err := s.event(text); err != nil {
		return err
	}
	return s.complete()
}

// complete says what a stream lacks that has ended well.
func (s *stream) complete() error {
	if s.finish == "" {
		return errors.New("the stream ended without a finish_reason")
	}
	return nil
}

func (s *stream) event(data []byte) error {
	var c wireChunk
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("an event of the stream is no JSON: %w", err)
	}
	if c.Error != nil {
		return fmt.Errorf("the server ended the stream: %s", c.Error.Message)
	}
	if c.Usage != nil {
		s.usage = c.Usage
	}
	if c.Timings != nil {
		s.timings = c.Timings
	}
	if len(c.Choices) == 0 {
		return nil
	}
	choice := &c.Choices[0]
	delta := &choice.Delta
	if choice.Message != nil {
		delta = choice.Message
	}
	if choice.Finish != "" {
		s.finish = choice.Finish
	}
	if delta.Content == "" && len(delta.Calls) == 0 {
		return nil
	}
	s.came()
	s.text = append(s.text, delta.Content...)
	return s.take(delta.Calls)
}

// came counts a part of the answer.
func (s *stream) came() {
	s.chunks++
	if s.chunks > 1 {
		return
	}
	s.firstAt = time.Since(s.start)
	if s.first != nil {
		s.first()
	}
}

// take adds parts of calls: a new one has an index of its own or, from servers
// that give none, an id.
func (s *stream) take(parts []wireCall) error {
	for _, p := range parts {
		at := len(s.calls) - 1
		switch {
		case p.Index != nil:
			at = *p.Index
		case p.ID != "" || at < 0:
			at++
		}
		if at < 0 || at > len(s.calls) {
			return fmt.Errorf("a part of tool call %d came after %d calls", at, len(s.calls))
		}
		if at == len(s.calls) {
			s.calls, s.arguments = append(s.calls, ToolCall{}), append(s.arguments, nil)
		}
		if p.ID != "" {
			s.calls[at].ID = p.ID
		}
		s.calls[at].Name += p.Function.Name
		s.arguments[at] = append(s.arguments[at], p.Function.Arguments...)
	}
	return nil
}

// input and output are the usage, or what can be said without one.
func (s *stream) input(c *Call) int {
	switch {
	case s.usage != nil:
		return s.usage.Prompt
	case s.chunks > 0:
		return estimate(c)
	}
	return 0
}

func (s *stream) output() int {
	if s.usage != nil {
		return s.usage.Completion
	}
	return s.chunks
}

func (s *stream) answer(c *Call) *Answer {
	a := &Answer{
		Message: Message{Role: "assistant", Content: strings.ToValidUTF8(string(s.text), "\uFFFD"), Calls: s.calls},
		Finish:  s.finish, Input: s.input(c), Output: s.output(), First: s.firstAt,
	}
	for i := range a.Message.Calls {
		call := &a.Message.Calls[i]
		call.Arguments = string(s.arguments[i])
		if call.ID == "" {
			call.ID = fmt.Sprintf("call_%d_%d", c.Step+1, i+1)
		}
	}
	if s.usage != nil && s.usage.Details != nil {
		a.Cached = s.usage.Details.Cached
	}
	if t := s.timings; t != nil {
		a.Queue, a.Prefill, a.Decode = millis(t.Queue), millis(t.Prefill), millis(t.Decode)
	}
	return a
}

func millis(ms float64) time.Duration {
	if !(ms > 0 && ms < 1e12) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}
