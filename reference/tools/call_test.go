package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// doing is a tool that does f.
func doing(name string, f func(ctx context.Context, c *Call) (Result, error)) Tool {
	return Tool{Name: name, Input: json.RawMessage(anyObject), Stateful: true, Run: f}
}

func TestFailures(t *testing.T) {
	value := func(content string) (Result, error) { return Result{Content: json.RawMessage(content)}, nil }
	for _, c := range []struct {
		name      string
		change    func(*Tool)
		run       func(ctx context.Context, c *Call) (Result, error)
		kind      Kind
		retryable bool
		content   string
	}{
		{name: "good", run: func(context.Context, *Call) (Result, error) { return value(`{"n": 1}`) }, content: `{"n":1}`},
		{name: "nothing", run: func(context.Context, *Call) (Result, error) { return Result{}, nil }, content: `null`},
		{name: "told", run: func(context.Context, *Call) (Result, error) { return Fail("no %s", "luck"), nil }, content: `{"error":"no luck"}`},
		{name: "error-once", run: func(context.Context, *Call) (Result, error) { return Result{}, errors.New("reset") }, kind: ToolFailed, content: `"reset"`},
		{name: "error-pure", change: func(t *Tool) { t.Repeat = Pure }, run: func(context.Context, *Call) (Result, error) { return Result{}, errors.New("reset") }, kind: ToolFailed, retryable: true},
		{name: "not-done", run: func(context.Context, *Call) (Result, error) { return Result{}, NotDone(errors.New("no route")) }, kind: ToolFailed, retryable: true},
		{name: "permanent", change: func(t *Tool) { t.Repeat = Pure }, run: func(context.Context, *Call) (Result, error) {
			return Result{}, fmt.Errorf("x: %w", Permanent(errors.New("gone")))
		}, kind: ToolFailed},
		{name: "panic", change: func(t *Tool) { t.Repeat = Pure }, run: func(context.Context, *Call) (Result, error) { panic("boom") }, kind: ToolFailed, content: `panicked: boom`},
		{name: "no-json", run: func(context.Context, *Call) (Result, error) { return value(`{`) }, kind: BadResult, content: "not JSON"},
		{name: "large", run: func(context.Context, *Call) (Result, error) {
			return value(`"` + strings.Repeat("x", 1<<20) + `"`)
		}, kind: BadResult, content: "at most 1048576"},
		{name: "lies", change: func(t *Tool) { t.Output = json.RawMessage(`{"type":"array"}`) }, run: func(context.Context, *Call) (Result, error) { return value(`{}`) }, kind: BadResult, content: "its own schema"},
		{name: "price", run: func(context.Context, *Call) (Result, error) { return Result{USD: -1}, nil }, kind: BadResult},
		{name: "timeout", change: func(t *Tool) { t.Timeout = time.Millisecond }, run: func(ctx context.Context, _ *Call) (Result, error) {
			<-ctx.Done()
			return Result{}, ctx.Err()
		}, kind: TimedOut, content: "whether it had an effect is not known"},
		{name: "timeout-pure", change: func(t *Tool) { t.Timeout, t.Repeat = time.Millisecond, Pure }, run: func(ctx context.Context, _ *Call) (Result, error) {
			<-ctx.Done()
			return Result{}, ctx.Err()
		}, kind: TimedOut, retryable: true},
		{name: "writes-unasked", change: func(t *Tool) { t.Stateful = false }, run: func(context.Context, *Call) (Result, error) {
			return Result{Writes: []Write{{"a", []byte("1")}}}, nil
		}, kind: BadResult, content: "Stateful"},
		{name: "quota-forged", run: func(context.Context, *Call) (Result, error) {
			return Result{Writes: []Write{{"quota/tool/x", nil}}}, nil
		}, kind: BadResult, content: "registry's own"},
		{name: "key-empty", run: func(context.Context, *Call) (Result, error) {
			return Result{Writes: []Write{{"", []byte("1")}}}, nil
		}, kind: BadResult, content: "0 bytes"},
		{name: "key-long", run: func(context.Context, *Call) (Result, error) {
			return Result{Writes: []Write{{strings.Repeat("k", 513), nil}}}, nil
		}, kind: BadResult, content: "513 bytes"},
		{name: "key-control", run: func(context.Context, *Call) (Result, error) {
			return Result{Writes: []Write{{"a\nb", nil}}}, nil
		}, kind: BadResult, content: "control"},
		{name: "value-large", run: func(context.Context, *Call) (Result, error) {
			return Result{Writes: []Write{{"a", make([]byte, 1<<20+1)}}}, nil
		}, kind: BadResult, content: "at most 1048576"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRegistry(Options{})
			tool := doing(c.name, c.run)
			if c.change != nil {
				c.change(&tool)
			}
			register(t, r, tool)
			result, err := r.Call(t.Context(), c.name, &Call{State: newMemory()})
			var e *Error
			errors.As(err, &e)
			if kindOf(err) != c.kind || e != nil && e.Retryable != c.retryable {
				t.Errorf("error %v (%q), want kind %q, retryable %v", err, kindOf(err), c.kind, c.retryable)
			}
			if !strings.Contains(string(result.Content), c.content) {
				t.Errorf("content %s, want %s", result.Content, c.content)
			}
			if result.Failed && (len(result.Writes) > 0 || len(result.Sends) > 0) {
				t.Errorf("a call that failed changes %v", result.Writes)
			}
		})
	}
	r := NewRegistry(Options{Gate: func(string, *Call) error { return errors.New("switched off") }})
	register(t, r, echo("t"))
	if _, err := r.Call(t.Context(), "t", &Call{}); kindOf(err) != Refused {
		t.Errorf("a tool behind a closed gate: %v", err)
	}
	if _, err := r.Call(t.Context(), "tt", &Call{}); kindOf(err) != UnknownTool || !strings.Contains(err.Error(), "there is no tool") {
		t.Errorf("a tool that is not there: %v", err)
	}
}

