package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
	"tierlab/reference/tools/mcp"
)

// serving is this test binary as a server of a mode.
func serving(mode string) mcp.Server {
	return mcp.Server{Name: "s", Command: []string{os.Args[0]}, Env: map[string]string{modeVariable: mode}, Timeout: 20 * time.Second, Start: 20 * time.Second}
}

// connect connects a fresh registry to a server.
func connect(t *testing.T, s mcp.Server) (*tools.Registry, *mcp.Servers, error) {
	t.Helper()
	reg := tools.NewRegistry(tools.Options{})
	servers, err := mcp.Connect(t.Context(), reg, mcp.Config{Servers: []mcp.Server{s}})
	if servers != nil {
		t.Cleanup(func() { servers.Close() })
	}
	return reg, servers, err
}

func call(t *testing.T, reg *tools.Registry, name, arguments string) (string, *tools.Error) {
	t.Helper()
	result, err := reg.Call(t.Context(), name, &tools.Call{Arguments: json.RawMessage(arguments), Key: "k"})
	var e *tools.Error
	errors.As(err, &e)
	return string(result.Content), e
}

// TestRoundTrip has our client use our server, over both transports.
func TestRoundTrip(t *testing.T) {
	reg := tools.NewRegistry(tools.Options{})
	if err := builtin.Register(reg, builtin.Config{}); err != nil {
		t.Fatal(err)
	}
	handler, err := mcp.Offer{Registry: reg, Version: "test"}.Handler()
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(handler)
	t.Cleanup(site.Close)
	for name, server := range map[string]mcp.Server{
		"stdio": serving("ours"),
		"http":  {Name: "s", URL: site.URL, Timeout: 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			ours, servers, err := connect(t, server)
			if err != nil || len(servers.LeftOut()) > 0 {
				t.Fatal(err, servers.LeftOut())
			}
			var want []string
			for _, name := range reg.Names() {
				want = append(want, "s__"+name)
			}
			if got := ours.Names(); !slices.Equal(got, want) || !slices.Equal(servers.Names(), want) {
				t.Errorf("tools %v, want %v", got, want)
			}
			for _, c := range []struct{ name, key, arguments, want string }{
				{"s__calculator", "a", `{"expression":"2*21"}`, `{"exact":true,"value":"42"}`},
				{"s__kv_add", "b", `{"key":"n","by":1}`, `{"value":1}`},
				{"s__kv_add", "b", `{"key":"n","by":1}`, `{"value":1}`}, // the same call again
				{"s__kv_add", "c", `{"key":"n","by":1}`, `{"value":2}`},
				{"s__kv_add", "d", `{"key":"n","by":"1"}`, `want integer`},
				{"s__calculator", "e", `{"expression":"1/0"}`, `division by zero`},
			} {
				result, err := ours.Call(t.Context(), c.name, &tools.Call{Key: c.key, Arguments: json.RawMessage(c.arguments)})
				if failed := strings.Contains(string(result.Content), `"error"`); !strings.Contains(string(result.Content), c.want) || failed != result.Failed {
					t.Errorf("%s %s: %s %v, want %s", c.name, c.arguments, result.Content, err, c.want)
				}
			}
		})
	}
}

// TestHostileStart has servers misbehave before they have any tool.
func TestHostileStart(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"silent":    "it has not answered in time: 1s",
		"hang-list": "its tools cannot be listed: within 1s",
		"die-start": "no license",
		"garbage":   "no connection",
		"version":   "unsupported protocol version",
		"pages":     "more than 64 pages",
		"crowd":     "more than 256 tools",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server := serving(mode)
			if mode == "silent" || mode == "hang-list" {
				server.Start = time.Second
			}
			reg, _, err := connect(t, server)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "mcp: server s: ") || len(err.Error()) > 1000 {
				t.Errorf("%v, want it to say %q", err, want)
			}
			if len(reg.Names()) > 0 {
				t.Errorf("tools %v of a server that is not there", reg.Names())
			}
		})
	}
	for _, server := range []mcp.Server{{Name: "s", Command: []string{"/there/is/none"}}, {Name: "s", URL: "http://127.0.0.1:1/"}} {
		if _, _, err := connect(t, server); err == nil || !strings.HasPrefix(err.Error(), "mcp: server s: ") {
			t.Errorf("%v: %v", server, err)
		}
	}
}

func TestHostileCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode, want string
		kind       tools.Kind // "": no error beside the result
	}{
		{"fine", `"fine"`, ""},
		{"fails", `{"error":"disk full"}`, ""},
		{"refuse", `not on a Sunday`, ""},
		{"parts", `[{"text":"see","type":"text"},{"bytes":3,"mime_type":"image/png","type":"image"}]`, ""},
		{"die-call", `out of cheese`, tools.ToolFailed},
		{"flood", `server s: `, tools.ToolFailed},
		{"line", `server s: `, tools.ToolFailed},
		{"large", `at most 1048576`, tools.BadResult},
		{"hang-call", `no result within 1s`, tools.TimedOut},
		{"deaf", `no result within 1s`, tools.TimedOut},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			server := serving(c.mode)
			if c.kind == tools.TimedOut {
				server.Timeout = time.Second
			}
			reg, servers, err := connect(t, server)
			if err != nil || len(servers.LeftOut()) > 0 {
				t.Fatal(err, servers.LeftOut())
			}
			arguments := `{}`
			if c.mode == "deaf" { // more than a pipe holds
				arguments = `{"x":"` + strings.Repeat("x", 900_000) + `"}`
			}
			content, failure := call(t, reg, "s__good", arguments)
			kind := tools.Kind("")
			if failure != nil {
				kind = failure.Kind
			}
			if c.mode == "flood" && kind == tools.TimedOut {
				t.Skip("this machine is too slow to be flooded within the call's time")
			}
			if kind != c.kind || !strings.Contains(content, c.want) || len(content) > 2000 {
				t.Errorf("%q %s, want %q %s", kind, content, c.kind, c.want)
			}
			if failure != nil && failure.Retryable {
				t.Errorf("a call of the class Once may be made again after %v", failure)
			}
		})
	}
}

