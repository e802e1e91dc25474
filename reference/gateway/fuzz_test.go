package gateway

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// FuzzRequests holds that no body brings the server down: what it answers is
// 200, or a refusal that is the client's fault.
func FuzzRequests(f *testing.F) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		f.Fatalf("no testdata/*.http: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "{") {
				f.Add(line)
			}
		}
	}
	words, err := tokenizer.NewBytes(300)
	if err != nil {
		f.Fatal(err)
	}
	device, err := null.Open(null.Config{Vocab: 300, Context: 256, Slots: 4, Budget: 64, Blocks: 64, BlockTokens: 16})
	if err != nil {
		f.Fatal(err)
	}
	metrics := NewMetrics(testModel, 256)
	e, err := engine.New(engine.Config{Backend: device, Tokenizer: words, Observer: metrics})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	s, err := New(Config{Engine: e, Metrics: metrics, Model: testModel, Template: chat.ChatML{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{completions, chatPath, "/tokenize", "/detokenize"} {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			switch w.Code {
			case http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusTooManyRequests:
			default:
				t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
			}
		}
	})
}
