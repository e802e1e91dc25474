package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tierlab/engine/backend"
)

const (
	completions = "/v1/completions"
	chatPath    = "/v1/chat/completions"
	hello       = `"messages":[{"role":"user","content":"hi"}]`
	oneTool     = `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`
)

// TestBadRequests holds each fault to its parameter, its code and the words
// that tell a reader what would be right.
func TestBadRequests(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		path, body, param, code string
		says                    string
	}{
		// JSON and types
		{completions, ``, "", "", "not valid JSON"},
		{completions, `{"prompt":"a",}`, "", "", "at byte 15"},
		{completions, `{"prompt":"a"} {}`, "", "", "not valid JSON"},
		{completions, `[1]`, "", "", "must be a JSON object; it is an array"},
		{completions, `null`, "", "", "it is null"},
		{completions, `{"prompt":{}}`, "prompt", "", "prompt must be a string, an array of strings, an array of token ids"},
		{completions, `{"prompt":[1,"a"]}`, "prompt", "", "array"},
		{completions, `{"prompt":"a","max_tokens":"4"}`, "max_tokens", "", "max_tokens must be a whole number; it is a string"},
		{completions, `{"prompt":"a","max_tokens":1.5}`, "max_tokens", "", "whole number"},
		{completions, `{"prompt":"a","stream":1}`, "stream", "", "true or false"},
		{completions, `{"prompt":"a","stop":[1]}`, "stop", "", "a string or an array of strings"},
		{completions, `{"prompt":"a","temperature":"hot"}`, "temperature", "", "a number"},
		{completions, `{"prompt":"a","stream":true,"stream_options":{"include_usage":1}}`, "stream_options.include_usage", "", "true or false"},
		{chatPath, `{"messages":"hi"}`, "messages", "", "an array"},
		{chatPath, `{"messages":[{"role":"user","content":7}]}`, "messages.content", "", "a string or an array of text parts"},
		{chatPath, `{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, "messages", "", "reads text only"},

		// ranges
		{completions, `{"prompt":"a","max_tokens":0}`, "max_tokens", "", "from 1 to"},
		{completions, `{"prompt":"a","temperature":2.1}`, "temperature", "", "from 0 to 2; it is 2.1"},
		{completions, `{"prompt":"a","temperature":-1}`, "temperature", "", "from 0"},
		{completions, `{"prompt":"a","top_p":0}`, "top_p", "", "above 0"},
		{completions, `{"prompt":"a","top_k":-2}`, "top_k", "", "from -1"},
		{completions, `{"prompt":"a","min_p":1.5}`, "min_p", "", "from 0 to 1"},
		{completions, `{"prompt":"a","n":0}`, "n", "", "from 1"},
		{completions, `{"prompt":["a","b"],"n":100}`, "prompt", "", "2 prompts and asks for 100 outputs"},
		{completions, `{"prompt":"a","stop":""}`, "stop", "", "cannot be empty"},
		{completions, `{"prompt":"a","stop":["1","2","3","4","5","6","7","8","9","0","a","b","c","d","e","f","g"]}`, "stop", "", "at most 16"},
		{completions, `{"prompt":"a","priority":200}`, "priority", "", "from -127 to 128"},
		{completions, `{"prompt":"a","keep_ms":-1}`, "keep_ms", "", "from 0"},
		{completions, `{"prompt":"a","session":"` + strings.Repeat("x", 257) + `"}`, "session", "", "256 bytes"},
		{completions, `{"prompt":"a","logprobs":21}`, "logprobs", "", "from 0 to 20"},
		{completions, `{"prompt":"a","stop_token_ids":[1000]}`, "stop_token_ids", "", "0 to 999"},
		{completions, `{"prompt":"a","stream_options":{}}`, "stream_options", "", "stream set to true"},
		{completions, `{}`, "prompt", "", "missing"},
		{completions, `{"prompt":[]}`, "prompt", "", "missing or empty"},
		{completions, `{"prompt":""}`, "prompt", "", "at least one token"},
		{completions, `{"prompt":[5,-1]}`, "prompt", "", "token 1 is -1"},
		{completions, `{"prompt":"a","force_tokens":[]}`, "force_tokens", "", "at least one"},
		{completions, `{"prompt":"a","force_tokens":[5000]}`, "force_tokens", "", "token 0 is 5000"},
		{completions, `{"prompt":"a","force_tokens":[1,2],"max_tokens":3}`, "max_tokens", "", "leave max_tokens out"},
		{completions, `{"prompt":"a","force_tokens":[1],"n":2}`, "force_tokens", "", "one choice"},
		{completions, `{"prompt":["a","b"],"force_tokens":[1]}`, "force_tokens", "", "one prompt"},
		{chatPath, `{` + hello + `,"top_logprobs":1}`, "top_logprobs", "", "logprobs set to true"},
		{chatPath, `{` + hello + `,"logprobs":true,"top_logprobs":21}`, "top_logprobs", "", "from 0 to 20"},
		{chatPath, `{` + hello + `,"max_tokens":1,"max_completion_tokens":2}`, "max_tokens", "", "set one"},

		// what is not done
		{completions, `{"prompt":"a","logit_bias":{"1":2}}`, "logit_bias", "unsupported_parameter", "set it to {}"},
		{completions, `{"prompt":"a","presence_penalty":0.5}`, "presence_penalty", "unsupported_parameter", "set it to 0"},
		{completions, `{"prompt":"a","echo":true}`, "echo", "unsupported_parameter", "set it to false"},
		{completions, `{"prompt":"a","best_of":2}`, "best_of", "unsupported_parameter", "set it to 1"},
		{completions, `{"prompt":"a","guided_json":{}}`, "guided_json", "unsupported_parameter", "leave it out"},
		{completions, `{"prompt":"a","max_token":3}`, "max_token", "", `did you mean "max_tokens"?`},
		{completions, `{"prompt":"a","` + strings.Repeat("x", 1<<20) + `":3}`, "", "", "xxx..."},
		{completions, `{"prompt":"a","max_tokens":` + strings.Repeat("1", 1<<20) + `}`, "max_tokens", "", "111..."},
		{chatPath, `{` + hello + `,"frequency_penalty":1}`, "frequency_penalty", "unsupported_parameter", "set it to 0"},
		{chatPath, `{` + hello + `,"functions":[]}`, "functions", "unsupported_parameter", "leave it out"},
		{chatPath, `{` + hello + `,"modalities":["audio"]}`, "modalities", "unsupported_parameter", `["text"]`},

		// conversations, tools and formats
		{chatPath, `{}`, "messages", "", "missing"},
		{chatPath, `{"messages":[{"role":"user"}]}`, "messages[0].content", "", "missing"},
		{chatPath, `{"messages":[{"role":"wizard","content":"x"}]}`, "messages[0].role", "", "wizard"},
		{chatPath, `{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]}]}`, "messages[0].tool_calls[0].arguments", "", "not a JSON object"},
		{chatPath, `{` + hello + `,"tools":[{"type":"retrieval"}]}`, "tools[0].type", "", "function"},
		{chatPath, `{` + hello + `,"tools":[{"type":"function","function":{"name":"a b"}}]}`, "tools[0].name", "", "a b"},
		{chatPath, `{` + hello + `,"tool_choice":"required"}`, "tool_choice", "", "no tools"},
		{chatPath, `{` + hello + `,` + oneTool + `,"tool_choice":"perhaps"}`, "tool_choice", "", `"none", "auto"`},
		{chatPath, `{` + hello + `,` + oneTool + `,"tool_choice":{"type":"function","function":{"name":"g"}}}`, "tool_choice", "", "none of the tools"},
		{chatPath, `{` + hello + `,` + oneTool + `,"tool_choice":7}`, "tool_choice", "", "must be"},
		{chatPath, `{` + hello + `,"response_format":{"type":"yaml"}}`, "response_format.type", "", "json_object"},
		{chatPath, `{` + hello + `,"response_format":{"type":"json_schema"}}`, "response_format.json_schema", "", "schema"},

		// what the context holds
		{completions, `{"prompt":"a","max_tokens":2048}`, "prompt", "context_length_exceeded", "2048 tokens; the prompt has 1"},
		{completions, `{"prompt":"` + strings.Repeat("a", testContext) + `"}`, "prompt", "context_length_exceeded", "the prompt has 2048"},
		{chatPath, `{"messages":[{"role":"user","content":"` + strings.Repeat("a", testContext) + `"}]}`, "messages", "context_length_exceeded", "Shorten"},
	} {
		a := w.post(t, c.path, c.body)
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", c.body, a.status, a.body)
			continue
		}
		p := parseProblem(t, a)
		if len(a.body) > 2*maxMessage {
			t.Errorf("the answer to %.40s has %d bytes", c.body, len(a.body))
		}
		if p.Type != "invalid_request_error" || deref(p.Param) != c.param || deref(p.Code) != c.code || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s %s\nanswered param %q, code %q, %q\nwant param %q, code %q and %q", c.path, c.body, deref(p.Param), deref(p.Code), p.Message, c.param, c.code, c.says)
		}
	}
	w.empty(t)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestHarmlessParameters sends what changes nothing and must not be refused.
func TestHarmlessParameters(t *testing.T) {
	w := newWorld(t, nil)
	plain := w.post(t, chatPath, `{`+hello+`,"max_tokens":2}`)
	for _, extra := range []string{
		`"user":"u","metadata":{"a":"b"},"store":true,"service_tier":"auto","prompt_cache_key":"k"`,
		`"presence_penalty":0,"frequency_penalty":0.0,"logit_bias":{},"best_of":1`,
		`"logit_bias":null,"n":null,"seed":null,"stop":null,"temperature":null,"tools":null,"tool_choice":null,"response_format":null,"stream_options":null`,
		`"modalities":["text"],"tool_choice":"auto","parallel_tool_calls":true,"response_format":{"type":"text"}`,
		`"top_k":-1,"min_p":0,"ignore_eos":false,"stop_token_ids":[],"priority":0,"repetition_penalty":1,"skip_special_tokens":true`,
	} {
		a := w.post(t, chatPath, `{`+hello+`,"max_tokens":2,`+extra+`}`)
		if got, want := parse[chatCompletion](t, a), parse[chatCompletion](t, plain); *got.Choices[0].Message.Content != *want.Choices[0].Message.Content {
			t.Errorf("%s changed the output to %s", extra, a.body)
		}
	}
}

func TestOtherErrors(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.config.MaxBody = 1000 })
	ask := func(method, path, kind, body string) answer {
		r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, resp)
	}
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		code, says               string
	}{
		{"GET", chatPath, "", "", 405, "method_not_allowed", "takes POST"},
		{"DELETE", "/v1/models", "", "", 405, "method_not_allowed", "takes GET"},
		{"GET", "/v1/embeddings", "", "", 404, "not_found", "POST /v1/chat/completions"},
		{"POST", completions, "application/json", `{"model":"gpt-5","prompt":"a"}`, 404, "model_not_found", `this server has "test-model"`},
		{"POST", completions, "", `{"prompt":"a"}`, 415, "", "Content-Type: application/json"},
		{"POST", completions, "application/x-www-form-urlencoded", `{"prompt":"a"}`, 415, "", "x-www-form-urlencoded"},
		{"POST", completions, "application/json; charset=utf-8", `{"prompt":"` + strings.Repeat("a", 1000) + `"}`, 413, "request_too_large", "1000 bytes"},
	} {
		a := ask(c.method, c.path, c.kind, c.body)
		p := parseProblem(t, a)
		if a.status != c.status || deref(p.Code) != c.code || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s %s: %d %s, want %d, %q and %q", c.method, c.path, a.status, a.body, c.status, c.code, c.says)
		}
	}
	if a := ask("DELETE", "/v1/models", "", ""); a.header.Get("Allow") != "GET" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
	if a := ask("HEAD", "/health", "", ""); a.status != http.StatusOK {
		t.Errorf("HEAD /health: %d", a.status)
	}
}

func TestKey(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.config.APIKey = "secret" })
	ask := func(path, header string) int {
		r, _ := http.NewRequest("GET", w.url+path, nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a := read(t, resp)
		if a.status == http.StatusUnauthorized && *parseProblem(t, a).Code != "invalid_api_key" {
			t.Errorf("%s", a.body)
		}
		return a.status
	}
	for header, want := range map[string]int{"": 401, "secret": 401, "Bearer wrong": 401, "Bearer secret": 200} {
		if got := ask("/v1/models", header); got != want {
			t.Errorf("with %q: %d, want %d", header, got, want)
		}
	}
	if a, b := ask("/health", ""), ask("/metrics", ""); a != 200 || b != 200 {
		t.Errorf("health %d and metrics %d need no key", a, b)
	}
}

func TestRequestIDs(t *testing.T) {
	w := newWorld(t, nil)
	for sent, want := range map[string]string{"": "0", "abc-123": "abc-123", "with space": "0", strings.Repeat("x", 129): "0"} {
		r, _ := http.NewRequest("GET", w.url+"/health", nil)
		r.Header.Set(requestIDHeader, sent)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, resp).header.Get(requestIDHeader); got != want {
			t.Errorf("sent %q, got %q, want %q", sent, got, want)
		}
	}
}

func TestEngineFailure(t *testing.T) {
	for name, body := range map[string]string{
		"whole":  `{"prompt":"abc","max_tokens":50}`,
		"stream": `{"prompt":"abc","max_tokens":50,"stream":true}`,
		"two":    `{"prompt":["abc","def"],"max_tokens":50,"stream":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *setup) {
				slowDevice(time.Millisecond)(s)
				s.wrap = func(b backend.Backend) backend.Backend { return &failing{Backend: b, left: 20} }
			})
			a := w.post(t, completions, body)
			if name == "whole" {
				if p := parseProblem(t, a); a.status != 500 || p.Type != "server_error" || !strings.Contains(p.Message, "on fire") {
					t.Errorf("%d %s", a.status, a.body)
				}
			} else {
				list := events(t, a.body)
				last := parseProblem(t, answer{body: list[len(list)-1]})
				if a.status != 200 || len(list) < 3 || !strings.Contains(last.Message, "on fire") {
					t.Errorf("%d, %d events, %q", a.status, len(list), last.Message)
				}
			}
			if a := w.get(t, "/health"); a.status != 503 {
				t.Errorf("health is %d after the failure", a.status)
			}
			if a := w.post(t, completions, body); a.status != 500 {
				t.Errorf("the next request: %d %s", a.status, a.body)
			}
		})
	}
}

func TestSlowBody(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.config.BodyTimeout = 50 * time.Millisecond })
	conn := dial(t, w)
	conn.write("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"prompt\"")
	if got := conn.read(); !strings.Contains(got, "408 Request Timeout") || !strings.Contains(got, "did not arrive within 50ms") {
		t.Errorf("a body that does not come: %q", got)
	}
}
