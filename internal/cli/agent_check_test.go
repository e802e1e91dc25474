package cli

import (
	"os"
	"strings"
	"testing"
)

// TestCheckedCalls: an answer whose tool call breaks the schema is refused, and a
// policy that escalates has a larger model make it again.
func TestCheckedCalls(t *testing.T) {
	t.Chdir(t.TempDir())
	script := `schema: tierlab-script/v1
name: careless
about: "a small model calls a tool wrongly"
task: "add one and one"
tools: [calculator]
turns:
  - when: {step: 1, model: llama-3.1-8b}
    say: "I add."
    calls: [{tool: calculator, arguments: {sum: 2}}]
  - when: {step: 1}
    say: "I add."
    calls: [{tool: calculator, arguments: {expression: "1 + 1"}}]
  - say: "It is {{ tool.value }}."
`
	if err := os.WriteFile("careless.yaml", []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	const run = "agent run --model script:careless.yaml --topology tiny --policy cascade --session "
	if code, stdout, stderr := tierlab(t, run+"loose", ""); code != ExitFailed || strings.Contains(stdout, "It is 2.") {
		t.Errorf("unchecked: exit %d\n%s\n%s", code, stdout, stderr)
	}
	code, stdout, stderr := tierlab(t, run+"strict --validate-calls", "")
	if code != ExitOK || !strings.Contains(stdout, "It is 2.") {
		t.Errorf("checked: exit %d\n%s\n%s", code, stdout, stderr)
	}
	if _, shown, _ := tierlab(t, "session show strict", ""); !strings.Contains(shown, "INVALID") || !strings.Contains(shown, "expression") {
		t.Errorf("the refused attempt is not shown with its reason:\n%s", shown)
	}
}
