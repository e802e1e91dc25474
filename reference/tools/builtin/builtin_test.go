package builtin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tierlab/engine/grammar"
	"tierlab/reference/sandbox"
	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
)

// session makes calls one after the other, as a session's actor does.
type session struct {
	t     *testing.T
	reg   *tools.Registry
	state *tools.Overlay
	calls int
	sends []tools.Send
}

func newSession(t *testing.T, c builtin.Config) *session {
	t.Helper()
	s := &session{t: t, reg: tools.NewRegistry(tools.Options{}), state: tools.NewOverlay(nil)}
	if err := builtin.Register(s.reg, c); err != nil {
		t.Fatal(err)
	}
	return s
}

// call applies a call's writes and returns its content.
func (s *session) call(name, arguments string) string {
	content, _ := s.try(name, arguments)
	return content
}

func (s *session) try(name, arguments string) (string, error) {
	s.t.Helper()
	s.calls++
	result, err := s.reg.Call(s.t.Context(), name, &tools.Call{Session: "s", Step: s.calls, Key: tools.Key("s", s.calls, 0),
		Arguments: json.RawMessage(arguments), State: s.state, Tools: s.reg.Names()})
	s.state.Apply(result.Writes)
	s.sends = append(s.sends, result.Sends...)
	if result.Failed != strings.Contains(string(result.Content), `"error"`) {
		s.t.Errorf("%s %s: failed %v with %s", name, arguments, result.Failed, result.Content)
	}
	return string(result.Content), err
}

// cases are calls in order; want is the content, or a part of a failure.
func (s *session) cases(list []struct{ name, arguments, want string }) {
	s.t.Helper()
	for _, c := range list {
		got := s.call(c.name, c.arguments)
		if got != c.want && !(strings.Contains(got, `"error"`) && c.want != "" && strings.Contains(got, c.want)) {
			s.t.Errorf("%s %s:\n got %s\nwant %s", c.name, c.arguments, got, c.want)
		}
	}
}

func TestKeyValue(t *testing.T) {
	s := newSession(t, builtin.Config{})
	s.cases([]struct{ name, arguments, want string }{
		{"kv_get", `{"key":"a"}`, `{"found":false}`},
		{"kv_set", `{"key":"a","value":{"b":[1,"<x>"]}}`, `{"replaced":false}`},
		{"kv_set", `{"key":"a","value":null}`, `{"replaced":true}`},
		{"kv_get", `{"key":"a"}`, `{"found":true,"value":null}`},
		{"kv_add", `{"key":"n","by":2}`, `{"value":2}`},
		{"kv_add", `{"key":"n","by":-5}`, `{"value":-3}`},
		{"kv_add", `{"key":"n","by":-9223372036854775808}`, `beyond 64 bits`},
		{"kv_add", `{"key":"n","by":1e3}`, `without fraction and exponent`},
		{"kv_add", `{"key":"n","by":1.5}`, `want integer`},
		{"kv_add", `{"key":"a","by":1}`, `no whole number`},
		{"kv_set", `{"key":"","value":1}`, `minLength`},
		{"kv_set", `{"key":"a\nb","value":1}`, `control characters`},
		{"kv_set", `{"key":"` + strings.Repeat("ü", 200) + `","value":1}`, `400 bytes`},
		{"kv_list", `{}`, `{"keys":["a","n"],"more":false}`},
		{"kv_list", `{"limit":1}`, `{"keys":["a"],"more":true}`},
		{"kv_list", `{"limit":1,"after":"a"}`, `{"keys":["n"],"more":false}`},
		{"kv_list", `{"prefix":"x"}`, `{"keys":[],"more":false}`},
		{"kv_delete", `{"key":"a"}`, `{"deleted":true}`},
		{"kv_delete", `{"key":"a"}`, `{"deleted":false}`},
		{"kv_list", `{}`, `{"keys":["n"],"more":false}`},
	})
}

