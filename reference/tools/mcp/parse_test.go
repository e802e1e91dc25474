package mcp_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"tierlab/reference/tools"
	"tierlab/reference/tools/mcp"
)

const whole = `servers:
  - name: files
    command: [mcp-files, --root, .]
    env: {LOG: "off"}
    pass: [PATH]
    dir: .
    timeout_ms: 10000
    start_ms: 5000
    tools: [read, write]
    repeat: {read: pure, "*": keyed}
    approval: [write]
  - name: search
    url: https://mcp.example.com/v1
    headers: {Authorization: Bearer x}
    hints: true
    local: true
    repeat: once
    approval: true
`

func TestParse(t *testing.T) {
	got, err := mcp.Parse("mcp.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := mcp.Config{Servers: []mcp.Server{
		{Name: "files", Command: []string{"mcp-files", "--root", "."}, Dir: ".", Env: map[string]string{"LOG": "off"}, Pass: []string{"PATH"},
			Timeout: 10 * time.Second, Start: 5 * time.Second, Tools: []string{"read", "write"},
			Repeat: map[string]tools.Repeat{"read": tools.Pure, mcp.All: tools.Keyed}, Approval: []string{"write"}},
		{Name: "search", URL: "https://mcp.example.com/v1", Headers: map[string]string{"Authorization": "Bearer x"}, Hints: true, Local: true,
			Repeat: map[string]tools.Repeat{mcp.All: tools.Once}, Approval: []string{mcp.All}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "mcp.yaml:1: the file is empty"},
		{"servers: []", "mcp.yaml:1: servers: none is named"},
		{"{", "mcp.yaml:1: yaml: line 1"},
		{"servers:\n  name: a", "mcp.yaml:2: servers: want a list"},
		{"server:\n  - name: a", "mcp.yaml:1: there is no field \"server\"; did you mean"},
		{"servers:\n  - a", "mcp.yaml:2: servers[0]: want a mapping"},
		{"servers:\n  - name: a\n    comand: [b]", "mcp.yaml:3: servers[0]: there is no field \"comand\"; did you mean"},
		{"servers:\n  - name: a", "mcp.yaml:2: servers[0].command: a server has a command or a url: neither"},
		{"servers:\n  - name: a\n    command: [b]\n    url: http://c", "mcp.yaml:4: servers[0].url: a server has a command or a url, not both"},
		{"servers:\n  - name: A__b\n    command: [b]", "mcp.yaml:2: servers[0].name: \"A__b\": want"},
		{"servers:\n  - {name: a, command: [b]}\n  - {name: a, command: [b]}", "mcp.yaml:3: servers[1].name: \"a\" is taken"},
		{"servers:\n  - name: a\n    command: b", "mcp.yaml:3: servers[0].command: want a list"},
		{"servers:\n  - name: a\n    command: ['']", "mcp.yaml:3: servers[0].command: its first item"},
		{"servers:\n  - name: a\n    url: ftp://b", "mcp.yaml:3: servers[0].url: \"ftp://b\": want http://"},
		{"servers:\n  - name: a\n    url: http://b\n    env: {A: b}", "mcp.yaml:4: servers[0].env: env, pass and dir"},
		{"servers:\n  - name: a\n    command: [b]\n    headers: {A: b}", "mcp.yaml:4: servers[0].headers: are for a url"},
		{"servers:\n  - name: a\n    command: [b]\n    env: {'A=B': c}", "mcp.yaml:4: servers[0].env.A=B: a variable's name"},
		{"servers:\n  - name: a\n    command: [b]\n    timeout_ms: -1", "mcp.yaml:4: servers[0].timeout_ms: want whole milliseconds"},
		{"servers:\n  - name: a\n    command: [b]\n    repeat: always", "mcp.yaml:4: servers[0].repeat: want once, keyed or pure"},
		{"servers:\n  - name: a\n    command: [b]\n    repeat: {x: 1}", "mcp.yaml:4: servers[0].repeat.x: want once, keyed or pure"},
		{"servers:\n  - name: a\n    command: [b]\n    tools: [x]\n    repeat: {y: pure}", "mcp.yaml:5: servers[0].repeat: \"y\" is not in tools"},
		{"servers:\n  - name: a\n    command: [b]\n    approval: maybe", "mcp.yaml:4: servers[0].approval: want true or false"},
		{"servers:\n  - name: a\n    name: b", "mcp.yaml:3: servers[0]: field \"name\" stands here twice"},
		{"servers:\n  - &x\n    name: a\n    command: [b]\n  - *x", "mcp.yaml:2: servers[0]: anchors and aliases"},
		{"servers:\n  - name: a\n    command: [b]\n---\nservers: []", "mcp.yaml:4: a second document"},
		{"# " + strings.Repeat("x", 1<<20), "at most 1048576"},
	} {
		_, err := mcp.Parse("mcp.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: %v\nwant %s", c.text, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("servers:\n  - &x {name: a, command: [*x]}")
	f.Add("servers: [{name: a, url: 'http://b', repeat: {a: pure}, approval: [a]}]")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := mcp.Parse("f", []byte(text))
		switch {
		case err != nil && !strings.HasPrefix(err.Error(), "f:"):
			t.Fatalf("an error without its place: %v", err)
		case err == nil && len(c.Servers) == 0:
			t.Fatal("no server and no error")
		case err == nil && c.Check() != nil:
			t.Fatalf("taken from a file and refused by Check: %v", c.Check())
		}
	})
}
