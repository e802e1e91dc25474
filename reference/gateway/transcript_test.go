package gateway

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTranscripts sends the requests in testdata/*.http and compares the
// responses with what follows them. A file is a list of exchanges, each
//
//	> POST /v1/completions
//	(the body)
//	< 200 application/json
//	(the response's body)
//
// with an empty line between a request and the next. All exchanges of a file
// go to one server. go test ./reference/gateway -run Transcripts -rewrite
// writes the responses anew.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata/*.http: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) { playTranscript(t, file) })
	}
}

func playTranscript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	var played strings.Builder
	for exchange := range strings.SplitSeq("\n"+strings.TrimSpace(string(text)), "\n> ") {
		if exchange == "" {
			continue
		}
		request, want, _ := strings.Cut(exchange, "\n< ")
		line, body, _ := strings.Cut(request, "\n")
		method, path, _ := strings.Cut(line, " ")
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/json")
		}
		answer := httptest.NewRecorder()
		w.server.ServeHTTP(answer, r)
		got := http.StatusText(answer.Code) + " " + answer.Header().Get("Content-Type") + "\n" + strings.TrimSpace(answer.Body.String())
		if want = strings.TrimSpace(want); !*rewrite && got != want {
			t.Errorf("%s\n%s\nanswered:\n%s\nwant:\n%s", line, body, got, want)
		}
		played.WriteString("> " + strings.TrimSpace(request) + "\n\n< " + got + "\n\n")
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(played.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
