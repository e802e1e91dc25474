package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The bounds on a connection, apart from those on a request in Config.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	// farewell is how long clients have, once the engine has ended, to take in
	// the rest of their responses.
	farewell = 5 * time.Second
)

// Serve answers requests that come over l until ctx ends, and then drains: new
// requests are refused (503, and /health says so, for a balancer to see) while
// those that are running have the time drain to end. It returns nil when all
// of them ended by themselves, and otherwise says how many were cut off. The
// engine is closed either way.
func (s *Server) Serve(ctx context.Context, l net.Listener, drain time.Duration) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("gateway: %w", err), s.cfg.Engine.Close())
	case <-ctx.Done():
	}
	cut := s.drain(drain)
	last, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		server.Close() // somebody reads too slowly
	}
	return cut
}

// drain ends the engine, with patience.
func (s *Server) drain(patience time.Duration) error {
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := s.cfg.Engine.Drain(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		load := s.cfg.Engine.Stats().Sched
		err = fmt.Errorf("gateway: %d requests were cut off: they did not end within %s", load.Running+load.Waiting, patience)
	}
	return errors.Join(err, s.cfg.Engine.Close())
}
