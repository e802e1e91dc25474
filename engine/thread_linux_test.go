package engine_test

import (
	"syscall"
	"testing"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/backend/null"
)

// threaded is a backend that wants one thread, and notes those it was called on.
type threaded struct {
	backend.Backend
	threads map[int]bool
}

func (b *threaded) Caps() backend.Caps {
	c := b.Backend.Caps()
	c.Locked = true
	return c
}

func (b *threaded) Submit(s *backend.Step) error {
	b.threads[syscall.Gettid()] = true
	return b.Backend.Submit(s)
}

func (b *threaded) Wait(r *backend.Result) error {
	b.threads[syscall.Gettid()] = true
	return b.Backend.Wait(r)
}

func (b *threaded) Close() error {
	b.threads[syscall.Gettid()] = true
	return b.Backend.Close()
}

// TestLocked: a backend that asks for one thread is called from one.
func TestLocked(t *testing.T) {
	b := &threaded{threads: map[int]bool{}}
	e := open(t, func(n *null.Config, c *engine.Config) {
		var err error
		if b.Backend, err = null.Open(*n); err != nil {
			t.Fatal(err)
		}
		c.Backend = b
	})
	for i := range 20 {
		generate(t, e, engine.Request{Prompt: ids(8, uint64(i)), MaxTokens: 20, Logprobs: -1})
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if len(b.threads) != 1 {
		t.Errorf("called on %d threads", len(b.threads))
	}
}
