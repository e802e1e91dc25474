package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestToolsOfAnotherTierlab has one tierlab take the tools of another by MCP.
func TestToolsOfAnotherTierlab(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command, err := json.Marshal([]string{program, "tools", "serve", "--stdio", "--only", "calculator,kv_add"})
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeFile(t, "mcp.yaml", "servers:\n  - name: other\n    command: "+string(command)+"\n    env: {"+asTierlab+": \"1\"}\n    repeat: {calculator: pure}\n    approval: [kv_add]\n")
	writeFile(t, "script.yaml", "schema: tierlab-script/v1\nname: far\ntask: multiply\ntools: [other__calculator]\nturns:\n"+
		"  - when: {step: 1}\n    calls:\n      - tool: other__calculator\n        arguments: {expression: \"6*7\"}\n"+
		"  - when: {step: 2}\n    say: \"It is {{ tool.value }}.\"\n")
	for _, c := range []struct {
		line string
		code int
		want []string
	}{
		{"tools list --mcp mcp.yaml", ExitOK, []string{"other__calculator  pure    -       -", "other__kv_add      once    -       yes", "run_code"}},
		{`tools call other__calculator '{"expression": "6*7"}' --mcp mcp.yaml`, ExitOK, []string{`{"exact":true,"value":"42"}`}},
		{`tools call other__calculator '{"expression": "6/0"}' --mcp mcp.yaml`, ExitFailed, []string{"division by zero"}},
		{`tools call other__calculator '{"expression": 6}' --mcp mcp.yaml`, ExitUsage, []string{"want string"}},
		{"agent run --session far --model script:script.yaml --mcp mcp.yaml", ExitOK, []string{"It is 42."}},
		{"agent run --session near --model script:script.yaml", ExitUsage, []string{"other__calculator"}},
	} {
		var out bytes.Buffer
		code := Main(context.Background(), splitArguments(t, c.line), Stdio{In: strings.NewReader(""), Out: &out, Err: &out})
		if code != c.code {
			t.Errorf("%s: exit %d, want %d", c.line, code, c.code)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s:\n%s\nwant %s", c.line, out.String(), want)
			}
		}
	}
}
