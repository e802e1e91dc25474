package mcp

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// endless is a reader without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

func TestAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAllowance()
		read := func() int64 {
			n, err := io.Copy(io.Discard, metered{endless{}, a})
			if !errors.Is(err, errFlood) {
				t.Errorf("an endless output ends with %v", err)
			}
			return n
		}
		const slack = 64 << 10 // what one read takes
		if n := read(); n < maxBurst || n > maxBurst+slack {
			t.Errorf("%d bytes at once, want %d", n, maxBurst)
		}
		time.Sleep(3 * time.Second)
		if n := read(); n > 3*perSecond+slack || n < 3*perSecond-slack {
			t.Errorf("%d bytes after 3 s, want %d", n, 3*perSecond)
		}
		time.Sleep(time.Hour)
		if n := read(); n > maxBurst+slack {
			t.Errorf("%d bytes after an hour, want %d", n, maxBurst)
		}
		a.fill()
		if n := read(); n < maxBurst {
			t.Errorf("%d bytes after a call, want %d", n, maxBurst)
		}
	})
}

func TestTail(t *testing.T) {
	var said tail
	if said.String() != "" {
		t.Errorf("nothing was said, and it is %s", said.String())
	}
	for range 100 {
		io.WriteString(&said, strings.Repeat("x", 100))
	}
	io.WriteString(&said, "\x1b[2Jend\n")
	if s := said.String(); len(s) > maxTail+20 || !strings.HasSuffix(s, `\x1b[2Jend"`) {
		t.Errorf("%d bytes: %s", len(s), s)
	}
}
