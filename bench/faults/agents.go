package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/hub"
	"tierlab/reference/session"
)

// work is what a session does, as its name says: kind, number, and steps.
type work struct {
	number, steps int
	rings         bool
}

// name is a session's: b for one that rings the bell, s for others.
func (w work) name() string {
	kind := "s"
	if w.rings {
		kind = "b"
	}
	return fmt.Sprintf("%s-%05d-%d", kind, w.number, w.steps)
}

// letters is how many messages a session that speaks sends, one in each of its
// first turns, and the one before it waits for.
const letters = 3

// hears and speaks are two of eight: each session that hears waits for the
// messages of the one whose number is next.
func (w work) hears() bool  { return w.number%8 == 1 }
func (w work) speaks() bool { return w.number%8 == 2 }

func parseWork(name string) (w work, err error) {
	var kind string
	if _, err = fmt.Sscanf(strings.ReplaceAll(name, "-", " "), "%1s %d %d", &kind, &w.number, &w.steps); err != nil {
		return w, fmt.Errorf("session %q: %w", name, err)
	}
	w.rings = kind == "b"
	return w, nil
}

// works are the sessions of a run, by number: one in eight rings the bell.
func works(seed uint64, number int) work {
	d := rng.New(seed, 0).Fold(uint64(number))
	return work{number: number, steps: 4 + d.IntN(8), rings: number%8 == 7}
}

// model answers by what the conversation holds and nothing else.
type model struct {
	think time.Duration
	seed  uint64 // of the works
}

func (m *model) Count(c *hub.Call) int {
	n := 16
	for i := range c.Messages {
		n += 4 + len(c.Messages[i].Content)/4
	}
	return n
}

func (m *model) Call(ctx context.Context, c *hub.Call) (*hub.Answer, error) {
	w, err := parseWork(c.Session)
	if err != nil {
		return nil, &hub.Error{Status: "error", Err: err}
	}
	turn, sum := 0, 0
	for i := range c.Messages {
		switch c.Messages[i].Role {
		case "assistant":
			turn++
		case "tool":
			sum += len(c.Messages[i].Content)
		}
	}
	pause := time.Duration(rng.New(uint64(w.number), 0).Fold(uint64(turn)).Uniform() * 2 * float64(m.think))
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return nil, &hub.Error{Status: "cancelled", Err: ctx.Err()}
	}
	a := &hub.Answer{Input: m.Count(c), Output: 20, Finish: "stop", First: pause / 2, Decode: pause / 2, Prefill: pause / 2}
	a.Message = hub.Message{Role: "assistant", Content: fmt.Sprintf("turn %d after %d bytes of results", turn, sum)}
	if turn >= w.steps {
		return a, nil
	}
	a.Finish = "tool_calls"
	a.Message.Calls = w.calls(turn, m.seed)
	return a, nil
}

// calls are the tool calls of a turn.
func (w work) calls(turn int, seed uint64) []hub.ToolCall {
	call := func(i int, name string, args any) hub.ToolCall {
		text, _ := json.Marshal(args) // of strings and numbers
		return hub.ToolCall{ID: fmt.Sprintf("call_%d_%d", turn, i), Name: name, Arguments: string(text)}
	}
	list := []hub.ToolCall{
		call(0, "kv_add", map[string]any{"key": "count", "by": 1 + turn}),
		call(1, "deposit", map[string]any{"cents": 100*w.number + turn}),
	}
	if turn%3 == 0 {
		list = append(list, call(2, "file_write", map[string]any{"path": fmt.Sprintf("notes/%d.txt", turn), "content": strings.Repeat("x", 10*turn+1)}))
	}
	if w.speaks() && turn < letters {
		to := works(seed, w.number-1).name()
		list = append(list, call(len(list), session.SendMessage, map[string]any{"to": to, "text": fmt.Sprintf("turn %d", turn)}))
	}
	if w.hears() && turn < letters {
		list = append(list, call(len(list), session.WaitMessage, map[string]any{}))
	}
	if w.rings {
		list = append(list, call(len(list), "ring", map[string]any{}))
	}
	return list
}
