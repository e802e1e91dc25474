package mcp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"tierlab/reference/tools"
)

// Offer is a registry as an MCP server offers it. Tools that ask for approval are
// left out, since a client could not be asked.
type Offer struct {
	Registry *tools.Registry
	Version  string
	// Tools are the names to offer; none offers all.
	Tools []string
}

// Stream serves one client over a pair of streams, such as the standard ones,
// until it leaves or ctx ends. What its calls keep is gone with it.
func (o Offer) Stream(ctx context.Context, in io.Reader, out io.Writer) error {
	server, err := o.server()
	if err != nil {
		return err
	}
	return server.Run(ctx, &sdk.IOTransport{Reader: io.NopCloser(in), Writer: open{out}, MaxLineLength: maxMessage})
}

// open is a stream that stays open.
type open struct{ io.Writer }

func (open) Close() error { return nil }

// idle is how long an HTTP client's session is kept without a request.
const idle = 30 * time.Minute

// Handler serves clients over streamable HTTP, each with a state of its own.
// Requests that a browser makes for another site's page are refused.
func (o Offer) Handler() (http.Handler, error) {
	if _, err := o.server(); err != nil {
		return nil, err
	}
	handler := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server {
		server, err := o.server()
		if err != nil { // a tool has been removed since
			return nil
		}
		return server
	}, &sdk.StreamableHTTPOptions{SessionTimeout: idle})
	return http.NewCrossOriginProtection().Handler(handler), nil
}

// server is a server for one client.
func (o Offer) server() (*sdk.Server, error) {
	names := o.Tools
	if len(names) == 0 {
		names = o.Registry.Names()
	}
	c := &client{registry: o.Registry, session: "mcp-" + rand.Text(), state: tools.NewOverlay(nil), made: map[string]*made{}}
	server := sdk.NewServer(&sdk.Implementation{Name: "tierlab", Version: o.Version}, &sdk.ServerOptions{Capabilities: &sdk.ServerCapabilities{}})
	for _, name := range names {
		t, ok := o.Registry.Lookup(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("mcp: there is no tool %q", name)
		case t.Approval:
			continue
		}
		c.tools = append(c.tools, name)
		server.AddTool(definition(t), func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return c.call(ctx, t, r)
		})
	}
	return server, nil
}

// definition is a tool as a client sees it. Clients of older versions want an
// output to be an object.
func definition(t *tools.Tool) *sdk.Tool {
	d := &sdk.Tool{Name: t.Name, Description: t.Description, InputSchema: t.Input,
		Annotations: &sdk.ToolAnnotations{IdempotentHint: t.Repeat != tools.Once}}
	var output struct{ Type string }
	if json.Unmarshal(t.Output, &output) == nil && output.Type == "object" {
		d.OutputSchema = t.Output
	}
	return d
}

// client is one client with what its calls keep.
type client struct {
	registry *tools.Registry
	session  string
	tools    []string
	state    *tools.Overlay
	serial   sync.Mutex // held by a call that uses the state

	mu    sync.Mutex
	calls int
	made  map[string]*made // by the client's idempotency key
	order []string
}

// made is a call that was made or is being made.
type made struct {
	done   chan struct{}
	result *sdk.CallToolResult
}

// maxMade is how many calls are remembered by their keys.
const maxMade = 1024

// call makes a call, once for each idempotency key.
func (c *client) call(ctx context.Context, t *tools.Tool, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	key, _ := r.Params.Meta[KeyMeta].(string)
	c.mu.Lock()
	c.calls++
	number := c.calls
	before := c.made[key]
	now := &made{done: make(chan struct{})}
	if key != "" && before == nil {
		c.made[key] = now
		if c.order = append(c.order, key); len(c.order) > maxMade {
			delete(c.made, c.order[0])
			c.order = slices.Delete(c.order, 0, 1)
		}
	}
	c.mu.Unlock()
	if key != "" && before != nil {
		select {
		case <-before.done:
			return before.result, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer close(now.done)
	if key == "" {
		key = tools.Key(c.session, number, 0)
	}
	now.result = c.make(ctx, t, &tools.Call{Session: c.session, Step: number, Key: key, Arguments: r.Params.Arguments, State: c.state, Tools: c.tools})
	return now.result, nil
}

func (c *client) make(ctx context.Context, t *tools.Tool, call *tools.Call) *sdk.CallToolResult {
	if t.Serial() {
		c.serial.Lock()
		defer c.serial.Unlock()
	}
	result, err := c.registry.Call(ctx, t.Name, call)
	c.state.Apply(result.Writes)
	answer := &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: string(result.Content)}}, IsError: err != nil || result.Failed}
	if len(result.Content) > 0 && result.Content[0] == '{' && !answer.IsError {
		answer.StructuredContent = result.Content
	}
	return answer
}
