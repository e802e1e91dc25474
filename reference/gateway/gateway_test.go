package gateway

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the transcripts in testdata")

// world is a server over an engine that computes nothing.
type world struct {
	engine *engine.Engine
	server *Server
	url    string
}

// setup changes what a test's world is made of.
type setup struct {
	device null.Config
	wrap   func(backend.Backend) backend.Backend
	sched  sched.Config
	config Config
}

const (
	testModel   = "test-model"
	testContext = 2048
	testVocab   = 1000
	testEnd     = 265 // <|im_end|>
)

// newWorld starts a server with reproducible ids and times.
func newWorld(t testing.TB, change func(*setup)) *world {
	t.Helper()
	set := setup{
		device: null.Config{Vocab: testVocab, Context: testContext, Slots: 8, Budget: 512, Blocks: testContext / 16, BlockTokens: 16},
		sched:  sched.Config{Queue: 64},
		config: Config{Model: testModel, Template: chat.ChatML{}},
	}
	if change != nil {
		change(&set)
	}
	device, err := null.Open(set.device)
	if err != nil {
		t.Fatal(err)
	}
	words, err := tokenizer.NewBytes(testVocab)
	if err != nil {
		t.Fatal(err)
	}
	metrics := NewMetrics(testModel, set.device.Context)
	var b backend.Backend = device
	if set.wrap != nil {
		b = set.wrap(b)
	}
	e, err := engine.New(engine.Config{
		Backend: b, Tokenizer: words, Sched: set.sched, Observer: metrics, KeepBlocks: 128, End: []int32{testEnd},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	set.config.Engine, set.config.Metrics = e, metrics
	s, err := New(set.config)
	if err != nil {
		t.Fatal(err)
	}
	s.newID = func() string { return "0" }
	s.now = func() time.Time { return time.Unix(1700000000, 0) }
	s.created = s.now()
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	return &world{e, s, web.URL}
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// post sends JSON text.
func (w *world) post(t *testing.T, path, body string) answer {
	t.Helper()
	resp, err := http.Post(w.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func (w *world) get(t *testing.T, path string) answer {
	t.Helper()
	resp, err := http.Get(w.url + path)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// parse reads a response's JSON text.
func parse[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// problem is an error as a client sees it.
type problem struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// parseProblem reads an error response and demands all four fields.
func parseProblem(t *testing.T, a answer) problem {
	t.Helper()
	var fields struct{ Error map[string]any }
	var v struct{ Error problem }
	if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	for _, name := range []string{"message", "type", "param", "code"} {
		if _, ok := fields.Error[name]; !ok {
			t.Errorf("the error has no %s: %s", name, a.body)
		}
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	return v.Error
}

// events splits a stream into its events' data and demands the form of each.
func events(t *testing.T, body string) []string {
	t.Helper()
	var list []string
	for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("not an event: %q", event)
		}
		list = append(list, data)
	}
	if list[len(list)-1] != "[DONE]" {
		t.Fatalf("the stream ends with %q", list[len(list)-1])
	}
	return list[:len(list)-1]
}

// eventually waits for what another goroutine will make true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("it never came true that %s", what)
}

// idle says that no request runs or waits.
func (w *world) idle() bool {
	s := w.engine.Stats().Sched
	return s.Running == 0 && s.Waiting == 0
}

// empty holds that nobody holds blocks: a request gets in that needs all.
func (w *world) empty(t *testing.T) {
	t.Helper()
	eventually(t, "nothing runs or waits", w.idle)
	caps := w.engine.Caps()
	n := min(caps.Blocks*caps.BlockTokens, caps.Context) - 1
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Post(w.url+"/v1/completions", "application/json", strings.NewReader(
		fmt.Sprintf(`{"prompt":[%s9],"max_tokens":1}`, strings.Repeat("9,", n-1))))
	if err != nil {
		t.Fatalf("a request that needs all blocks does not get in: %v", err)
	}
	if a := read(t, resp); a.status != http.StatusOK {
		t.Fatalf("a request that needs all blocks: %d %s", a.status, a.body)
	}
}

// failing is a device that breaks after some steps.
type failing struct {
	backend.Backend
	left int
}

func (f *failing) Wait(r *backend.Result) error {
	if f.left--; f.left < 0 {
		return fmt.Errorf("the device is on fire")
	}
	return f.Backend.Wait(r)
}