func TestFiles(t *testing.T) {
	s := newSession(t, builtin.Config{})
	s.cases([]struct{ name, arguments, want string }{
		{"file_list", `{}`, `{"files":[],"more":false}`},
		{"file_write", `{"path":"src/a.txt","content":"one\ntwo\nthree"}`, `{"bytes":13,"replaced":false}`},
		{"file_write", `{"path":"src","content":""}`, `src/a.txt`},
		{"file_write", `{"path":"src/a.txt/b","content":""}`, `there is a file`},
		{"file_write", `{"path":"b","content":""}`, `{"bytes":0,"replaced":false}`},
		{"file_read", `{"path":"b"}`, `{"content":"","lines":0,"more":false}`},
		{"file_read", `{"path":"src/a.txt"}`, `{"content":"one\ntwo\nthree","lines":3,"more":false}`},
		{"file_read", `{"path":"src/a.txt","line":2,"lines":1}`, `{"content":"two\n","lines":3,"more":true}`},
		{"file_read", `{"path":"src/a.text"}`, `did you mean`},
		{"file_read", `{"path":"../etc/passwd"}`, `none of ..`},
		{"file_edit", `{"path":"src/a.txt","old":"t","new":"T"}`, `2 times`},
		{"file_edit", `{"path":"src/a.txt","old":"four","new":"4"}`, `does not hold`},
		{"file_edit", `{"path":"src/a.txt","old":"two","new":"2"}`, `{"replaced":1}`},
		{"file_edit", `{"path":"src/a.txt","old":"e","new":"E","all":true}`, `{"replaced":3}`},
		{"file_read", `{"path":"src/a.txt"}`, `{"content":"onE\n2\nthrEE","lines":3,"more":false}`},
		{"file_list", `{"folder":"src/"}`, `{"files":[{"bytes":11,"path":"src/a.txt"}],"more":false}`},
		{"file_list", `{"folder":".."}`, `none of ..`},
		{"file_delete", `{"path":"src/a.txt"}`, `{"deleted":true}`},
		{"file_delete", `{"path":"src/a.txt"}`, `there is no file`},
		{"file_write", `{"path":"src","content":"` + strings.Repeat("x", 256<<10+1) + `"}`, `at most 262144`},
		{"file_list", `{}`, `{"files":[{"bytes":0,"path":"b"}],"more":false}`},
	})
	long := strings.Repeat(strings.Repeat("x", 99)+"\n", 1000)
	text, _ := json.Marshal(map[string]string{"path": "long", "content": long})
	s.call("file_write", string(text))
	if got := s.call("file_read", `{"path":"long"}`); len(got) > 70_000 || !strings.Contains(got, `"lines":1000,"more":true`) {
		t.Errorf("a long file gives %d bytes", len(got))
	}
}

func TestCalculator(t *testing.T) {
	s := newSession(t, builtin.Config{})
	for _, c := range []struct{ expression, want string }{
		{"1 + 2*3", "7"},
		{"0.1 + 0.2", "0.3"},
		{"-(7 - 1_000) / 4", "248.25"},
		{"-7 % 3", "-1"},
		{"0x10 + 1e3", "1016"},
		{"1/3", `"fraction":"1/3"`},
		{"pow(2, 100)", "1267650600228229401496703205376"},
		{"pow(2, -2)", "0.25"},
		{"round(pow(1.05, 10) * 2500, 2)", "4072.24"},
		{"round(-2.5)", "-3"},
		{"round(1250, -2)", "1300"},
		{"floor(-1.5) + ceil(-1.5) + trunc(-1.5)", "-4"},
		{"min(3, 1, 2) + max(3, 1, 2)", "4"},
		{"sum(1, 2, 3) + gcd(12, -18) + abs(-1)", "13"},
		{"sqrt(2.25)", "1.5"},
		{"sqrt(2)", "run_code"},
		{"sqrt(-1)", "no real root"},
		{"1/0", "division by zero"},
		{"5 % 0", "division by zero"},
		{"1.5 % 1", "whole numbers"},
		{"2**10", "pow(x, n)"},
		{"2^10", "pow(x, n)"},
		{"010", "leading zero"},
		{"1e99999", "exponent"},
		{"pow(10, 10001)", "whole number"},
		{"pow(pow(10, 9999), 9999)", "bits"},
		{"pow(0, -1)", "no power"},
		{"2i", "no number"},
		{"x + 1", "names are those of functions"},
		{"sqr(4)", "did you mean"},
		{"pow(2)", "want 2"},
		{"math.Sqrt(4)", "no function"},
		{"func() int { return 1 }()", "no function"},
		{"[]int{1}[0]", "no arithmetic"},
		{`"a" + "b"`, "no number"},
		{"1 < 2", "no operator"},
		{"1 +", "no expression"},
		{"1; 2", "no expression"},
		{strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500), "levels deep"},
		{strings.Repeat("- ", 900) + "1", "levels deep"},
	} {
		in, _ := json.Marshal(map[string]string{"expression": c.expression})
		got := s.call("calculator", string(in))
		if got != fmt.Sprintf(`{"exact":true,"value":%q}`, c.want) && !strings.Contains(got, c.want) || strings.Contains(got, `"exact":true`) && !strings.Contains(got, fmt.Sprintf(`%q`, c.want)) {
			t.Errorf("%.60s: %s, want %s", c.expression, got, c.want)
		}
	}
}

