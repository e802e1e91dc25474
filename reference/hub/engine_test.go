package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
	"tierlab/workloads"
)

// openEngine serves an engine over the null backend, whose tokens are as random
// as those of random weights.
func openEngine(t testing.TB, slots, queue int) *Engine {
	t.Helper()
	const vocab, context = 512, 8192
	tok, err := tokenizer.NewBytes(vocab)
	if err != nil {
		t.Fatal(err)
	}
	device, err := null.Open(null.Config{Vocab: vocab, Context: context, Slots: slots, Budget: 4096, Blocks: slots * context / 32, BlockTokens: 32})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := engine.New(engine.Config{Backend: device, Tokenizer: tok, Sched: sched.Config{Queue: queue}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEngine(EngineConfig{Engine: inner, Model: "nonsense", Template: chat.Llama3{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestEngineCalls: a required call keeps to the tool's schema whatever the
// weights say, the conversation goes on with its result, and the count of
// tokens is the engine's own.
func TestEngineCalls(t *testing.T) {
	e := openEngine(t, 2, 8)
	schema := `{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":99},"unit":{"enum":["s","ms"]}},"required":["n","unit"],"additionalProperties":false}`
	c := &Call{
		Session: "s1", MustCall: true, MaxTokens: 200, Seed: 7,
		Tools:    []Definition{{Name: "wait", Description: "Waits.", Parameters: json.RawMessage(schema)}},
		Messages: []Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "wait a little"}},
	}
	a, err := e.Call(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Message.Calls) != 1 || a.Finish != "tool_calls" || a.Message.Calls[0].Name != "wait" {
		t.Fatalf("%+v", a)
	}
	var got struct {
		N    *int
		Unit string
	}
	d := json.NewDecoder(strings.NewReader(a.Message.Calls[0].Arguments))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || got.N == nil || *got.N < 0 || *got.N > 99 || !slices.Contains([]string{"s", "ms"}, got.Unit) {
		t.Errorf("arguments %s: %v", a.Message.Calls[0].Arguments, err)
	}
	if n := e.Count(c); n != a.Input {
		t.Errorf("counted %d tokens, the engine %d", n, a.Input)
	}
	if a.Output == 0 || a.First <= 0 || a.Prefill <= 0 {
		t.Errorf("%+v", a)
	}
	c.Messages = append(c.Messages, a.Message, Message{Role: "tool", CallID: a.Message.Calls[0].ID, Content: `{"waited":true}`})
	c.MustCall, c.Step, c.MaxTokens = false, 1, 20
	b, err := e.Call(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Count(c); n != b.Input || b.Cached == 0 {
		t.Errorf("counted %d tokens; %+v", n, b)
	}
}

// TestEngineRefuses: what is wrong with a call is told in the server's words.
func TestEngineRefuses(t *testing.T) {
	e := openEngine(t, 1, 0)
	long := &Call{MaxTokens: 10, Messages: []Message{{Role: "user", Content: strings.Repeat("a", 9000)}}}
	var failed *Error
	if _, err := e.Call(context.Background(), long); !errors.As(err, &failed) || failed.Status != workloads.StatusError || !strings.Contains(err.Error(), "maximum context length") {
		t.Errorf("%v", err)
	}
	if _, err := e.Call(context.Background(), &Call{Prompt: []int32{}, Forced: []int32{1}}); !errors.As(err, &failed) || failed.Status != workloads.StatusError {
		t.Errorf("an empty prompt: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Call(ctx, &Call{Prompt: []int32{1}, Forced: []int32{1}}); !errors.As(err, &failed) || failed.Status != workloads.StatusCancelled {
		t.Errorf("cancelled: %v", err)
	}
}

// TestRecorded: a recorded call comes out as recorded, and its context is found
// again by the next one.
func TestRecorded(t *testing.T) {
	e := openEngine(t, 4, 64)
	prompt := make([]int32, 100)
	for i := range prompt {
		prompt[i] = int32(i%200 + 40)
	}
	firsts := 0
	c := &Call{Session: "s", Prompt: prompt, Forced: prompt[:30], First: func() { firsts++ }}
	a, err := e.Call(context.Background(), c)
	if err != nil || a.Input != 100 || a.Output != 30 || a.Cached != 0 || a.First <= 0 || firsts != 1 || a.Finish != "length" {
		t.Fatalf("%+v, %v", a, err)
	}
	next := &Call{Session: "s", Step: 1, Prompt: slices.Concat(prompt, prompt[:30], prompt[:20]), Forced: prompt[:1]}
	if a, err = e.Call(context.Background(), next); err != nil || a.Cached < 96 || e.Count(next) != 150 {
		t.Errorf("%+v, %v", a, err)
	}
}

// BenchmarkRecorded is how many recorded calls a second the way to the engine
// carries, from 64 sessions at once.
func BenchmarkRecorded(b *testing.B) {
	e := openEngine(b, 64, 256)
	prompt := make([]int32, 200)
	for i := range prompt {
		prompt[i] = int32(i + 40)
	}
	var all sync.WaitGroup
	work := make(chan int, 64)
	for w := range 64 {
		all.Go(func() {
			for i := range work {
				c := &Call{Session: fmt.Sprint(w), Step: i, Prompt: prompt, Forced: prompt[:20]}
				if _, err := e.Call(context.Background(), c); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := 0; b.Loop(); i++ {
		work <- i
	}
	close(work)
	all.Wait()
}
