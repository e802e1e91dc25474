package cli

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestProgressOnATerminal redraws one line and leaves it empty.
func TestProgressOnATerminal(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(Stdio{Err: &b, Terminal: true}, false)
	p.every = 0
	p.Update("%d of 10", 10)
	p.Update("%d", 7)
	p.Say("note")
	p.Update("x")
	p.Done()
	if got, want := b.String(), "\r10 of 10\r7       \r \rnote\n\rx\r \r"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestProgressInALog writes whole lines, and not many.
func TestProgressInALog(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(Stdio{Err: &b}, false)
	for range 1000 {
		p.Update("never")
	}
	p.last = time.Now().Add(-time.Hour)
	p.Update("once")
	p.Done()
	if got, want := b.String(), "once\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProgressQuiet(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(Stdio{Err: &b, Terminal: true}, true)
	p.every = 0
	p.Update("a")
	p.Say("b")
	p.Done()
	if b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
}

// TestProgressFromManyGoroutines is for the race detector.
func TestProgressFromManyGoroutines(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(Stdio{Err: &b}, false)
	p.every = 0
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 50 {
				p.Update("%d", i)
			}
		})
	}
	group.Wait()
	if n := strings.Count(b.String(), "\n"); n != 200 {
		t.Errorf("%d lines, want 200", n)
	}
}
