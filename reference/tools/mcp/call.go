package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"tierlab/reference/tools"
)

// KeyMeta is where a request's _meta carries the idempotency key of a call. A
// server that keeps keys performs a call once however often it comes.
const KeyMeta = "tierlab/idempotency-key"

// A server that has let maxOverdue calls in a row run out of time is taken for
// hung: its connection is ended, so that the next call begins anew.
const maxOverdue = 3

// call calls a server's tool. A connection that turns out to have ended before
// anything was sent is made anew.
func (s *server) call(ctx context.Context, theirs string, c *tools.Call) (tools.Result, error) {
	for {
		to, err := s.connected(ctx)
		if err != nil {
			return tools.Result{}, tools.NotDone(fmt.Errorf("server %s: %w", s.Name, err))
		}
		if !s.offers(theirs) {
			return tools.Result{}, tools.Permanent(fmt.Errorf("server %s no longer has the tool", s.Name))
		}
		r, err := s.send(ctx, to, theirs, c)
		switch {
		case err == nil:
			return result(r)
		case errors.Is(err, sdk.ErrConnectionClosed) && ctx.Err() == nil:
			to.end(true)
		default:
			return s.failed(ctx, to, err)
		}
	}
}

func (s *server) offers(theirs string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.offered[theirs]
	return ok
}

func (s *server) send(ctx context.Context, to *connection, theirs string, c *tools.Call) (*sdk.CallToolResult, error) {
	to.allowed.fill()
	stop := context.AfterFunc(ctx, func() { s.late(ctx, to) })
	params := &sdk.CallToolParams{Name: theirs, Arguments: c.Arguments}
	if c.Key != "" {
		params.Meta = sdk.Meta{KeyMeta: c.Key}
	}
	r, err := to.session.CallTool(ctx, params)
	if stop() {
		s.inTime()
	}
	return r, err
}

// late counts a call that has got no answer in time.
func (s *server) late(ctx context.Context, to *connection) {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return
	}
	s.mu.Lock()
	s.overdue++
	hung := s.overdue >= maxOverdue
	if hung {
		s.overdue = 0
	}
	s.mu.Unlock()
	if hung {
		to.end(false)
	}
}

func (s *server) inTime() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overdue = 0
}

// refusals are the codes by which a server says that it has not made a call.
var refusals = []int64{jsonrpc.CodeInvalidParams, jsonrpc.CodeInvalidRequest, jsonrpc.CodeMethodNotFound}

// failed is what becomes of a call without a result. A server's refusal is for
// the model, and its own failure for the machine. Anything else is trouble with
// the connection, which is not used again.
func (s *server) failed(ctx context.Context, to *connection, err error) (tools.Result, error) {
	var theirs *jsonrpc.Error
	answered := errors.As(err, &theirs)
	switch {
	case ctx.Err() != nil:
		return tools.Result{}, ctx.Err()
	case answered && slices.Contains(refusals, theirs.Code):
		return failure(fmt.Sprintf("server %s refused the call: %s", s.Name, theirs.Message))
	case answered:
		return tools.Result{}, fmt.Errorf("server %s: %s", s.Name, clip(theirs.Message, 300))
	}
	to.end(true)
	return tools.Result{}, fmt.Errorf("server %s: %s%s", s.Name, clip(err.Error(), 300), to.why())
}

// maxText is the most bytes of a failure's text.
const maxText = 8 << 10

func failure(text string) (tools.Result, error) {
	content, err := json.Marshal(map[string]string{"error": clip(text, maxText)})
	return tools.Result{Content: content, Failed: true}, err
}

// result maps a server's result: its structured content if there is one, else
// the text if it is all text, else a list of its parts. Pictures and sounds are
// told of and left out: a model that reads JSON has no use for their bytes.
func result(r *sdk.CallToolResult) (tools.Result, error) {
	if r.NeedsInput() {
		return failure("the tool asks its caller for more input, which no one is there to give")
	}
	text, all := texts(r.Content)
	switch {
	case r.IsError && text == "":
		return failure("the tool failed and did not say why")
	case r.IsError:
		return failure(text)
	case r.StructuredContent != nil:
		content, err := json.Marshal(r.StructuredContent)
		return tools.Result{Content: content}, err
	case all:
		content, err := json.Marshal(text)
		return tools.Result{Content: content}, err
	}
	content, err := json.Marshal(parts(r.Content))
	return tools.Result{Content: content}, err
}

// texts joins the texts of a content, and says whether there is nothing else.
func texts(content []sdk.Content) (text string, all bool) {
	var list []string
	for _, c := range content {
		if t, ok := c.(*sdk.TextContent); ok {
			list = append(list, t.Text)
		}
	}
	return strings.Join(list, "\n"), len(list) == len(content)
}

// part is one part of a result as a model reads it.
type part struct {
	Type  string `json:"type"`
	Text  string `json:"text,omitempty"`
	URI   string `json:"uri,omitempty"`
	MIME  string `json:"mime_type,omitempty"`
	Bytes int    `json:"bytes,omitempty"` // of what is left out
}

func parts(content []sdk.Content) []part {
	var list []part
	for _, c := range content {
		switch c := c.(type) {
		case *sdk.TextContent:
			list = append(list, part{Type: "text", Text: c.Text})
		case *sdk.ImageContent:
			list = append(list, part{Type: "image", MIME: c.MIMEType, Bytes: len(c.Data)})
		case *sdk.AudioContent:
			list = append(list, part{Type: "audio", MIME: c.MIMEType, Bytes: len(c.Data)})
		case *sdk.ResourceLink:
			list = append(list, part{Type: "link", URI: c.URI, MIME: c.MIMEType, Text: c.Description})
		case *sdk.EmbeddedResource:
			if c.Resource != nil {
				list = append(list, part{Type: "resource", URI: c.Resource.URI, MIME: c.Resource.MIMEType, Text: c.Resource.Text, Bytes: len(c.Resource.Blob)})
			}
		default:
			list = append(list, part{Type: "other"})
		}
	}
	return list
}

// clip is a text of at most n bytes.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	cut := n - 3
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
