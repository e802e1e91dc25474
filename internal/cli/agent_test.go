package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
	"tierlab/reference/tools"
)

// tierlab runs a command line in this process.
func tierlab(t *testing.T, line, input string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	code = Main(ctx, splitArguments(t, line), Stdio{In: strings.NewReader(input), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

// TestKilledAgentGoesOn kills the process in the middle of a session and runs
// the same command again: the session ends as it would have, and the calls that
// its journal had before are made no second time.
func TestKilledAgentGoesOn(t *testing.T) {
	dir := t.TempDir()
	const line = "agent run --session f1 --model script:failure"
	cmd := exec.Command(os.Args[0], strings.Fields(line)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), asTierlab+"=1")
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shown := false
	for lines := bufio.NewScanner(progress); lines.Scan() && !shown; {
		shown = strings.Contains(lines.Text(), "    5    kv_list")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // that it was killed
	if !shown {
		t.Fatal("the process never came to its fifth step")
	}
	t.Chdir(dir)
	_, before, _ := tierlab(t, "session show f1 --records --json", "")
	code, stdout, stderr := tierlab(t, line, "")
	if code != ExitOK || !strings.HasPrefix(stdout, "The March invoices come to 2892.8 euros") || !strings.Contains(stderr, "goes on at step ") {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	_, after, _ := tierlab(t, "session show f1 --records --json", "")
	if !strings.HasPrefix(after, before) {
		t.Error("records that were there have changed")
	}
	ends := map[[2]int]int{}
	for l := range strings.Lines(after) {
		var r struct {
			Kind string
			Body struct{ S, T int }
		}
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		if r.Kind == "tool" {
			ends[[2]int{r.Body.S, r.Body.T}]++
		}
	}
	if len(ends) != 19 {
		t.Errorf("%d tool calls, want 19", len(ends))
	}
	for call, n := range ends {
		if n != 1 {
			t.Errorf("call %v has ended %d times", call, n)
		}
	}
}

// TestFolderInUse: a second process on a folder is told so, and changes nothing.
func TestFolderInUse(t *testing.T) {
	t.Chdir(t.TempDir())
	store, err := pebblestore.Open(defaultFolder, pebblestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, line := range []string{"agent run --model script:primes", "session list", "session kill s1"} {
		if code, _, stderr := tierlab(t, line, ""); code != ExitUsage || !strings.Contains(stderr, "out/sessions is in use by another process") {
			t.Errorf("%s: exit %d: %s", line, code, stderr)
		}
	}
}

// TestApprovals: a person's yes, no, and silence.
func TestApprovals(t *testing.T) {
	t.Chdir(t.TempDir())
	const run = "agent run --model script:primes --confirm run_code --session "
	for _, c := range []struct {
		line, input string
		code        int
		out, says   string
	}{
		{run + "yes", "y\ny\n", ExitOK, "add up to 76127", "may run_code of step 1 run"},
		{run + "no", "it is late\n", ExitOK, "The program did not come to its end", "it is late"},
		{run + "all --approve all", "", ExitOK, "add up to 76127", "waits for a person"},
		{run + "silence", "", ExitOK, "", "silence waits for a person: tierlab session approve silence"},
		{"session approve silence --step 2", "", ExitUsage, "", "--step 1 --tool 1  run_code"},
		{"session approve silence --refuse --by ann --why unsafe", "", ExitOK, "refused by ann", ""},
		{"session approve silence", "", ExitUsage, "", "has no call that waits for a person"},
		{"agent run --session silence", "", ExitOK, "The program did not come to its end", "goes on at step 1"},
		{"session show silence", "", ExitOK, "refused by ann: unsafe", ""},
	} {
		code, stdout, stderr := tierlab(t, c.line, c.input)
		if code != c.code || !strings.Contains(stdout, c.out) || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d\n%s\n%s", c.line, code, stdout, stderr)
		}
	}
}

// TestSwitches: while a tool's switch is off its calls are refused, and a budget
// ends a session before it is overshot.
func TestSwitches(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, stdout, stderr := tierlab(t, "agent run --session first --model script:primes --max-steps 1", ""); code != ExitFailed || !strings.Contains(stderr, "budget") {
		t.Errorf("a session of one step: exit %d\n%s\n%s", code, stdout, stderr)
	}
	if code, _, stderr := tierlab(t, "session kill tool/run_code --why unsafe --by ann", ""); code != ExitOK {
		t.Fatal(stderr)
	}
	if _, stdout, stderr := tierlab(t, "agent run --session second --model script:primes", ""); strings.Contains(stdout, "76127") || !strings.Contains(stderr, "unsafe") {
		t.Errorf("a stopped tool has run:\n%s\n%s", stdout, stderr)
	}
	if code, _, stderr := tierlab(t, "session kill tool/run_code --revive", ""); code != ExitOK {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := tierlab(t, "agent run --session third --model script:primes", ""); code != ExitOK || !strings.Contains(stdout, "76127") {
		t.Errorf("after the revival: exit %d\n%s\n%s", code, stdout, stderr)
	}
}

// TestAgentAtEndpoint: the key comes from the environment, and neither the
// journal nor the screen has it.
func TestAgentAtEndpoint(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("SOME_KEY", "sk-very-secret")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-very-secret" {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		if strings.HasSuffix(r.URL.Path, "/models") {
			w.Write([]byte(`{"data":[{"id":"m"}]}`))
			return
		}
		w.Write([]byte(`data: {"choices":[{"delta":{"content":"It is done."},"finish_reason":"stop"}]}` + "\n\n" +
			`data: {"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":10}}` + "\n\ndata: [DONE]\n\n"))
	}))
	defer server.Close()
	code, stdout, stderr := tierlab(t, "agent run --session e1 --task work --model "+server.URL+"#m --key-env SOME_KEY --usd-per-mtok 2,10", "")
	if code != ExitOK || stdout != "It is done.\n" || !strings.Contains(stderr, "$0.0021 for its tokens") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	_, records, _ := tierlab(t, "session show e1 --records --json", "")
	if strings.Contains(stderr+records, "secret") || !strings.Contains(records, server.URL) {
		t.Errorf("the key is shown or kept:\n%s\n%s", stderr, records)
	}
}

// emptyState is a session without any.
type emptyState struct{}

func (emptyState) Get(string) ([]byte, bool) { return nil, false }
func (emptyState) List(string) []string      { return nil }

// TestSwitchesHoldForPrograms has a program call a tool that is stopped, and one
// that is not.
func TestSwitchesHoldForPrograms(t *testing.T) {
	meter := ledger.New(ledger.Config{})
	if err := meter.Kill(t.Context(), ledger.Switch{Scope: "tool/kv_set", Why: "it fills up", By: "ann", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var pool lazyPool
	reg, err := new(agentRunOptions).registry(&pool, meter)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for call, want := range map[string]string{`host.kv_set({key: "a", value: 1})`: "it fills up", `host.kv_list({})`: "went well"} {
		arguments, _ := json.Marshal(map[string]string{"language": "javascript", "source": `try { ` + call + `; "went well" } catch (e) { e.message }`})
		r, err := reg.Call(t.Context(), "run_code", &tools.Call{
			Session: "s", Tools: []string{"run_code", "kv_set", "kv_list"}, Arguments: arguments, State: emptyState{},
		})
		if err != nil || !strings.Contains(string(r.Content), want) {
			t.Errorf("%s: %s, %v, want %q in it", call, r.Content, err, want)
		}
	}
}
