package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// Config is what a server serves and how.
type Config struct {
	Engine  Engine   // with a tokenizer
	Metrics *Metrics // the engine's observer
	Model   string   // the name that clients give
	Begin   []int32  // tokens before a text that is no chat

	Template chat.Template // how conversations are written; nil: there are none

	APIKey       string        // demanded of clients; "": none
	MaxBody      int64         // of a request, in bytes; 0: DefaultMaxBody
	BodyTimeout  time.Duration // for a request's body to arrive; 0: DefaultBodyTimeout
	WriteTimeout time.Duration // for a client to take in what is written; 0: DefaultWriteTimeout
	Log          *slog.Logger  // a line for each request; nil: none
}

// What a Config that leaves it open gets.
const (
	DefaultMaxBody      = 16 << 20
	DefaultBodyTimeout  = 30 * time.Second
	DefaultWriteTimeout = 30 * time.Second
)

// Engine is what is served: an *engine.Engine, or a Site of several.
type Engine interface {
	Submit(context.Context, engine.Request) (*engine.Stream, error)
	Tokenizer() tokenizer.Tokenizer
	Caps() backend.Caps
	Context() int // the longest context of a request, in tokens
	Stats() engine.Stats
	Err() error // why it has failed; nil while it works
	Drain(context.Context) error
	Close() error
}

// Server is the HTTP surface of one engine.
type Server struct {
	cfg      Config
	created  time.Time
	backend  string // system_fingerprint
	grammars *grammars
	handler  http.Handler
	draining atomic.Bool
	newID    func() string
	now      func() time.Time
}

// New makes a server. It starts nothing: see Handler and Serve.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Engine == nil || cfg.Engine.Tokenizer() == nil:
		return nil, errors.New("gateway: it needs an engine that has a tokenizer")
	case cfg.Metrics == nil:
		return nil, errors.New("gateway: it needs metrics")
	case cfg.Model == "":
		return nil, errors.New("gateway: the model needs a name")
	case cfg.MaxBody < 0 || cfg.BodyTimeout < 0 || cfg.WriteTimeout < 0:
		return nil, errors.New("gateway: a limit is negative")
	}
	if cfg.Template != nil {
		if err := chat.Check(cfg.Template, cfg.Engine.Tokenizer()); err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
	}
	setDefault(&cfg.MaxBody, DefaultMaxBody)
	setDefault(&cfg.BodyTimeout, DefaultBodyTimeout)
	setDefault(&cfg.WriteTimeout, DefaultWriteTimeout)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	caps := cfg.Engine.Caps()
	s := &Server{
		cfg:     cfg,
		created: time.Now(),
		backend: caps.Name + "-" + caps.Numerics + "-" + caps.Kernels,
		newID:   randomID,
		now:     time.Now,

		grammars: newGrammars(cfg.Engine.Tokenizer()),
	}
	cfg.Metrics.watch(cfg.Engine, cfg.Model)
	s.handler = s.routes()
	return s, nil
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// randomID is unique among requests.
func randomID() string {
	var b [12]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	return hex.EncodeToString(b[:])
}

// Handler is the API without a listener.
func (s *Server) Handler() http.Handler { return s.handler }

// ServeHTTP is http.Handler's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
