package engine

// Pending is the number of letters that the loop has not taken.
func (e *Engine) Pending() int {
	e.mail.mu.Lock()
	defer e.mail.mu.Unlock()
	return len(e.mail.letters)
}

// Closing says whether Close has been called.
func (e *Engine) Closing() bool {
	e.mail.mu.Lock()
	defer e.mail.mu.Unlock()
	return e.mail.closing
}
