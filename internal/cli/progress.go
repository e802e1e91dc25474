package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress shows how far a command is, on standard error: one line redrawn in
// place on a terminal, else a line of its own every few seconds, so that a
// log stays short. It may be used by several goroutines.
type progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	every    time.Duration
	last     time.Time
	width    int // of the line on the terminal
}

// newProgress returns a progress that writes to io.Err, or one that writes
// nothing when quiet.
func newProgress(stdio Stdio, quiet bool) *progress {
	p := &progress{w: stdio.Err, terminal: stdio.Terminal, every: 5 * time.Second, last: time.Now()}
	if p.terminal {
		p.every = 100 * time.Millisecond
	}
	if quiet {
		p.w = nil
	}
	return p
}

// Update replaces what is shown. It may be called often; most calls show
// nothing.
func (p *progress) Update(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil || time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	line := fmt.Sprintf(format, args...)
	if !p.terminal {
		fmt.Fprintln(p.w, line)
		return
	}
	fmt.Fprintf(p.w, "\r%-*s", p.width, line)
	p.width = len(line)
}

// Say writes a line that stays.
func (p *progress) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// Done removes the line that is redrawn.
func (p *progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		p.clear()
	}
}

func (p *progress) clear() {
	if p.width > 0 {
		fmt.Fprintf(p.w, "\r%-*s\r", p.width, "")
		p.width = 0
	}
}
