package builtin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tierlab/reference/tools"
)

// Fetch is what http_fetch may reach, and within which bounds.
type Fetch struct {
	// Hosts are names in lower case, each exact or, with a leading dot, standing
	// for all names below it: ".example.com" is a.example.com and not
	// example.com. An address is a name of its own.
	Hosts []string
	// Schemes are https, and http where it is listed. Ports are those that may be
	// named; none stands for the scheme's own.
	Schemes []string
	Ports   []string
	// Private permits addresses that are not public: of this machine, of its
	// networks and of clouds' metadata servers.
	Private bool
	Post    Post
	// MaxBytes is what is read of a body, 256 KiB if 0; Timeout is of the whole
	// request, 20 s if 0.
	MaxBytes int
	Timeout  time.Duration
}

// Post says what may be posted.
type Post uint8

// Without PostOnce or PostKeyed, http_fetch only gets and is Pure. With PostOnce
// it is of the class Once. PostKeyed says that the servers keep idempotency
// keys: http_fetch is Keyed and sends the call's as Idempotency-Key.
const (
	NoPost Post = iota
	PostOnce
	PostKeyed
)

// fetcher is a Fetch with its client.
type fetcher struct {
	Fetch
	client *http.Client
}

func httpFetch(f Fetch) (tools.Tool, error) {
	if err := f.check(); err != nil {
		return tools.Tool{}, fmt.Errorf("built in: http_fetch: %w", err)
	}
	if f.MaxBytes == 0 {
		f.MaxBytes = 256 << 10
	}
	if f.Timeout == 0 {
		f.Timeout = 20 * time.Second
	}
	methods, repeat := `"GET"`, tools.Pure
	switch f.Post {
	case PostOnce:
		methods, repeat = `"GET","POST"`, tools.Once
	case PostKeyed:
		methods, repeat = `"GET","POST"`, tools.Keyed
	}
	g := &fetcher{Fetch: f}
	g.client = &http.Client{CheckRedirect: g.redirect, Transport: g.transport()}
	return tools.Tool{
		Name: "http_fetch",
		Description: fmt.Sprintf("Make an HTTP request and get status, headers and the first %d bytes of the body. Hosts that can be reached: %s.",
			f.MaxBytes, strings.Join(f.Hosts, ", ")),
		Input: json.RawMessage(`{"type":"object","properties":{"url":{"type":"string","minLength":1,"maxLength":4000},"method":{"enum":[` + methods + `]},` +
			`"headers":{"type":"object","additionalProperties":{"type":"string"}},"body":{"type":"string"}},"required":["url"],"additionalProperties":false}`),
		Output: json.RawMessage(`{"type":"object","properties":{"status":{"type":"integer"},"url":{"type":"string"},"headers":{"type":"object","additionalProperties":{"type":"string"}},` +
			`"body":{"type":"string"},"base64":{"type":"string"},"cut":{"type":"boolean"}},"required":["status","url","headers","cut"],"additionalProperties":false}`),
		Repeat: repeat, Timeout: f.Timeout, Outward: true, Run: typed(g.run),
	}, nil
}

func (f *Fetch) check() error {
	if len(f.Hosts) == 0 {
		return errors.New("the list of hosts is empty: name those that may be reached")
	}
	for _, host := range f.Hosts {
		if host == "" || host == "." || host != strings.ToLower(host) || strings.ContainsAny(host, "/*@ \t") {
			return fmt.Errorf("host %q: want a name in lower case, or one with a leading dot for all below it", host)
		}
	}
	for _, scheme := range f.Schemes {
		if scheme != "http" && scheme != "https" {
			return fmt.Errorf("scheme %q: want http or https", scheme)
		}
	}
	return nil
}

func (g *fetcher) transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !g.Private {
		dialer.Control = publicOnly
	}
	return &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, // and no proxy, which would dial for us
		TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns: 16, MaxConnsPerHost: 16, IdleConnTimeout: 30 * time.Second,
	}
}

