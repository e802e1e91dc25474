package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// code is a stateful tool whose program is f.
func code(f func(ctx context.Context, n *Nested) (Result, error)) Tool {
	return doing("code", func(ctx context.Context, c *Call) (Result, error) { return f(ctx, Within(c)) })
}

func TestNestedCalls(t *testing.T) {
	r := NewRegistry(Options{})
	var keys []string
	put := doing("put", func(_ context.Context, c *Call) (Result, error) {
		keys = append(keys, c.Key)
		before, _ := c.State.Get("a")
		return Result{Writes: []Write{{"a", append(before, 'x')}}, Sends: []Send{{"other", string(before)}}}, nil
	})
	put.Quota = Quota{Calls: 10}
	fail := doing("fail", func(context.Context, *Call) (Result, error) { return Result{}, errors.New("no") })
	asks, costs := echo("asks"), echo("costs")
	asks.Approval, costs.USD = true, 0.01
	var program func(ctx context.Context, n *Nested) (Result, error)
	register(t, r, put, fail, asks, costs, echo("plain"), echo("secret"),
		code(func(ctx context.Context, n *Nested) (Result, error) { return program(ctx, n) }))
	stateless := code(func(ctx context.Context, n *Nested) (Result, error) { return program(ctx, n) })
	stateless.Name, stateless.Stateful = "stateless", false
	register(t, r, stateless)
	state := newMemory()
	run := func(name string, f func(ctx context.Context, n *Nested) (Result, error)) (Result, error) {
		program = f
		result, err := r.Call(t.Context(), name, &Call{Key: "k", State: state, Tools: []string{"put", "fail", "asks", "costs", "plain", "code"}})
		state.Apply(result.Writes)
		return result, err
	}
	twice := func(ctx context.Context, n *Nested) (Result, error) {
		for range 2 {
			if _, err := n.Call(ctx, "put", json.RawMessage(`{}`)); err != nil {
				t.Error(err)
			}
		}
		return Result{Writes: []Write{{"b", []byte("own")}}}, nil
	}
	result, err := run("code", twice)
	a, _ := state.Get("a")
	size, _ := state.Get("quota/state")
	if err != nil || string(a) != "xx" || len(result.Sends) != 2 || result.Sends[1].Text != "x" || string(size) != `{"keys":2,"bytes":7}` {
		t.Errorf("%v: a is %q, sends %v, size %s", err, a, result.Sends, size)
	}
	if len(keys) != 2 || keys[0] == keys[1] || !strings.HasPrefix(keys[0], "k/0-") || !strings.HasPrefix(keys[1], "k/1-") {
		t.Errorf("keys %v", keys)
	}
	for _, c := range []struct {
		outer, tool string
		kind        Kind
	}{
		{"code", "secret", Refused}, {"code", "none", UnknownTool}, {"code", "asks", Refused}, {"code", "costs", Refused},
		{"code", "code", Refused}, {"code", "fail", ToolFailed}, {"code", "plain", ""}, {"stateless", "plain", ""}, {"stateless", "put", Refused},
	} {
		if _, err := run(c.outer, func(ctx context.Context, n *Nested) (Result, error) {
			_, err := n.Call(ctx, c.tool, nil)
			if kindOf(err) != c.kind {
				t.Errorf("%s calls %s: %v, want %q", c.outer, c.tool, err, c.kind)
			}
			return Result{}, nil
		}); err != nil {
			t.Error(err)
		}
	}
	// A failed call drops what its calls wrote, and keeps what they used.
	result, err = run("code", func(ctx context.Context, n *Nested) (Result, error) {
		if result, err := twice(ctx, n); err != nil {
			return result, err
		}
		return Fail("after all"), nil
	})
	a, _ = state.Get("a")
	use, _ := state.Get("quota/tool/put")
	if err != nil || string(a) != "xx" || len(result.Sends) > 0 || !strings.HasPrefix(string(use), `{"calls":4,`) {
		t.Errorf("%v: a is %q, sends %v, use %s", err, a, result.Sends, use)
	}
	var kept *Nested
	run("code", func(_ context.Context, n *Nested) (Result, error) { kept = n; return Result{}, nil })
	if _, err := kept.Call(t.Context(), "put", nil); kindOf(err) != Cancelled {
		t.Errorf("a call after its caller has ended: %v", err)
	}
}