// TestHostileSites has HTTP servers misbehave.
func TestHostileSites(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	for _, c := range []struct {
		name, want string
		answer     http.HandlerFunc
	}{
		{"hangs", "not answered in time", func(http.ResponseWriter, *http.Request) { <-release }},
		{"page", "no connection", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>Hello</html>") }},
		{"moved", "no connection", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "secret" {
				t.Error("the server's own headers are not sent to it")
			}
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}},
		{"flood", "no connection", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for {
				if _, err := io.WriteString(w, strings.Repeat("[", 1<<16)); err != nil {
					return
				}
			}
		}},
		{"events", "no connection", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for {
				if _, err := io.WriteString(w, "data: "+strings.Repeat("x", 1<<16)+"\n"); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			site := httptest.NewServer(c.answer)
			t.Cleanup(site.Close)
			if c.name == "hangs" {
				t.Cleanup(func() { close(release) })
			}
			server := mcp.Server{Name: "s", URL: site.URL, Headers: map[string]string{"Authorization": "secret"}, Start: 5 * time.Second}
			if c.name == "hangs" {
				server.Start = time.Second
			}
			if _, _, err := connect(t, server); err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 2000 {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestRestart has a server die at each call: each call after finds a new one, a
// little later each time.
func TestRestart(t *testing.T) {
	t.Parallel()
	reg, _, err := connect(t, serving("die-call"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if content, failure := call(t, reg, "s__good", `{}`); failure == nil || !strings.Contains(content, "out of cheese") {
			t.Errorf("%s %v", content, failure)
		}
	}
	// The next start is 0.8 s away, and a call with less time says so and has
	// done nothing.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = reg.Call(ctx, "s__good", &tools.Call{})
	var failure *tools.Error
	if !errors.As(err, &failure) || !failure.Retryable || !strings.Contains(err.Error(), "in a row") {
		t.Errorf("a call before the next start: %v", err)
	}
}

// TestHungServerIsStartedAgain counts the calls that a server has seen: after
// three without an answer it is a new one.
func TestHungServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	server := serving("hang-call")
	server.Timeout = 500 * time.Millisecond
	reg, servers, err := connect(t, server)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, failure := call(t, reg, "s__good", `{}`); failure == nil || failure.Kind != tools.TimedOut {
			t.Errorf("a call of a server that hangs: %v", failure)
		}
	}
	if n := mcp.Deaths(servers); n != 0 {
		t.Errorf("%d deaths were noted before the next call", n)
	}
	for range 3 { // the first may come before the end
		call(t, reg, "s__good", `{}`)
		if mcp.Deaths(servers) > 0 {
			return
		}
	}
	t.Error("no new connection after three calls without an answer and three more")
}

// TestLies has a server lie about its tools: what is well formed is there, what
// is not is told of, and tools of others are untouched.
func TestLies(t *testing.T) {
	t.Parallel()
	reg := tools.NewRegistry(tools.Options{})
	taken := tools.Tool{Name: "s__a_b", Input: json.RawMessage(`{"type":"object"}`), Run: func(context.Context, *tools.Call) (tools.Result, error) {
		return tools.Result{Content: json.RawMessage(`"mine"`)}, nil
	}}
	if err := reg.Register(taken); err != nil {
		t.Fatal(err)
	}
	server := serving("liar")
	servers, err := mcp.Connect(t.Context(), reg, mcp.Config{Servers: []mcp.Server{server}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { servers.Close() })
	if got := strings.Join(reg.Names(), " "); got != "s__a_b s__good s__output" {
		t.Errorf("tools %s", got)
	}
	left := errors.Join(servers.LeftOut()...).Error()
	for _, want := range []string{`tool "bell\a"`, `tool "nnnn`, `tool "": `, `tool "a.b": tool s__a_b is there already`, `tool "a/b": tool s__a_b`, `tool "good": the server lists it twice`,
		`tool "schema"`, `tool "text"`, `leaves the schema`, `description has 4194304 bytes`, `control characters`} {
		if !strings.Contains(left, want) {
			t.Errorf("left out:\n%s\nwant %s", left, want)
		}
	}
	if len(left) > 10_000 {
		t.Errorf("%d bytes of messages", len(left))
	}
	if content, _ := call(t, reg, "s__a_b", `{}`); content != `"mine"` {
		t.Errorf("another's tool answers %s", content)
	}
	if content, failure := call(t, reg, "s__output", `{}`); failure == nil || failure.Kind != tools.BadResult || !strings.Contains(content, "its own schema") {
		t.Errorf("a result against its schema: %s %v", content, failure)
	}
}

func TestToolThatVanishes(t *testing.T) {
	t.Parallel()
	reg, servers, err := connect(t, serving("vanish"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(reg.Names(), " "); got != "s__good s__other" {
		t.Fatalf("tools %s", got)
	}
	call(t, reg, "s__good", `{}`) // after which the server says that its list has changed
	for deadline := time.Now().Add(20 * time.Second); len(reg.Names()) == 2 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := strings.Join(servers.Names(), " "); got != "s__good" {
		t.Errorf("tools %s after the change", got)
	}
	if _, failure := call(t, reg, "s__other", `{}`); failure == nil || failure.Kind != tools.UnknownTool {
		t.Errorf("a tool that has vanished: %v", failure)
	}
	servers.Close()
	if _, failure := call(t, reg, "s__good", `{}`); failure == nil || !strings.Contains(failure.Error(), "closed") {
		t.Errorf("a tool of a closed server: %v", failure)
	}
}

func TestClassesAndApproval(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change func(*mcp.Server)
		want   string // of good, reads, settles: class and approval
	}{
		{func(*mcp.Server) {}, "0 0 0"},
		{func(s *mcp.Server) { s.Hints = true }, "0 2 1"},
		{func(s *mcp.Server) {
			s.Hints, s.Repeat = true, map[string]tools.Repeat{"good": tools.Pure, "reads": tools.Once}
		}, "2 0 1"},
		{func(s *mcp.Server) { s.Repeat = map[string]tools.Repeat{mcp.All: tools.Keyed} }, "1 1 1"},
		{func(s *mcp.Server) { s.Approval = []string{"reads"} }, "0 0! 0"},
		{func(s *mcp.Server) { s.Approval = []string{mcp.All} }, "0! 0! 0!"},
		{func(s *mcp.Server) { s.Tools = []string{"reads", "raeds"} }, "- 0 -"},
	} {
		server := serving("hints")
		c.change(&server)
		reg, servers, err := connect(t, server)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"good", "reads", "settles"} {
			tool, ok := reg.Lookup("s__" + name)
			word := "-"
			if ok {
				word = string('0' + rune(tool.Repeat))
				if tool.Approval {
					word += "!"
				}
			}
			got = append(got, word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v, want %s", got, c.want)
		}
		if left := servers.LeftOut(); len(server.Tools) == 2 && (len(left) != 1 || !strings.Contains(left[0].Error(), "did you mean")) {
			t.Errorf("a tool on the list that is not there: %v", left)
		}
	}
}

// TestEnvironmentIsExplicit looks at what a server's process is given.
func TestEnvironmentIsExplicit(t *testing.T) {
	t.Setenv("TIERLAB_SECRET", "1")
	t.Setenv("TIERLAB_PASSED", "2")
	server := serving("ours")
	server.Pass = []string{"TIERLAB_PASSED", "TIERLAB_UNSET"}
	env := mcp.Environment(t, &server)
	slices.Sort(env)
	want := []string{"TIERLAB_PASSED=2", modeVariable + "=ours"}
	if !slices.Equal(env, want) {
		t.Errorf("environment %v, want %v", env, want)
	}
}
