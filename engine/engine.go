package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/engine/backend"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/engine/trace"
)

// Engine serves requests on one backend. Its methods may be called by many
// goroutines.
type Engine struct {
	cfg    Config
	caps   backend.Caps
	start  time.Time
	secret [32]byte // keys the names of tenants and sessions
	lastID atomic.Uint64
	mail   mailbox
	done   chan struct{} // closed when the loop has ended

	// Of the loop's goroutine alone.
	sched   *sched.Scheduler
	letters []letter             // taken, not looked at
	live    map[uint64]*sequence // admitted, not ended
	ring    []flight             // steps under way, oldest at head
	head    int
	flying  int
	result  backend.Result
	sample  []sched.Sampled
	events  []sched.Event
	ended   time.Duration // when the last iteration did, or the last sleep
	trace   *trace.Writer

	closed error // of closing the backend and the trace; set before done
	mu     sync.Mutex
	stats  Stats
}

// Tokenizer is the one that the engine was made with; nil without one.
func (e *Engine) Tokenizer() tokenizer.Tokenizer { return e.cfg.Tokenizer }

// Caps are the backend's.
func (e *Engine) Caps() backend.Caps { return e.caps }

// Context is the longest context of a request, its output included, in tokens.
func (e *Engine) Context() int { return e.cfg.Sched.Context }

// Now is the time since the engine's start, by which tokens and usage are
// dated.
func (e *Engine) Now() time.Duration { return time.Since(e.start) }

// Submit hands in a request and returns when it is queued. Its output comes
// from the stream, and ends early when ctx does. The errors are a
// *RequestError, ErrFull, ErrDraining, ErrClosed, the context's, or that of a
// failed backend.
func (e *Engine) Submit(ctx context.Context, r Request) (*Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := e.check(&r); err != nil {
		return nil, err
	}
	s, err := e.newSequence(r)
	if err != nil {
		return nil, err
	}
	if err := e.mail.submit(s); err != nil {
		return nil, err
	}
	select {
	case err := <-s.admitted:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		s.stream.Cancel()
		return nil, ctx.Err()
	}
	s.stream.follow(ctx)
	return s.stream, nil
}

// Err is why the engine has failed; nil while it works and after Close.
func (e *Engine) Err() error { return e.mail.failure() }

// Drain lets no new request in and waits until those that are in have ended. Its
// error is the context's, or that of a failed backend.
func (e *Engine) Drain(ctx context.Context) error {
	empty := e.mail.drain()
	select {
	case <-empty:
		return e.mail.failure()
	case <-e.done:
		return e.mail.failure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends what runs with FinishAborted and ErrClosed, waits for the steps
// under way, and closes the backend and the trace. Its error is theirs.
func (e *Engine) Close() error {
	e.mail.close()
	<-e.done
	return e.closed
}