// TestLeftBehind has a tool ignore its context: calls return in time, what it
// returns in the end is dropped and counted, it is refused while too many are
// left, and its view of the state is closed.
func TestLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{MaxLeft: 2})
		release := make(chan struct{})
		tool := doing("deaf", func(_ context.Context, c *Call) (Result, error) {
			<-release
			if _, ok := c.State.Get("a"); ok {
				t.Error("a call that was given up still sees the state")
			}
			return Result{Writes: []Write{{"a", []byte("late")}}}, nil
		})
		tool.Timeout = time.Second
		register(t, r, tool)
		state := newMemory()
		state.Apply([]Write{{"a", []byte("1")}})
		for _, want := range []Kind{TimedOut, TimedOut, Busy} {
			result, err := r.Call(t.Context(), "deaf", &Call{State: state})
			if kindOf(err) != want || len(result.Writes) > 0 {
				t.Errorf("error %v with %v, want %s and no writes", err, result.Writes, want)
			}
		}
		if r.Left("deaf") != 2 || r.Late() != 0 {
			t.Errorf("%d left and %d late, want 2 and 0", r.Left("deaf"), r.Late())
		}
		close(release)
		synctest.Wait()
		if r.Left("deaf") != 0 || r.Late() != 2 {
			t.Errorf("%d left and %d late, want 0 and 2", r.Left("deaf"), r.Late())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Call(ctx, "deaf", &Call{State: state}); kindOf(err) != Cancelled {
			t.Errorf("a call under a context that has ended: %v", err)
		}
	})
}

func TestQuotaIsExactOverRestarts(t *testing.T) {
	state := newMemory()
	for i := range 5 {
		// Each round is a new process: only the state is left.
		r := NewRegistry(Options{})
		tool := echo("t")
		tool.Quota = Quota{Calls: 3}
		register(t, r, tool)
		result, err := r.Call(t.Context(), "t", &Call{State: state})
		if want := i < 3; want != (err == nil) || !want && kindOf(err) != QuotaUsed {
			t.Errorf("call %d: %v", i, err)
		}
		state.Apply(result.Writes)
	}
	if v, _ := state.Get("quota/tool/t"); string(v) != `{"calls":3,"bytes":12}` {
		t.Errorf("use %s", v) // {} in and {} out, three times
	}
	state.Apply([]Write{{"quota/tool/t", []byte("{")}})
	r := NewRegistry(Options{})
	tool := echo("t")
	tool.Quota = Quota{Calls: 3}
	register(t, r, tool)
	if _, err := r.Call(t.Context(), "t", &Call{State: state}); kindOf(err) != QuotaUsed {
		t.Errorf("a use that cannot be read: %v", err)
	}
	if _, err := r.Call(t.Context(), "t", &Call{}); kindOf(err) != Refused {
		t.Errorf("a quota without a state to count in: %v", err)
	}
}

