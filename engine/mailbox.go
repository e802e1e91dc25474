package engine

import "sync"

// mailbox is how callers reach the loop. Nobody waits for room in it: a caller
// has at most one submission in it, and a stream one cancellation.
type mailbox struct {
	mu      sync.Mutex
	letters []letter
	spare   []letter
	wake    chan struct{} // holds a signal when there is something to look at
	// admitted counts the requests that were let in and have not ended.
	admitted int
	draining bool
	closing  bool
	empty    chan struct{} // closed when drained
	ended    error         // the loop is over, and why
}

// letter is a request to add, or the number of one to cancel.
type letter struct {
	add    *sequence
	cancel uint64
}

func (m *mailbox) submit(s *sequence) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.ended != nil:
		return m.ended
	case m.closing:
		return ErrClosed
	case m.draining:
		return ErrDraining
	}
	m.admitted++
	m.letters = append(m.letters, letter{add: s})
	m.signal()
	return nil
}

func (m *mailbox) cancel(id uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended == nil {
		m.letters = append(m.letters, letter{cancel: id})
		m.signal()
	}
}

// close asks the loop to end.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closing = true
	m.signal()
}

// drain lets nobody in any more. What it returns is closed when nobody is left.
func (m *mailbox) drain() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draining = true
	if m.empty == nil {
		m.empty = make(chan struct{})
		if m.admitted == 0 {
			close(m.empty)
		}
	}
	return m.empty
}

// leave says that a request which submit let in has ended.
func (m *mailbox) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.admitted--
	if m.admitted == 0 && m.empty != nil {
		close(m.empty)
	}
}

// take empties the box. The letters are valid until the next call.
func (m *mailbox) take() (letters []letter, closing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	letters = m.letters
	m.letters, m.spare = m.spare[:0], letters
	return letters, m.closing
}

// end is the loop's last word: nothing is taken any more.
func (m *mailbox) end(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = err
}

// failure is why the loop ended, unless it was asked to.
func (m *mailbox) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended == ErrClosed {
		return nil
	}
	return m.ended
}

func (m *mailbox) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