// permits says why a URL may not be fetched.
func (g *fetcher) permits(u *url.URL) error {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	schemes := g.Schemes
	if len(schemes) == 0 {
		schemes = []string{"https"}
	}
	switch {
	case !slices.Contains(schemes, u.Scheme):
		return denied(fmt.Sprintf("scheme %s: want %s", quoted(u.Scheme), strings.Join(schemes, " or ")))
	case u.User != nil:
		return denied("the URL holds a user's name: want none")
	case u.Port() != "" && !slices.Contains(g.Ports, u.Port()) && !(len(g.Ports) == 0 && u.Port() == usual(u.Scheme)):
		return denied(fmt.Sprintf("port %s may not be reached", quoted(u.Port())))
	case u.Port() == "" && len(g.Ports) > 0 && !slices.Contains(g.Ports, usual(u.Scheme)):
		return denied(fmt.Sprintf("name a port: want %s", strings.Join(g.Ports, " or ")))
	}
	for _, allowed := range g.Hosts {
		if host == allowed || strings.HasPrefix(allowed, ".") && strings.HasSuffix(host, allowed) && host != allowed {
			return nil
		}
	}
	return denied(fmt.Sprintf("host %s may not be reached: want one of %s", quoted(host), strings.Join(g.Hosts, ", ")))
}

func usual(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// maxRedirects is how many are followed.
const maxRedirects = 5

// redirect lets a redirect stay on the list. What the model sent as headers is
// meant for the first host only.
func (g *fetcher) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return denied(fmt.Sprintf("more than %d redirects", maxRedirects))
	}
	if err := g.permits(r.URL); err != nil {
		return fmt.Errorf("redirected: %w", err)
	}
	if r.URL.Host != via[0].URL.Host {
		key := r.Header.Get(keyHeader)
		r.Header = http.Header{}
		if key != "" {
			r.Header.Set(keyHeader, key)
		}
	}
	return nil
}

const keyHeader = "Idempotency-Key"

// fetchArguments are http_fetch's.
type fetchArguments struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// fetched is its result: Body where it is text, Base64 where it is not.
type fetched struct {
	Status  int               `json:"status"`
	URL     string            `json:"url"` // after redirects
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body,omitempty"`
	Base64  string            `json:"base64,omitempty"`
	Cut     bool              `json:"cut"`
}

func (g *fetcher) run(ctx context.Context, c *tools.Call, a fetchArguments) (tools.Result, error) {
	request, err := g.request(ctx, c, a)
	if err != nil {
		return tools.Fail("%v", err), nil
	}
	response, err := g.client.Do(request)
	var no denied
	switch {
	case errors.As(err, &no):
		return tools.Fail("%v", no), nil
	case unsent(err):
		return tools.Result{}, tools.NotDone(err)
	case err != nil:
		return tools.Result{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(g.MaxBytes)+1))
	if err != nil {
		return tools.Result{}, fmt.Errorf("reading the answer of %s: %w", request.URL.Host, err)
	}
	f := fetched{Status: response.StatusCode, URL: response.Request.URL.String(), Headers: map[string]string{}, Cut: len(body) > g.MaxBytes}
	f.take(body[:min(len(body), g.MaxBytes)])
	for _, name := range []string{"Content-Type", "Content-Length", "Date", "Etag", "Last-Modified", "Link", "Location", "Retry-After"} {
		if v := response.Header.Get(name); v != "" {
			f.Headers[name] = v
		}
	}
	return answer(f)
}

// unsent says that a request failed before there was a connection to send it on.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// take keeps a body as text if it is text, perhaps cut within its last character.
func (f *fetched) take(body []byte) {
	text := body
	for i := 0; f.Cut && i < utf8.UTFMax-1 && len(text) > 0 && !utf8.Valid(text); i++ {
		text = text[:len(text)-1]
	}
	if utf8.Valid(text) {
		f.Body = string(text)
		return
	}
	f.Base64 = base64.StdEncoding.EncodeToString(body)
}

// request is the request for a call, or why there can be none.
func (g *fetcher) request(ctx context.Context, c *tools.Call, a fetchArguments) (*http.Request, error) {
	if a.Method == "" {
		a.Method = http.MethodGet
	}
	if a.Method == http.MethodGet && a.Body != "" {
		return nil, errors.New("a GET has no body")
	}
	r, err := http.NewRequestWithContext(ctx, a.Method, a.URL, strings.NewReader(a.Body))
	if err != nil {
		return nil, err
	}
	if err := g.permits(r.URL); err != nil {
		return nil, err
	}
	for name, value := range a.Headers {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Host", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Te", "Trailer", keyHeader, "Proxy-Authorization", "Proxy-Connection":
			return nil, fmt.Errorf("header %s is not yours to set", name)
		}
		r.Header.Set(name, value)
	}
	if g.Post == PostKeyed && a.Method == http.MethodPost {
		r.Header.Set(keyHeader, c.Key)
	}
	return r, nil
}
