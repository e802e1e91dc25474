package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"
)

// route is one path of the API.
type route struct {
	method string
	path   string
	open   bool // needs no key
	serve  http.HandlerFunc
}

// routes builds the handler of all paths.
func (s *Server) routes() http.Handler {
	metrics := s.cfg.Metrics.handler()
	list := []route{
		{"POST", "/v1/chat/completions", false, s.chat},
		{"POST", "/v1/completions", false, s.completions},
		{"GET", "/v1/models", false, s.listModels},
		{"GET", "/v1/models/{model...}", false, s.showModel},
		{"POST", "/tokenize", false, s.tokenize},
		{"POST", "/detokenize", false, s.detokenize},
		{"GET", "/health", true, s.health},
		{"GET", "/metrics", true, metrics.ServeHTTP},
	}
	mux := http.NewServeMux()
	var paths []string
	for _, r := range list {
		paths = append(paths, r.method+" "+r.path)
		mux.Handle(r.path, s.logged(r.path, s.guarded(r)))
	}
	mux.Handle("/", s.logged("other", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, newError(http.StatusNotFound, typeNotFound, "not_found",
			"There is nothing at %s; the API has %s.", r.URL.Path, strings.Join(paths, ", ")))
	}))
	return mux
}

// guarded checks a request's method and key before its body is read.
func (s *Server) guarded(to route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != to.method && !(r.Method == http.MethodHead && to.method == http.MethodGet) {
			w.Header().Set("Allow", to.method)
			writeError(w, newError(http.StatusMethodNotAllowed, typeInvalid, "method_not_allowed",
				"%s takes %s; the request is a %s.", to.path, to.method, r.Method))
			return
		}
		if !to.open && !s.authorized(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeError(w, newError(http.StatusUnauthorized, typeAuth, "invalid_api_key",
				"The API key is missing or wrong: send the header Authorization: Bearer KEY."))
			return
		}
		to.serve(w, r)
	}
}

// authorized compares keys in a time that does not tell how much of one is
// right.
func (s *Server) authorized(r *http.Request) bool {
	if s.cfg.APIKey == "" {
		return true
	}
	got, want := sha256.Sum256([]byte(r.Header.Get("Authorization"))), sha256.Sum256([]byte("Bearer "+s.cfg.APIKey))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// requestIDHeader names a request in the client's log and in ours.
const requestIDHeader = "X-Request-Id"

// logged gives a request its id, writes its line in the access log, counts its
// response, and answers for a handler that panics.
func (s *Server) logged(path string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := r.Header.Get(requestIDHeader)
		if !plain(id) {
			id = s.newID()
		}
		w.Header().Set(requestIDHeader, id)
		// For the body; also for what net/http reads of one that is refused.
		_ = http.NewResponseController(w).SetReadDeadline(start.Add(s.cfg.BodyTimeout))
		entry := &logEntry{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				s.cfg.Log.Error("panic", "id", id, "path", r.URL.Path, "value", p)
				if entry.status == 0 {
					writeError(entry, newError(http.StatusInternalServerError, typeServer, "", "The server failed; its log has the request id %s.", id))
				}
			}
			s.cfg.Metrics.response(path, entry.code())
			s.cfg.Log.Info("request", append([]any{"id", id, "remote", r.RemoteAddr, "method", r.Method, "path", r.URL.Path,
				"status", entry.code(), "bytes", entry.bytes, "took", time.Since(start)}, entry.more...)...)
		}()
		next(entry, r)
	})
}

// plain says whether a client's request id may stand in a header and a log.
func plain(id string) bool {
	odd := func(c byte) bool { return c <= ' ' || c > '~' }
	return id != "" && len(id) <= 128 && !slices.ContainsFunc([]byte(id), odd)
}

// logEntry is a response as the access log sees it.
type logEntry struct {
	http.ResponseWriter
	status int
	bytes  int64
	more   []any // attributes that the handler adds
}

// Unwrap lets http.ResponseController reach the connection.
func (e *logEntry) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *logEntry) WriteHeader(status int) {
	if e.status == 0 {
		e.status = status
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *logEntry) Write(b []byte) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	n, err := e.ResponseWriter.Write(b)
	e.bytes += int64(n)
	return n, err
}

// statusGone is what the log has for a client that left before it was
// answered, as nginx has it.
const statusGone = 499

// code is the status to log.
func (e *logEntry) code() int {
	if e.status == 0 {
		return statusGone
	}
	return e.status
}