// TestBoundCalls: a session whose data has bounds reaches no tool that carries
// data elsewhere, neither itself nor by code.
func TestBoundCalls(t *testing.T) {
	r := NewRegistry(Options{})
	posts := echo("posts")
	posts.Outward = true
	var inner Kind
	register(t, r, posts, code(func(ctx context.Context, n *Nested) (Result, error) {
		_, err := n.Call(ctx, "posts", nil)
		inner = kindOf(err)
		return Result{}, nil
	}))
	for _, c := range []struct {
		bound bool
		kind  Kind
	}{{false, ""}, {true, Refused}} {
		call := Call{Key: "k", Bound: c.bound, State: newMemory(), Tools: []string{"posts", "code"}}
		if _, err := r.Call(t.Context(), "posts", &call); kindOf(err) != c.kind {
			t.Errorf("bound %v: %v", c.bound, err)
		}
		if _, err := r.Call(t.Context(), "code", &call); err != nil || inner != c.kind {
			t.Errorf("by code, bound %v: %v, %q", c.bound, err, inner)
		}
	}
}

// TestStateAddsUp makes random calls, some of which fail, and counts the state
// after each: its size is what is kept of it, no bound is ever passed, and a
// failure changes nothing but the use of quotas.
func TestStateAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := NewRegistry(Options{MaxKeys: 4, MaxState: 40, MaxValue: 20})
		var next Result
		tool := doing("t", func(ctx context.Context, c *Call) (Result, error) {
			if len(next.Sends) > 0 { // as a nested call
				if _, err := Within(c).Call(ctx, "inner", nil); err != nil {
					return Result{}, err
				}
			}
			return next, nil
		})
		tool.Quota = Quota{Calls: 20, Bytes: 200}
		inner := doing("inner", func(context.Context, *Call) (Result, error) { return Result{Writes: next.Writes}, nil })
		inner.Quota = Quota{Calls: 5}
		for _, one := range []Tool{tool, inner} {
			if err := r.Register(one); err != nil {
				t.Fatal(err)
			}
		}
		state := newMemory()
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			next = Result{Failed: rapid.IntRange(0, 4).Draw(t, "failed") == 0}
			for range rapid.IntRange(0, 3).Draw(t, "writes") {
				w := Write{Key: rapid.SampledFrom([]string{"a", "bb", "ccc", "d", "e", "f"}).Draw(t, "key")}
				if n := rapid.IntRange(-5, 22).Draw(t, "bytes"); n >= 0 {
					w.Value = make([]byte, n)
				}
				next.Writes = append(next.Writes, w)
			}
			if rapid.Bool().Draw(t, "nested") {
				next.Sends = []Send{{"x", "y"}}
			}
			before := fmt.Sprint(contents(state))
			result, err := r.Call(context.Background(), "t", &Call{State: state, Tools: []string{"inner"}})
			state.Apply(result.Writes)
			if (err != nil || result.Failed) && fmt.Sprint(contents(state)) != before {
				t.Fatalf("a call that failed (%v) has changed the state", err)
			}
			check(t, state)
		}
	})
}

func contents(s memory) (list []Write) {
	for _, key := range s.List("") {
		if v, _ := s.Get(key); !strings.HasPrefix(key, quotaPrefix) {
			list = append(list, Write{key, v})
		}
	}
	return list
}

func check(t *rapid.T, state memory) {
	var sum, kept size
	for _, w := range contents(state) {
		sum.Keys++
		sum.Bytes += int64(len(w.Key) + len(w.Value))
	}
	if text, ok := state.Get(sizeKey); ok {
		if err := json.Unmarshal(text, &kept); err != nil {
			t.Fatal(err)
		}
	}
	if sum != kept || sum.Keys > 4 || sum.Bytes > 40 {
		t.Fatalf("the state has %+v, its size is kept as %+v", sum, kept)
	}
	for name, quota := range map[string]Quota{"t": {20, 200}, "inner": {5, 1 << 40}} {
		var u use
		if text, ok := state.Get(toolPrefix + name); ok {
			if err := json.Unmarshal(text, &u); err != nil {
				t.Fatal(err)
			}
		}
		if u.Calls > quota.Calls || u.Bytes > quota.Bytes {
			t.Fatalf("use %+v of %s is beyond %+v", u, name, quota)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	r := NewRegistry(Options{})
	tool := echo("t")
	tool.Input = json.RawMessage(`{"type":"object","properties":{"key":{"type":"string"},"by":{"type":"integer"}},"required":["key"],"additionalProperties":false}`)
	if err := r.Register(tool); err != nil {
		b.Fatal(err)
	}
	c := &Call{Arguments: json.RawMessage(`{"key":"n","by":1}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Call(context.Background(), "t", c); err != nil {
			b.Fatal(err)
		}
	}
}
