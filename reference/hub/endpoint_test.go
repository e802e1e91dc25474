package hub

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"tierlab/workloads"
)

// serve starts a server that gives each request the same answer and keeps the last
// body.
func serve(t *testing.T, status int, header http.Header, text string) (*Endpoint, *map[string]any) {
	t.Helper()
	body := new(map[string]any)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s with authorization %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		*body = nil
		if err := json.NewDecoder(r.Body).Decode(body); err != nil {
			t.Error(err)
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	e, err := NewEndpoint(EndpointConfig{URL: s.URL, Model: "m", Key: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, body
}

const done = "data: [DONE]\n\n"

func event(json string) string { return "data: " + json + "\n\n" }

func TestStreams(t *testing.T) {
	text := event(`{"choices":[{"delta":{"role":"assistant","content":"Hel"}}]}`) + event(`{"choices":[{"delta":{"content":"lo"}}]}`)
	stop := event(`{"choices":[{"delta":{},"finish_reason":"stop"}]}`)
	usage := event(`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}},"timings":{"queue_ms":1,"prefill_ms":2,"decode_ms":3.5}}`)
	calls := event(`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}}]}`) +
		event(`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}},{"index":1,"function":{"name":"g","arguments":"{}"}}]}}]}`) +
		event(`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":"tool_calls"}]}`)
	plain := func(text string, more Answer) Answer {
		more.Message = Message{Role: "assistant", Content: text}
		return more
	}
	for _, c := range []struct {
		name, text string
		want       Answer // without First
		bad        string
		output     int // of an error
	}{
		{"usage and timings", ": comment\n" + text + stop + usage + done,
			plain("Hello", Answer{Finish: "stop", Input: 9, Cached: 4, Output: 2, Queue: time.Millisecond, Prefill: 2 * time.Millisecond, Decode: 3500 * time.Microsecond}), "", 0},
		{"no usage", text + stop + done, plain("Hello", Answer{Finish: "stop", Input: 7, Output: 2}), "", 0},
		{"calls", calls + done, Answer{Finish: "tool_calls", Input: 7, Output: 3, Message: Message{Role: "assistant",
			Calls: []ToolCall{{"a", "f", `{"x":1}`}, {"call_4_2", "g", "{}"}}}}, "", 0},
		{"calls without places", event(`{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}}]}`) +
			event(`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}},{"id":"b","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`) + done,
			Answer{Finish: "tool_calls", Input: 7, Output: 2, Message: Message{Role: "assistant", Calls: []ToolCall{{"a", "f", "{}"}, {"b", "g", "{}"}}}}, "", 0},
		{"cut off", text, Answer{}, "without [DONE]", 2},
		{"no reason", text + done, Answer{}, "without a finish_reason", 2},
		{"an error on the way", text + event(`{"error":{"message":"out of blocks"}}`), Answer{}, "out of blocks", 2},
		{"no JSON", event("{"), Answer{}, "no JSON", 0},
		{"a call from nowhere", event(`{"choices":[{"delta":{"tool_calls":[{"index":3}]}}]}`), Answer{}, "tool call 3", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := serve(t, 200, nil, c.text)
			firsts := 0
			call := &Call{Step: 3, Messages: []Message{{Role: "user", Content: "abc"}}, First: func() { firsts++ }}
			a, err := e.Call(context.Background(), call)
			if c.bad != "" {
				var failed *Error
				if !errors.As(err, &failed) || failed.Status != workloads.StatusError || !strings.Contains(err.Error(), c.bad) || failed.Output != c.output {
					t.Fatalf("%v (%+v), want one that says %s and %d tokens", err, failed, c.bad, c.output)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.First <= 0 || firsts != 1 {
				t.Errorf("first token after %v, told %d times", a.First, firsts)
			}
			if a.First = 0; !reflect.DeepEqual(*a, c.want) {
				t.Errorf("%+v\nwant %+v", *a, c.want)
			}
		})
	}
}

func TestWholeResponse(t *testing.T) {
	e, _ := serve(t, 200, http.Header{"Content-Type": {"application/json"}},
		`{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`)
	a, err := e.Call(context.Background(), &Call{Messages: []Message{{Role: "user", Content: "x"}}})
	if err != nil || a.Finish != "tool_calls" || a.Input != 3 || a.Output != 2 || len(a.Message.Calls) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		after  string
		text   string
		want   workloads.Status
		wait   time.Duration
		says   string
	}{
		{429, "7", `{"error":{"message":"slow down"}}`, workloads.StatusRejected, 7 * time.Second, "HTTP 429: slow down"},
		{503, "1", "", workloads.StatusError, time.Second, "HTTP 503: "},
		{500, "soon", "<html>oops</html>", workloads.StatusError, 0, "HTTP 500: <html>oops</html>"},
		{504, "", "", workloads.StatusTimeout, 0, "HTTP 504"},
		{408, "-3", "", workloads.StatusTimeout, 0, "HTTP 408"},
		{401, "", `{"error":{"message":"wrong key"}}`, workloads.StatusError, 0, "wrong key"},
		{401, "", `{"error":{"message":"Bearer secret is wrong"}}`, workloads.StatusError, 0, "Bearer (the key) is wrong"},
	} {
		e, _ := serve(t, c.status, http.Header{"Retry-After": {c.after}}, c.text)
		_, err := e.Call(context.Background(), &Call{})
		var failed *Error
		if !errors.As(err, &failed) || failed.Status != c.want || failed.After != c.wait || !strings.Contains(err.Error(), c.says) {
			t.Errorf("HTTP %d: %v (%+v)", c.status, err, failed)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the key is in %v", err)
		}
	}
}

// TestSilence tells a server that says nothing, a caller that leaves and a
// caller's own limit apart.
func TestSilence(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, event(`{"choices":[{"delta":{"content":"a"}}]}`))
		w.(http.Flusher).Flush()
		<-release
	}))
	defer s.Close()
	defer close(release)
	for _, c := range []struct {
		name     string
		patience time.Duration
		ctx      func() (context.Context, context.CancelFunc)
		want     workloads.Status
	}{
		{"silence", 30 * time.Millisecond, func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }, workloads.StatusTimeout},
		{"limit", time.Hour, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 30*time.Millisecond)
		}, workloads.StatusTimeout},
		{"leaves", time.Hour, func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(30*time.Millisecond, cancel)
			return ctx, cancel
		}, workloads.StatusCancelled},
	} {
		e, err := NewEndpoint(EndpointConfig{URL: s.URL, Model: "m", Patience: c.patience})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := c.ctx()
		_, err = e.Call(ctx, &Call{Messages: []Message{{Role: "user", Content: "x"}}})
		cancel()
		var failed *Error
		if !errors.As(err, &failed) || failed.Status != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		e.Close()
	}
	e, err := NewEndpoint(EndpointConfig{URL: "http://127.0.0.1:1", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	var failed *Error
	if _, err := e.Call(context.Background(), &Call{}); !errors.As(err, &failed) || failed.Status != workloads.StatusError {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestRequest: what a server is sent, and that only ours is sent our fields.
func TestRequest(t *testing.T) {
	e, body := serve(t, 200, nil, event(`{"choices":[{"delta":{},"finish_reason":"stop"}]}`)+done)
	call := &Call{
		Session: "s", Tenant: "t", MustCall: true, MaxTokens: 5, Seed: 1<<63 + 3, KeepFor: 1500 * time.Millisecond,
		Tools: []Definition{{Name: "f", Parameters: json.RawMessage(`{"type":"object"}`)}},
		Messages: []Message{{Role: "user", Content: "x", Name: "other"},
			{Role: "assistant", Calls: []ToolCall{{"a", "f", "{}"}, {"b", "f", "<oops>"}}}, {Role: "tool", CallID: "a", Content: ""}},
	}
	const want = `{"max_tokens":5,"messages":[{"content":"x","name":"other","role":"user"},` +
		`{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{}","name":"f"},"id":"a","type":"function"},` +
		`{"function":{"arguments":"{\"malformed\":\"<oops>\"}","name":"f"},"id":"b","type":"function"}]},` +
		`{"content":"","role":"tool","tool_call_id":"a"}],"model":"m","seed":3,"stream":true,"stream_options":{"include_usage":true},` +
		`"tool_choice":"required","tools":[{"function":{"name":"f","parameters":{"type":"object"}},"type":"function"}]}`
	if _, err := e.Call(context.Background(), call); err != nil {
		t.Fatal(err)
	}
	if got, _ := encode(*body); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	e.extended = true
	if _, err := e.Call(context.Background(), call); err != nil {
		t.Fatal(err)
	}
	got := *body
	if got["session"] != "s" || got["keep_ms"] != 1500.0 || got["cache_salt"] != "t" || got["return_timings"] != true {
		t.Errorf("%v", got)
	}
}

func TestConnect(t *testing.T) {
	for _, c := range []struct {
		status     int
		text, says string // says "": it connects
		ours       bool
	}{
		{200, `{"data":[{"id":"m","owned_by":"tierlab"}]}`, "", true},
		{200, `{"data":[{"id":"m","owned_by":"x"}]}`, "", false},
		{404, "", "", false},
		{200, `{"data":[{"id":"n"}]}`, `has no model "m"; known are n`, false},
		{401, `{"error":{"message":"who are you?"}}`, "refuses the key: HTTP 401: who are you?", false},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/v1/models" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.text)
		}))
		e, err := NewEndpoint(EndpointConfig{URL: s.URL + "/api/v1/", Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		err = e.Connect(context.Background())
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || e.extended != c.ours {
			t.Errorf("%s: %v, ours %v", c.text, err, e.extended)
		}
		s.Close()
	}
	for _, bad := range []string{"", "m.example/v1", "ftp://m", "http://", "https://key@m/v1", "https://m/v1?key=1"} {
		if _, err := NewEndpoint(EndpointConfig{URL: bad, Model: "m"}); err == nil || strings.Contains(err.Error(), "key@") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestDensity: an estimate follows what the server has counted.
func TestDensity(t *testing.T) {
	e, _ := serve(t, 200, nil, event(`{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":1}}`)+done)
	c := &Call{Messages: []Message{{Role: "user", Content: strings.Repeat("a", 100)}}}
	if n := e.Count(c); n != 40 {
		t.Errorf("%d tokens before", n)
	}
	if _, err := e.Call(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if n := e.Count(c); n != 200 {
		t.Errorf("%d tokens after the server counted 200", n)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(event(`{"choices":[{"delta":{"content":"a","tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}`) + done))
	f.Add([]byte("data: {}\n\ndata:[DONE]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := stream{start: time.Now(), alive: func() {}}
		if err := s.read(strings.NewReader(string(text))); err != nil {
			return
		}
		a := s.answer(&Call{})
		for _, call := range a.Message.Calls {
			if call.ID == "" {
				t.Error("a call without an id")
			}
		}
		if a.Finish == "" || a.Queue < 0 || a.Prefill < 0 || a.Decode < 0 {
			t.Errorf("%+v", a)
		}
	})
}

// TestRedirects: what a session says goes to the server that was named, and to
// none that this one points at.
func TestRedirects(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	e, _ := serve(t, http.StatusTemporaryRedirect, http.Header{"Location": {other.URL + "/v1/chat/completions"}}, "")
	_, err := e.Call(t.Context(), &Call{Messages: []Message{{Role: "user", Content: "hello"}}})
	if err == nil || asked || !strings.Contains(err.Error(), "it redirects to "+other.URL) {
		t.Errorf("the other server was asked: %v; %v", asked, err)
	}
}
