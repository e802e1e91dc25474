package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// connection is one connection to a server, from its start to its death.
type connection struct {
	session *sdk.ClientSession
	allowed *allowance
	process *process // nil over HTTP
	life    context.Context
	cancel  context.CancelFunc
	begun   time.Time
}

// connect makes a connection within the server's time to start. changed is
// called when the server says that its tools have changed.
func connect(ctx context.Context, s *Server, changed func()) (*connection, error) {
	c := &connection{allowed: newAllowance(), begun: time.Now()}
	transport, err := c.transport(s)
	if err != nil {
		return nil, err
	}
	// The connection lives as long as its context, so that is not the caller's.
	c.life, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	late := errors.New("it has not answered in time")
	timer := time.AfterFunc(s.Start, func() { c.end(false) })
	stop := context.AfterFunc(ctx, func() { c.end(false) })
	client := sdk.NewClient(&sdk.Implementation{Name: "tierlab", Version: "1"}, &sdk.ClientOptions{
		Capabilities:           &sdk.ClientCapabilities{},
		MultiRoundTrip:         &sdk.MultiRoundTripOptions{Disabled: true},
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { changed() },
	})
	type connected struct {
		session *sdk.ClientSession
		err     error
	}
	done := make(chan connected, 1)
	go func() { // which may hang in a write to a server that does not read
		session, err := client.Connect(c.life, transport, nil)
		done <- connected{session, err}
	}()
	var r connected
	select {
	case r = <-done:
	case <-c.life.Done():
		r.err = late
	}
	inTime := timer.Stop()
	if calledOff := !stop(); r.err == nil && inTime && !calledOff {
		c.session = r.session
		go c.watch()
		return c, nil
	}
	c.end(false)
	switch {
	case ctx.Err() != nil:
		r.err = context.Cause(ctx)
	case !inTime:
		r.err = fmt.Errorf("%w: %v", late, s.Start)
	}
	return nil, fmt.Errorf("no connection: %w%s", r.err, c.why())
}

func (c *connection) transport(s *Server) (sdk.Transport, error) {
	if s.URL == "" {
		p, err := start(s)
		if err != nil {
			return nil, fmt.Errorf("its command does not start: %w", err)
		}
		c.process = p
		return &sdk.IOTransport{Reader: metered{p.out, c.allowed}, Writer: p.in, MaxLineLength: maxMessage}, nil
	}
	client := &http.Client{
		Transport: &bounded{http.DefaultTransport, s.Headers, c.allowed},
		// Headers may hold a secret, which is for this server only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &sdk.StreamableClientTransport{Endpoint: s.URL, HTTPClient: client, MaxEventSize: maxMessage}, nil
}

// bounded adds a server's headers to requests and bounds its answers.
type bounded struct {
	below   http.RoundTripper
	headers map[string]string
	allowed *allowance
}

func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range b.headers {
		r.Header.Set(name, value)
	}
	answer, err := b.below.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body := metered{answer.Body, b.allowed}
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		answer.Body = capped{io.LimitReader(body, maxMessage), answer.Body}
		return answer, nil
	}
	answer.Body = body
	return answer, nil
}

// capped is a reader that ends early.
type capped struct {
	io.Reader
	io.Closer
}

// watch waits for the server to end the connection. Its process, if it is one,
// is ending then and is given the time for that.
func (c *connection) watch() {
	c.session.Wait()
	c.end(true)
}

// end ends the connection, and the server with it if that is a process of ours.
func (c *connection) end(kindly bool) {
	if kindly && c.alive() && c.process == nil {
		told := make(chan struct{})
		go func() {
			c.session.Close() // tells the server that the session is over, and waits for calls
			close(told)
		}()
		select {
		case <-told:
		case <-time.After(grace):
		}
	}
	c.cancel()
	if c.process != nil {
		c.process.stop(kindly)
	}
}

func (c *connection) alive() bool { return c.life.Err() == nil }

// why is what is known of a connection's end, as the rest of a sentence.
func (c *connection) why() string {
	if c.process == nil {
		return ""
	}
	if facts := c.process.why(); facts != "" {
		return " (" + facts + ")"
	}
	return ""
}
