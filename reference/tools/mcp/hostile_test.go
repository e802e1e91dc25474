package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
	"tierlab/reference/tools/mcp"
)

// modeVariable has the test binary serve instead of test, in the way it names.
const modeVariable = "TIERLAB_TEST_SERVER"

func TestMain(m *testing.M) {
	switch mode := os.Getenv(modeVariable); mode {
	case "":
		os.Exit(m.Run())
	case "ours":
		reg := tools.NewRegistry(tools.Options{})
		if err := builtin.Register(reg, builtin.Config{}); err != nil {
			panic(err)
		}
		offer := mcp.Offer{Registry: reg, Version: "test"}
		if err := offer.Stream(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		(&hostile{mode: mode, out: bufio.NewWriter(os.Stdout)}).serve()
	}
}

// hostile is an MCP server that misbehaves in one way and is well otherwise.
type hostile struct {
	mode  string
	out   *bufio.Writer
	calls int
}

type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  any             `json:"result,omitempty"`
	Error   any             `json:"error,omitempty"`
}

func (h *hostile) send(m message) {
	m.JSONRPC = "2.0"
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	h.out.Write(append(text, '\n'))
	h.out.Flush()
}

func (h *hostile) serve() {
	if h.mode == "garbage" {
		fmt.Println("Welcome to my server!")
	}
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			panic(err)
		}
		if m.ID != nil {
			h.answer(m)
		}
	}
}

func (h *hostile) answer(m message) {
	reply := message{ID: m.ID}
	switch {
	case h.mode == "silent", h.mode == "hang-list" && m.Method == "tools/list", h.mode == "hang-call" && m.Method == "tools/call":
		return
	case h.mode == "die-start":
		fmt.Fprintln(os.Stderr, "no license")
		os.Exit(3)
	case m.Method == "initialize":
		version := "2025-06-18"
		if h.mode == "version" {
			version = "1999-01-01"
		}
		reply.Result = map[string]any{"protocolVersion": version, "serverInfo": map[string]string{"name": "h", "version": "1"},
			"capabilities": map[string]any{"tools": map[string]bool{"listChanged": true}}}
	case m.Method == "tools/list":
		reply.Result = h.list()
	case m.Method == "tools/call":
		h.calls++
		reply.Result = h.call()
		if h.mode == "refuse" {
			reply.Result, reply.Error = nil, map[string]any{"code": -32602, "message": "not on a Sunday"}
		}
	default:
		reply.Error = map[string]any{"code": -32601, "message": "no such method"}
	}
	h.send(reply)
	if h.mode == "deaf" && m.Method == "tools/list" {
		time.Sleep(time.Hour)
	}
}

func (h *hostile) list() map[string]any {
	object := map[string]any{"type": "object"}
	tool := func(name string) map[string]any { return map[string]any{"name": name, "inputSchema": object} }
	list := []any{tool("good")}
	switch h.mode {
	case "pages":
		return map[string]any{"tools": []any{}, "nextCursor": "again"}
	case "crowd":
		for i := range 300 {
			list = append(list, tool(fmt.Sprint("t", i)))
		}
	case "liar":
		add := func(name, key string, value any) {
			t := tool(name)
			t[key] = value
			list = append(list, t)
		}
		list = append(list, tool("bell\a"), tool(strings.Repeat("n", 100)), tool(""), tool("a.b"), tool("a/b"), tool("good"))
		add("schema", "inputSchema", map[string]any{"type": "object", "properties": 3})
		add("text", "inputSchema", map[string]any{"type": "string"})
		add("remote", "inputSchema", map[string]any{"type": "object", "$ref": "http://127.0.0.1:1/x.json"})
		add("long", "description", strings.Repeat("buy ", 1<<20))
		add("screen", "description", "\x1b[2J")
		add("output", "outputSchema", map[string]any{"type": "object", "required": []string{"n"}})
	case "vanish":
		if h.calls == 0 {
			list = append(list, tool("other"))
		}
	case "hints":
		for name, hint := range map[string]string{"reads": "readOnlyHint", "settles": "idempotentHint"} {
			t := tool(name)
			t["annotations"] = map[string]bool{hint: true}
			list = append(list, t)
		}
	}
	return map[string]any{"tools": list}
}

func (h *hostile) call() map[string]any {
	text := func(s string) map[string]any {
		return map[string]any{"content": []any{map[string]string{"type": "text", "text": s}}}
	}
	switch h.mode {
	case "die-call":
		fmt.Fprintln(os.Stderr, "out of cheese")
		os.Exit(4)
	case "flood":
		for {
			h.send(message{Method: "notifications/message", Params: json.RawMessage(`{"level":"info","data":"` + strings.Repeat("x", 1_000_000) + `"}`)})
		}
	case "line":
		for {
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 1<<16)); err != nil {
				os.Exit(0)
			}
		}
	case "large":
		return text(strings.Repeat("x", 2<<20))
	case "vanish":
		h.send(message{Method: "notifications/tools/list_changed"})
	case "fails":
		failed := text("disk full")
		failed["isError"] = true
		return failed
	case "liar":
		return map[string]any{"content": []any{}, "structuredContent": map[string]any{"m": 1}}
	case "parts":
		return map[string]any{"content": []any{map[string]string{"type": "text", "text": "see"},
			map[string]string{"type": "image", "mimeType": "image/png", "data": "AAAA"}}}
	case "count":
		return text(fmt.Sprint(h.calls))
	}
	return text("fine")
}
