package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestServe serves the smallest model, asks it for a chat with the key, and
// interrupts it.
func TestServe(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TIERLAB_ENGINE_SERVE_API_KEY", "sesame")
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	out, messages := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, splitArguments(t, "engine serve --model tiny --numerics f32 --addr 127.0.0.1:0 --served-name mine --log json"),
			Stdio{In: strings.NewReader(""), Out: io.Discard, Err: messages})
		messages.Close()
	}()
	lines := bufio.NewScanner(out)
	var banner, base string
	for base == "" && lines.Scan() {
		banner += lines.Text() + "\n"
		if url, ready := strings.CutPrefix(lines.Text(), "ready at "); ready {
			base = url
		}
	}
	for _, want := range []string{"mine", "f32", "context 4,096 tokens, 16 requests at once, 256 waiting", "llama3"} {
		if !strings.Contains(banner, want) {
			t.Errorf("the banner lacks %q:\n%s", want, banner)
		}
	}
	logged := make(chan string, 1)
	go func() {
		lines.Scan()
		logged <- lines.Text()
		for lines.Scan() { // so that the server can write on
		}
	}()
	r, err := http.NewRequest("POST", base+"/chat/completions", strings.NewReader(`{"model":"mine","messages":[{"role":"user","content":"hi"}],"max_tokens":3}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer sesame")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Usage struct {
			Completion int `json:"completion_tokens"`
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK || answer.Usage.Completion < 1 {
		t.Errorf("status %d, %+v, %v", resp.StatusCode, answer, err)
	}
	var line struct{ Path string }
	if text := <-logged; json.Unmarshal([]byte(text), &line) != nil || line.Path != "/v1/chat/completions" {
		t.Errorf("the log has %q", text)
	}
	interrupt()
	if got := <-code; got != ExitOK {
		t.Errorf("exit %d after an interrupt", got)
	}
}
