package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// serve answers each completion with the given text, and keeps the last body.
func serve(t *testing.T, status int, text string) (*Target, *map[string]any) {
	body := new(map[string]any)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/completions" || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("%s with authorization %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		*body = nil
		if err := json.NewDecoder(r.Body).Decode(body); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return New(s.URL, "m", "key"), body
}

const done = "data: [DONE]\n\n"

func event(json string) string { return "data: " + json + "\n\n" }

func TestStreams(t *testing.T) {
	for _, c := range []struct {
		name, text   string
		want         Answer // without times
		chunks       int
		errorMention string
	}{
		{"ids and usage", ": a comment\n" + event(`{"choices":[{"text":"a","token_ids":[5]}]}`) +
			event(`{"choices":[{"text":"","token_ids":[6,7]}]}`) +
			event(`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}},"timings":{"queue_ms":1.5}}`) + done,
			Answer{Tokens: []int32{5, 6, 7}, Output: 3, Prompt: 9, Cached: 4, Server: &Timings{Queue: 1.5}}, 2, ""},
		{"no ids, no usage", event(`{"choices":[{"text":""}]}`) + event(`{"choices":[{"text":"a"}]}`) + event(`{"choices":[{"text":"b","finish_reason":"length"}]}`) + done,
			Answer{Output: 2}, 2, ""},
		{"carriage returns", "data: {\"choices\":[{\"text\":\"a\"}]}\r\n\r\ndata: [DONE]\r\n\r\n", Answer{Output: 1}, 1, ""},
		{"cut off", event(`{"choices":[{"text":"a"}]}`), Answer{}, 1, "without [DONE]"},
		{"error event", event(`{"choices":[{"text":"a"}]}`) + event(`{"error":{"message":"out of blocks"}}`), Answer{}, 1, "out of blocks"},
		{"no JSON", event(`{"choices":`) + done, Answer{}, 0, "no JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, _ := serve(t, http.StatusOK, c.text)
			a, err := target.Do(context.Background(), time.Now(), &Call{Prompt: []int32{1}, MaxTokens: 3})
			if c.errorMention != "" {
				if err == nil || !strings.Contains(err.Error(), c.errorMention) {
					t.Fatalf("error %v, want one that says %q", err, c.errorMention)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if len(a.Chunks) != c.chunks || c.chunks > 0 && a.Chunks[0] != a.First {
				t.Errorf("%d chunks, the first at %v, and First is %v; want %d", len(a.Chunks), a.Chunks, a.First, c.chunks)
			}
			if err == nil && !(a.Sent < a.First && a.First <= a.Done) {
				t.Errorf("sent %v, first %v, done %v are not in order", a.Sent, a.First, a.Done)
			}
			if c.errorMention == "" {
				a.Sent, a.First, a.Done, a.Chunks = 0, 0, 0, nil
				if !reflect.DeepEqual(a, c.want) {
					t.Errorf("%+v\nwant %+v", a, c.want)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status     int
		text, want string
	}{
		{429, `{"error":{"message":"the queue is full","type":"rate_limit_exceeded"}}`, "HTTP 429: the queue is full"},
		{502, "<html>bad gateway</html>\n", "HTTP 502: <html>bad gateway</html>"},
	} {
		target, _ := serve(t, c.status, c.text)
		_, err := target.Do(context.Background(), time.Now(), &Call{Prompt: []int32{1}, MaxTokens: 1})
		var status *StatusError
		if !errors.As(err, &status) || status.Status != c.status || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// TestExtensions: fields that only tierlab's engine knows are sent to it alone,
// since other servers refuse what they do not know.
func TestExtensions(t *testing.T) {
	target, body := serve(t, 200, event(`{"choices":[{"text":"a"}]}`)+done)
	call := Call{Prompt: []int32{1, 2}, MaxTokens: 2, Force: []int32{8, 9}, Session: "s", Keep: 1500 * time.Millisecond}
	for _, extended := range []bool{false, true} {
		call.Extended = extended
		if _, err := target.Do(context.Background(), time.Now(), &call); err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"force_tokens", "session", "keep_ms", "return_token_ids", "return_timings"} {
			if _, sent := (*body)[field]; sent != extended {
				t.Errorf("extended %v: %s sent: %v", extended, field, sent)
			}
		}
	}
	if got := fmt.Sprint((*body)["keep_ms"], (*body)["force_tokens"], (*body)["prompt"]); got != "1500 [8 9] [1 2]" {
		t.Error(got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(event(`{"choices":[{"text":"a","token_ids":[5]}]}`) + done))
	f.Add([]byte("data: {}\n\ndata:[DONE]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var a Answer
		if err := a.read(strings.NewReader(string(text)), time.Now(), nil); err == nil && a.Done == 0 {
			t.Error("no error, and the stream has not ended")
		}
	})
}
