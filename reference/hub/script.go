package hub

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"tierlab/workloads"
)

// ScriptSchema is the version that a script's file names.
const ScriptSchema = "tierlab-script/v1"

// Script is a model that answers from a file. It is a Caller.
type Script struct {
	Name  string
	About string
	Task  string   // that it solves; "": it does not say
	Tools []string // that its turns call
	turns []turn
}

// turn is an answer and when it is given.
type turn struct {
	line  int
	when  when
	say   template
	calls []scriptCall
	fails []failure

	prefill, decode       time.Duration
	input, cached, output int // input and output of -1: estimated
}

// when is what must hold; zero fields do not ask for anything.
type when struct {
	step        int // from 1
	result      string
	model, site string
}

// scriptCall is a tool call of a turn.
type scriptCall struct {
	tool      string
	arguments value
	text      bool // arguments are a text that is sent as it is
}

// failure is an attempt that fails.
type failure struct {
	attempt     int // from 1; 0: any
	model, site string
	status      workloads.Status
}

// ReadScript reads a script's file.
func ReadScript(file string) (*Script, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return ParseScript(file, text)
}

// Call is Caller's.
func (s *Script) Call(ctx context.Context, c *Call) (*Answer, error) {
	t := s.turn(c)
	if t == nil {
		return nil, faultf(workloads.StatusError, "script %s has no turn for %s", s.Name, about(c))
	}
	message, err := t.message(c)
	if err != nil {
		return nil, faultf(workloads.StatusError, "script %s: line %d: %w", s.Name, t.line, err)
	}
	if err := pause(ctx, t.prefill); err != nil {
		return nil, err
	}
	if f := t.failure(c); f != nil {
		return nil, faultf(f.status, "the script has attempt %d of step %d fail here", c.Attempt, c.Step+1)
	}
	if c.First != nil {
		c.First()
	}
	if err := pause(ctx, t.decode); err != nil {
		return nil, err
	}
	a := &Answer{Message: message, Finish: "stop", Input: t.input, Cached: t.cached, Output: t.output,
		First: t.prefill, Prefill: t.prefill, Decode: t.decode}
	if len(message.Calls) > 0 {
		a.Finish = "tool_calls"
	}
	if a.Input < 0 {
		a.Input = estimate(c)
	}
	if a.Output < 0 {
		a.Output = answered(&message)
	}
	a.Cached = min(a.Cached, a.Input)
	return a, nil
}

// Count is Caller's: what the call's turn says, else an estimate.
func (s *Script) Count(c *Call) int {
	if t := s.turn(c); t != nil && t.input >= 0 {
		return t.input
	}
	return estimate(c)
}

// turn is the first whose conditions hold, or nil.
func (s *Script) turn(c *Call) *turn {
	result := lastResult(c.Messages)
	for i := range s.turns {
		w := &s.turns[i].when
		if (w.step == 0 || w.step == c.Step+1) && (w.model == "" || w.model == c.Model) &&
			(w.site == "" || w.site == c.Site) && strings.Contains(result, w.result) {
			return &s.turns[i]
		}
	}
	return nil
}

func (t *turn) failure(c *Call) *failure {
	for i := range t.fails {
		f := &t.fails[i]
		if (f.attempt == 0 || f.attempt == c.Attempt) && (f.model == "" || f.model == c.Model) && (f.site == "" || f.site == c.Site) {
			return f
		}
	}
	return nil
}

// message fills in the turn's references.
func (t *turn) message(c *Call) (Message, error) {
	m := Message{Role: "assistant"}
	var err error
	if m.Content, err = t.say.text(c); err != nil {
		return m, fmt.Errorf("say: %w", err)
	}
	for i := range t.calls {
		call := ToolCall{ID: fmt.Sprintf("call_%d_%d", c.Step+1, i+1), Name: t.calls[i].tool}
		if t.calls[i].text {
			call.Arguments, err = t.calls[i].arguments.text.text(c)
		} else {
			call.Arguments, err = t.calls[i].arguments.json(c)
		}
		if err != nil {
			return m, fmt.Errorf("calls[%d].arguments: %w", i, err)
		}
		m.Calls = append(m.Calls, call)
	}
	return m, nil
}

// about says which call it is, for an error.
func about(c *Call) string {
	text := fmt.Sprintf("step %d (model %q at %q", c.Step+1, c.Model, c.Site)
	if result := lastResult(c.Messages); result != "" {
		text += fmt.Sprintf(", last tool result %s", brief(result))
	}
	return text + ")"
}

// answered estimates an answer's length in tokens.
func answered(m *Message) int {
	n := Estimate(m.Content)
	for _, c := range m.Calls {
		n += Estimate(c.Name) + Estimate(c.Arguments) + tokensPerMessage
	}
	return max(n, 1)
}

// lastResult is the text of the last tool result, "" if there is none.
func lastResult(messages []Message) string {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == "tool" {
			return messages[i].Content
		}
	}
	return ""
}

// brief is a text's beginning, in quotes.
func brief(text string) string {
	const most = 80
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return fmt.Sprintf("%q", text)
}
