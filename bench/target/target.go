package target

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Target is a server. Its methods may be called by many goroutines.
type Target struct {
	base  string
	model string
	key   string
	http  *http.Client
}

// New makes a target of a base URL such as http://127.0.0.1:8000/v1 (the
// version may be left out), the model's name there and an API key, which may be
// empty.
func New(base, model, key string) *Target {
	base = strings.TrimSuffix(base, "/")
	if !strings.HasSuffix(base, "/v1") {
		base += "/v1"
	}
	return &Target{base: base, model: model, key: key, http: &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 1024, // calls in flight differ; a new connection is no part of a call
		DisableCompression:  true,
	}}}
}

// Close ends idle connections.
func (t *Target) Close() { t.http.CloseIdleConnections() }

// Call is one model call.
type Call struct {
	Prompt    []int32
	MaxTokens int
	// Force are the tokens to answer with, through the model's forward pass:
	// tierlab's engine only.
	Force   []int32
	Session string
	Keep    time.Duration // how long the context will be wanted: tierlab's engine only
	Tenant  string        // contexts of different tenants share no cache
	// Extended says that the server is tierlab's, so that fields which others
	// refuse may be sent.
	Extended bool
	// OnFirst, if not nil, is called when the first token has come.
	OnFirst func()
}

// Answer is what came of a call. Times are since the start that Do was given.
type Answer struct {
	Sent   time.Duration
	First  time.Duration   // first chunk with a token
	Done   time.Duration   // the stream's end
	Chunks []time.Duration // when each chunk with a token had come
	Tokens []int32         // ids, where the server returns them
	Output int             // tokens by the server's usage, or by counting chunks

	Prompt, Cached int // by the server's usage
	// Server are the server's own times, where it tells them.
	Server *Timings
}

// Timings are a server's account of a request.
type Timings struct {
	Queue   float64 `json:"queue_ms"`
	Prefill float64 `json:"prefill_ms"`
	Decode  float64 `json:"decode_ms"`
}

// StatusError is an answer other than 200.
type StatusError struct {
	Status  int
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.Status, e.Message) }

// request is the body of /v1/completions.
type request struct {
	Model         string         `json:"model"`
	Prompt        []int32        `json:"prompt"`
	MaxTokens     int            `json:"max_tokens"`
	Temperature   float64        `json:"temperature"`
	Stream        bool           `json:"stream"`
	StreamOptions map[string]any `json:"stream_options"`
	IgnoreEOS     bool           `json:"ignore_eos"`
	CacheSalt     string         `json:"cache_salt,omitempty"`
	ReturnIDs     bool           `json:"return_token_ids,omitempty"`
	ReturnTimings bool           `json:"return_timings,omitempty"`
	Session       string         `json:"session,omitempty"`
	KeepMS        int64          `json:"keep_ms,omitempty"`
	ForceTokens   []int32        `json:"force_tokens,omitempty"`
}

// Do makes a call. Times are measured from start, which is one for a whole run.
func (t *Target) Do(ctx context.Context, start time.Time, c *Call) (Answer, error) {
	a := Answer{Sent: time.Since(start)} // writing the request down is part of its way
	r := request{
		Model: t.model, Prompt: c.Prompt, MaxTokens: c.MaxTokens, Stream: true, IgnoreEOS: true, CacheSalt: c.Tenant,
		StreamOptions: map[string]any{"include_usage": true},
	}
	if c.Extended {
		r.ReturnIDs, r.ReturnTimings = true, true
		r.Session, r.KeepMS, r.ForceTokens = c.Session, c.Keep.Milliseconds(), c.Force
	}
	body, err := json.Marshal(&r)
	if err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+"/completions", bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if t.key != "" {
		req.Header.Set("Authorization", "Bearer "+t.key)
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, refused(resp)
	}
	return a, a.read(resp.Body, start, c.OnFirst)
}

// refused reads an error in OpenAI's shape, or what else the server said.
func refused(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	var e struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(text, &e) == nil && e.Error.Message != "" {
		return &StatusError{resp.StatusCode, e.Error.Message}
	}
	return &StatusError{resp.StatusCode, strings.TrimSpace(string(text))}
}