func TestQuotaOfBytes(t *testing.T) {
	r := NewRegistry(Options{})
	tool := doing("t", func(context.Context, *Call) (Result, error) {
		return Result{Content: json.RawMessage(`"12345678"`), Writes: []Write{{"a", []byte("1")}}}, nil
	})
	tool.Quota = Quota{Bytes: 25}
	register(t, r, tool)
	state := newMemory()
	for _, want := range []struct {
		kind Kind
		use  string
	}{{"", `{"calls":1,"bytes":12}`}, {"", `{"calls":2,"bytes":24}`}, {QuotaUsed, `{"calls":2,"bytes":24}`}} {
		result, err := r.Call(t.Context(), "t", &Call{State: state})
		state.Apply(result.Writes)
		if use, _ := state.Get("quota/tool/t"); kindOf(err) != want.kind || string(use) != want.use {
			t.Errorf("error %v, use %s, want %s, %s", err, use, want.kind, want.use)
		}
	}
	state.Apply([]Write{{"quota/tool/t", []byte(`{"calls":1,"bytes":20}`)}})
	result, err := r.Call(t.Context(), "t", &Call{State: state})
	if kindOf(err) != QuotaUsed || len(result.Writes) != 1 || string(result.Writes[0].Value) != `{"calls":2,"bytes":25}` {
		t.Errorf("a result beyond the quota: %v, writes %s", err, result.Writes)
	}
	unknown, problem := r.Unknown("t", &Call{State: newMemory()})
	if problem.Kind != OutcomeUnknown || !unknown.Failed || len(unknown.Writes) != 1 || string(unknown.Writes[0].Value) != `{"calls":1,"bytes":0}` {
		t.Errorf("unknown outcome: %v %s %v", problem, unknown.Content, unknown.Writes)
	}
}

func TestStateIsBounded(t *testing.T) {
	r := NewRegistry(Options{MaxKeys: 2, MaxState: 20})
	var writes []Write
	register(t, r, doing("t", func(context.Context, *Call) (Result, error) { return Result{Writes: writes}, nil }))
	state := newMemory()
	for _, c := range []struct {
		writes []Write
		want   string // the state's size after; "": refused
	}{
		{[]Write{{"a", []byte("12345")}}, `{"keys":1,"bytes":6}`},
		{[]Write{{"a", []byte("1")}, {"b", []byte{}}}, `{"keys":2,"bytes":3}`},
		{[]Write{{"c", []byte("1")}}, ``},
		{[]Write{{"a", nil}, {"c", []byte("1")}}, `{"keys":2,"bytes":3}`},
		{[]Write{{"c", make([]byte, 20)}}, ``},
		{[]Write{{"c", []byte("1")}, {"c", nil}, {"none", nil}}, `{"keys":1,"bytes":1}`},
	} {
		writes = c.writes
		result, err := r.Call(t.Context(), "t", &Call{State: state})
		if c.want == "" {
			if kindOf(err) != QuotaUsed || len(result.Writes) > 0 {
				t.Errorf("%v: %v, writes %v, want it refused", c.writes, err, result.Writes)
			}
			continue
		}
		state.Apply(result.Writes)
		if got, _ := state.Get("quota/state"); err != nil || string(got) != c.want {
			t.Errorf("%v: %v, size %s, want %s", c.writes, err, got, c.want)
		}
	}
}

func TestConcurrentCalls(t *testing.T) {
	r := NewRegistry(Options{})
	tool := echo("t")
	tool.Input = json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}`)
	register(t, r, tool)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				in := fmt.Sprintf(`{"n":%d}`, i*100+j)
				if result, err := r.Call(t.Context(), "t", &Call{Arguments: json.RawMessage(in)}); err != nil || string(result.Content) != in {
					t.Errorf("%s: %s %v", in, result.Content, err)
				}
				name := fmt.Sprintf("x%d", i)
				if err := r.Register(echo(name)); err != nil {
					t.Error(err)
				}
				r.Names()
				r.Remove(name)
			}
		})
	}
	all.Wait()
}
