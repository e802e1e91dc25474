package engine

import (
	"context"
	"sync"
)

// Stream is a request's output. The engine never waits for its reader: what
// has not been read is kept, at most the request's MaxTokens tokens.
type Stream struct {
	cancel func() // tells the loop
	stop   func() bool

	mu     sync.Mutex
	more   sync.Cond
	tokens []Token
	read   int // of tokens
	ended  bool
	finish Finish
	err    error
	usage  Usage
}

func newStream(cancel func()) *Stream {
	s := &Stream{cancel: cancel}
	s.more.L = &s.mu
	return s
}

// Next waits for the next token; false: the output has ended. One goroutine
// reads a stream.
func (s *Stream) Next() (Token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.read == len(s.tokens) && !s.ended {
		s.more.Wait()
	}
	if s.read == len(s.tokens) {
		return Token{}, false
	}
	t := s.tokens[s.read]
	s.tokens[s.read] = Token{} // lets the collector have it
	s.read++
	if s.read == len(s.tokens) {
		s.tokens, s.read = s.tokens[:0], 0
	}
	return t, true
}

// Finish is why the output ended; "" before.
func (s *Stream) Finish() Finish {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish
}

// Usage is complete once the output has ended; after Cancel, or the end of the
// request's context, Done is set when the loop has seen it.
func (s *Stream) Usage() Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usage
}

// Err is why an output was aborted: ErrClosed, the context's error,
// context.Canceled after Cancel, or the backend's failure; nil otherwise.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Cancel ends the output where it is and frees what it holds, if it has not
// ended by itself.
func (s *Stream) Cancel() { s.abort(context.Canceled) }

func (s *Stream) abort(err error) {
	if s.end(FinishAborted, err, nil) {
		s.cancel()
	}
}

// follow ends the stream with ctx.
func (s *Stream) follow(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { s.abort(ctx.Err()) })
	s.mu.Lock()
	s.stop = stop
	ended := s.ended
	s.mu.Unlock()
	if ended {
		stop()
	}
}

// push adds a token; after the end it is dropped.
func (s *Stream) push(t Token, u Usage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.tokens = append(s.tokens, t)
	s.usage = u
	s.more.Signal()
}

// end ends the stream, unless it has ended before, which it reports. The usage
// is the loop's last word, also on a stream that its reader has ended.
func (s *Stream) end(f Finish, err error, u *Usage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u != nil {
		s.usage = *u
	}
	if s.ended {
		return false
	}
	s.ended, s.finish, s.err = true, f, err
	s.more.Broadcast()
	if s.stop != nil {
		s.stop()
	}
	return true
}
