package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tierlab/workloads"
)

// DefaultPatience is how long a server may send nothing: some time for a queue
// and a long prompt, since the machine's own limit on an attempt is longer.
const DefaultPatience = 5 * time.Minute

// EndpointConfig says which server is called, and for which model.
type EndpointConfig struct {
	// URL is the API's base, such as http://127.0.0.1:8000 (then /v1 is added)
	// or https://example.com/openai/v1.
	URL   string
	Model string // as the server names it
	Key   string // sent as a bearer token; "": none
	// Patience is how long the server may send nothing; 0: DefaultPatience.
	Patience time.Duration
	// Transport carries the requests; nil: connections of the Endpoint's own.
	Transport http.RoundTripper
}

// Endpoint is a server with the OpenAI API. It is a Caller.
type Endpoint struct {
	cfg  EndpointConfig
	base string
	http *http.Client
	// extended says that the server is one of this project's, which takes fields
	// that others refuse.
	extended bool
	// density is the most tokens for a byte of conversation that the server has
	// counted, as the bits of a float64.
	density atomic.Uint64
}

// NewEndpoint makes an Endpoint. It sends nothing: see Connect.
func NewEndpoint(cfg EndpointConfig) (*Endpoint, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("hub: the endpoint's URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("hub: the endpoint's URL is %q: it is http://HOST[:PORT][/PATH] or the same with https", cfg.URL)
	case u.User != nil:
		return nil, errors.New("hub: the endpoint's URL holds a user or password; a key goes into the environment")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("hub: the endpoint's URL %q is a base, without ? and #", cfg.URL)
	case cfg.Model == "":
		return nil, errors.New("hub: the endpoint's model needs a name")
	}
	if u.Path = strings.TrimRight(u.Path, "/"); u.Path == "" {
		u.Path = "/v1"
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 256, // calls in flight differ; a new connection is no part of a call
			ForceAttemptHTTP2:   true,
		}
	}
	return &Endpoint{cfg: cfg, base: u.String(), http: &http.Client{Transport: cfg.Transport, CheckRedirect: sameServer}}, nil
}

// sameServer keeps conversations with the server that was named: a redirect to
// another one would carry them there.
func sameServer(r *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return errors.New("more than 5 redirects")
	}
	if r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
		return fmt.Errorf("it redirects to %s://%s: name that server if it is the one that is meant", r.URL.Scheme, r.URL.Host)
	}
	return nil
}

// Connect asks the server what it serves, so that a wrong address, key or model
// is told before a session begins. Servers without a list of models are taken at
// their word.
func (e *Endpoint) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	resp, err := e.send(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return fmt.Errorf("hub: %s does not answer: %w", e.base, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		return fmt.Errorf("hub: %s refuses the key: %w", e.base, refusal(resp))
	}
	var list struct {
		Data []struct {
			ID      string `json:"id"`
			OwnedBy string `json:"owned_by"`
		} `json:"data"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, 1<<22)).Decode(&list) != nil || len(list.Data) == 0 {
		return nil
	}
	var names []string
	for _, m := range list.Data {
		if m.ID == e.cfg.Model {
			e.extended = m.OwnedBy == "tierlab"
			return nil
		}
		names = append(names, m.ID)
	}
	return fmt.Errorf("hub: %s has no model %q%s", e.base, e.cfg.Model, hint(e.cfg.Model, names))
}

// Close ends idle connections.
func (e *Endpoint) Close() { e.http.CloseIdleConnections() }

// Count is Caller's: an estimate, at the most tokens for a byte that the server
// has counted so far, or at Estimate's where that is more.
func (e *Endpoint) Count(c *Call) int {
	bytes, _ := size(c)
	return max(estimate(c), int(math.Ceil(float64(bytes)*math.Float64frombits(e.density.Load()))))
}

// learn takes in how many tokens a server counted.
func (e *Endpoint) learn(c *Call, tokens int) {
	bytes, _ := size(c)
	if bytes == 0 {
		return
	}
	seen := float64(tokens) / float64(bytes)
	for {
		old := e.density.Load()
		if math.Float64frombits(old) >= seen || e.density.CompareAndSwap(old, math.Float64bits(seen)) {
			return
		}
	}
}

// Call is Caller's.
func (e *Endpoint) Call(ctx context.Context, c *Call) (*Answer, error) {
	if c.Prompt != nil {
		return nil, faultf(workloads.StatusError, "a recorded call is token ids, which only an engine in this process takes")
	}
	body, err := json.Marshal(e.request(c))
	if err != nil {
		return nil, faultf(workloads.StatusError, "writing the request: %w", err)
	}
	watched, w := watch(ctx, e.cfg.Patience)
	defer w.stop()
	start := time.Now()
	resp, err := e.send(watched, http.MethodPost, "/chat/completions", body)
	if err != nil {
		return nil, w.fault(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, status(resp)
	}
	s := stream{start: start, first: c.First, alive: w.alive}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		err = s.whole(resp.Body)
	} else {
		err = s.read(resp.Body)
	}
	if err != nil {
		failed := w.fault(ctx, err)
		failed.Input, failed.Output = s.input(c), s.output()
		return nil, failed
	}
	if s.usage != nil {
		e.learn(c, s.usage.Prompt)
	}
	return s.answer(c), nil
}

// send makes a request. A base is followed by a path of the API.
func (e *Endpoint) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if e.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+e.cfg.Key)
	}
	return e.http.Do(req)
}

// status is the failure of an answer other than 200.
func status(resp *http.Response) *Error {
	e := &Error{Status: workloads.StatusError, Err: refusal(resp), After: retryAfter(resp.Header.Get("Retry-After"))}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		e.Status = workloads.StatusRejected
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		e.Status = workloads.StatusTimeout
	}
	return e
}

// refusal is an error in OpenAI's shape, or what else the server said.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	message := strings.TrimSpace(string(text))
	var e struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(text, &e) == nil && e.Error.Message != "" {
		message = e.Error.Message
	}
	// Errors are written to journals, and some servers repeat the key in them.
	if key := strings.TrimPrefix(resp.Request.Header.Get("Authorization"), "Bearer "); key != "" {
		message = strings.ReplaceAll(message, key, "(the key)")
	}
	return fmt.Errorf("HTTP %d: %s", resp.StatusCode, strings.ToValidUTF8(message, ""))
}

// retryAfter reads the header's seconds or date (RFC 9110, 10.2.3).
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 86400)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