// TestSchemasSuitTheGrammar holds the schemas to those that a model's output can
// be decoded under.
func TestSchemasSuitTheGrammar(t *testing.T) {
	s := newSession(t, builtin.Config{Run: script(nil), Fetch: &builtin.Fetch{Hosts: []string{"example.com"}, Post: builtin.PostKeyed}})
	list, err := s.reg.Definitions(s.reg.Names())
	if err != nil || len(list) != 13 {
		t.Fatalf("%d tools, %v", len(list), err)
	}
	for _, d := range list {
		if _, err := grammar.Schema(d.Parameters, grammar.Options{}); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

// script is a sandbox whose program is a function of this test.
func script(f func(r *sandbox.Run) *sandbox.Result) func(context.Context, *sandbox.Run) (*sandbox.Result, error) {
	return func(_ context.Context, r *sandbox.Run) (*sandbox.Result, error) { return f(r), nil }
}

func TestCode(t *testing.T) {
	var program func(r *sandbox.Run) *sandbox.Result
	reg := builtin.Config{
		Run:    script(func(r *sandbox.Run) *sandbox.Result { return program(r) }),
		Code:   []string{"kv_add", "kv_get", "calculator"},
		Quotas: map[string]tools.Quota{"kv_add": {Calls: 5}},
	}
	s := newSession(t, reg)
	run := func(f func(r *sandbox.Run) *sandbox.Result) string {
		program = f
		return s.call("run_code", `{"language":"javascript","source":"x","input":[1]}`)
	}
	add := func(r *sandbox.Run) (json.RawMessage, error) {
		return r.Host(t.Context(), "kv_add", json.RawMessage(`{"key":"n","by":1}`))
	}
	got := run(func(r *sandbox.Run) *sandbox.Result {
		if string(r.Source) != "x" || string(r.Input) != "[1]" || !slices.Equal(r.Hosts, []string{"calculator", "kv_add", "kv_get"}) || r.Seed == 0 {
			t.Errorf("the sandbox was handed %+v", r)
		}
		add(r)
		sum, err := add(r) // sees what the first has written
		if err != nil {
			t.Error(err)
		}
		return &sandbox.Result{Value: sum, Output: []byte("a\xff")}
	})
	if want := `{"output":"a` + "\uFFFD" + `","value":{"value":2}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A program that fails leaves the state as it was, and has used the quota.
	got = run(func(r *sandbox.Run) *sandbox.Result {
		add(r)
		return &sandbox.Result{Output: []byte("so far"), Fault: &sandbox.Fault{Kind: sandbox.Thrown, Message: "Error: no"}}
	})
	if want := `{"error":"Error: no","fault":"thrown","output":"so far"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got = run(func(r *sandbox.Run) *sandbox.Result {
		var errs []string
		for range 3 {
			if _, err := add(r); err != nil {
				errs = append(errs, err.Error())
			}
		}
		for _, name := range []string{"kv_set", "run_code", "nothing"} {
			if _, err := r.Host(t.Context(), name, nil); err == nil {
				t.Errorf("%s was called from code", name)
			}
		}
		if _, err := r.Host(t.Context(), "kv_add", json.RawMessage(`{"key":"n"}`)); err == nil || !strings.Contains(err.Error(), `with "by"`) {
			t.Errorf("arguments against the schema: %v", err)
		}
		value, _ := json.Marshal(errs)
		return &sandbox.Result{Value: value}
	})
	if !strings.Contains(got, `all of its 5 calls`) || strings.Count(got, "tool kv_add") != 1 {
		t.Errorf("the sixth call and no other is beyond the quota: %s", got)
	}
	if got := s.call("kv_get", `{"key":"n"}`); got != `{"found":true,"value":4}` {
		t.Errorf("n is %s, want 4: 2, then 1 dropped, then 2", got)
	}
	if use, _ := s.state.Get("quota/tool/kv_add"); !strings.HasPrefix(string(use), `{"calls":5,`) {
		t.Errorf("use %s, want 5 calls", use)
	}
}

// TestCodeOfANarrowSession has a program try what its session may not.
func TestCodeOfANarrowSession(t *testing.T) {
	reg := tools.NewRegistry(tools.Options{})
	err := builtin.Register(reg, builtin.Config{Code: []string{"kv_set", "kv_get"}, Run: script(func(r *sandbox.Run) *sandbox.Result {
		if !slices.Equal(r.Hosts, []string{"kv_get"}) {
			t.Errorf("host functions %v, want kv_get", r.Hosts)
		}
		if _, err := r.Host(t.Context(), "kv_set", json.RawMessage(`{"key":"a","value":1}`)); err == nil {
			t.Error("code called what its session may not")
		}
		return &sandbox.Result{}
	})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = reg.Call(t.Context(), "run_code", &tools.Call{Arguments: json.RawMessage(`{"language":"javascript","source":"x"}`),
		State: tools.NewOverlay(nil), Tools: []string{"run_code", "kv_get"}})
	if err != nil {
		t.Error(err)
	}
}

func TestCodeRepeatsAsItsTools(t *testing.T) {
	for _, c := range []struct {
		tool  tools.Tool
		class tools.Repeat
		want  string
	}{
		{tools.Tool{Repeat: tools.Pure}, tools.Pure, ""},
		{tools.Tool{Repeat: tools.Keyed}, tools.Keyed, ""},
		{tools.Tool{Repeat: tools.Once}, tools.Once, ""},
		{tools.Tool{Approval: true}, 0, "approval"},
		{tools.Tool{USD: 0.1}, 0, "price"},
		{tools.Tool{Name: "run_code"}, 0, "run_code"},
	} {
		reg := tools.NewRegistry(tools.Options{})
		if c.tool.Name == "" {
			c.tool.Name = "mine"
			c.tool.Input = json.RawMessage(`{"type":"object"}`)
			c.tool.Run = func(context.Context, *tools.Call) (tools.Result, error) { return tools.Result{}, nil }
			if err := reg.Register(c.tool); err != nil {
				t.Fatal(err)
			}
		}
		err := builtin.Register(reg, builtin.Config{Run: script(nil), Code: []string{"kv_get", c.tool.Name}})
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %v, want it to say %s", c.tool, err, c.want)
			}
			continue
		}
		if code, ok := reg.Lookup("run_code"); err != nil || !ok || code.Repeat != c.class {
			t.Errorf("with a tool of class %d: %v, class %d", c.tool.Repeat, err, code.Repeat)
		}
	}
}

func TestCodeFaults(t *testing.T) {
	var result *sandbox.Result
	var failure error
	s := newSession(t, builtin.Config{Run: func(context.Context, *sandbox.Run) (*sandbox.Result, error) { return result, failure }})
	call := func() (string, *tools.Error) {
		content, err := s.try("run_code", `{"language":"javascript","source":"x"}`)
		var e *tools.Error
		errors.As(err, &e)
		return content, e
	}
	result = &sandbox.Result{Fault: &sandbox.Fault{Kind: sandbox.WallExceeded, Message: "2s"}}
	if got, err := call(); err != nil || got != `{"error":"2s","fault":"wall"}` {
		t.Errorf("a program's fault: %s %v", got, err)
	}
	result = &sandbox.Result{Fault: &sandbox.Fault{Kind: sandbox.Crash, Message: "signal"}}
	if _, err := call(); err == nil || !err.Retryable {
		t.Errorf("a crash of the child: %v", err)
	}
	result, failure = nil, &sandbox.RunError{What: "no WebAssembly module"}
	if got, err := call(); err != nil || got != `{"error":"no WebAssembly module"}` {
		t.Errorf("a program that is none: %s %v", got, err)
	}
	result, failure = nil, errors.New("pool is closed")
	if _, err := call(); err == nil || err.Kind != tools.ToolFailed {
		t.Errorf("no sandbox: %v", err)
	}
}

func TestRegisterAllOrNothing(t *testing.T) {
	for _, c := range []struct {
		config builtin.Config
		want   string
	}{
		{builtin.Config{Quotas: map[string]tools.Quota{"kv_gte": {}}}, "did you mean"},
		{builtin.Config{Run: script(nil), Code: []string{"kv_gte"}}, "did you mean"},
		{builtin.Config{Fetch: &builtin.Fetch{}}, "empty"},
		{builtin.Config{Fetch: &builtin.Fetch{Hosts: []string{"*.example.com"}}}, "leading dot"},
		{builtin.Config{Fetch: &builtin.Fetch{Hosts: []string{"a"}, Schemes: []string{"file"}}}, "http or https"},
		{builtin.Config{}, "there already"},
	} {
		reg := tools.NewRegistry(tools.Options{})
		taken := tools.Tool{Name: "kv_get", Input: json.RawMessage(`{"type":"object"}`), Run: func(context.Context, *tools.Call) (tools.Result, error) { return tools.Result{}, nil }}
		if err := reg.Register(taken); err != nil {
			t.Fatal(err)
		}
		if err := builtin.Register(reg, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want it to say %s", c.config, err, c.want)
		}
		if names := reg.Names(); len(names) != 1 {
			t.Errorf("left behind %v", names)
		}
	}
}
