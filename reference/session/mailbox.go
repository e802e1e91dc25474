package session

import "sync"

// input is one thing for an actor to do. If the actor ends before, fail is told
// why, unless it is nil.
type input struct {
	do   func(a *actor)
	fail func(error)
}

// mailbox is an actor's queue. To put something in never waits: what is in it is
// bounded by the calls that are under way and by the callers that wait.
type mailbox struct {
	mu   sync.Mutex
	list []input
	shut bool
	bell chan struct{} // has an element when the list may not be empty
}

// put says whether the actor will see the input.
func (b *mailbox) put(in input) bool {
	b.mu.Lock()
	if b.shut {
		b.mu.Unlock()
		return false
	}
	b.list = append(b.list, in)
	b.mu.Unlock()
	select {
	case b.bell <- struct{}{}:
	default:
	}
	return true
}

// take empties the mailbox into spare.
func (b *mailbox) take(spare []input) []input {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = spare[:0]
	return list
}

func (b *mailbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list) == 0
}

// close refuses further input and returns what is left. With idle set it closes
// only an empty mailbox.
func (b *mailbox) close(idle bool) ([]input, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if idle && len(b.list) > 0 {
		return nil, false
	}
	b.shut = true
	left := b.list
	b.list = nil
	return left, true
}
