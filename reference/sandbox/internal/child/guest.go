package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tierlab/reference/sandbox/internal/border"
)

// guest is the running program's way out, with what it may still send.
type guest struct {
	c         *child
	p         *border.Program
	granted   map[string]bool
	output    int64
	calls     int64
	hostBytes int64
	pending   []byte // printed and not yet sent
	flushed   time.Time
	lost      error // the pool cannot be reached, or breaks the protocol
}

// end stops the program because of the child's own trouble.
func (g *guest) end(err error) error {
	g.lost = err
	return &border.Stop{Fault: border.Crash, Message: err.Error()}
}

func newGuest(c *child, p *border.Program) *guest {
	g := &guest{c: c, p: p, granted: make(map[string]bool, len(p.Hosts)), output: p.Output, calls: p.HostCalls, hostBytes: p.HostBytes}
	for _, name := range p.Hosts {
		g.granted[name] = true
	}
	return g
}

// What a program prints is sent when that much has come together or that much
// time has passed, so that little is lost when it is killed.
const (
	flushBytes = 8 << 10
	flushAfter = time.Millisecond
)

// Print implements border.Guest.
func (g *guest) Print(p []byte) error {
	full := int64(len(p)) > g.output
	p = p[:min(int64(len(p)), g.output)]
	g.output -= int64(len(p))
	g.pending = append(g.pending, p...)
	if full {
		return &border.Stop{Fault: border.OutputFull, Message: outputFull(g.p)}
	}
	if now := time.Now(); len(g.pending) >= flushBytes || now.Sub(g.flushed) > flushAfter {
		g.flushed = now
		if err := g.flush(); err != nil {
			return g.end(err)
		}
	}
	return nil
}

func outputFull(p *border.Program) string {
	return fmt.Sprintf("the program's output and value exceed %d bytes", p.Output)
}

func (g *guest) flush() error {
	if len(g.pending) == 0 {
		return nil
	}
	err := g.c.send(border.Close(append(border.Frame(g.c.frame, border.KindOutput), g.pending...)))
	g.pending = g.pending[:0]
	return err
}

// Call implements border.Guest.
func (g *guest) Call(name string, args []byte) ([]byte, error) {
	if !g.granted[name] {
		return nil, fmt.Errorf("no host function %q", name)
	}
	if !json.Valid(args) {
		return nil, fmt.Errorf("host function %s: the argument is nested too deep to be handed on", name)
	}
	if g.calls == 0 {
		return nil, &border.Stop{Fault: border.HostCallsUsed, Message: fmt.Sprintf("the program used its %d host calls", g.p.HostCalls)}
	}
	if int64(len(args)) > g.hostBytes {
		return nil, g.tooMuch()
	}
	g.calls--
	g.hostBytes -= int64(len(args))
	if err := g.flush(); err != nil {
		return nil, g.end(err)
	}
	call := border.Call{Name: name, Args: args}
	if err := g.c.send(call.Append(g.c.frame)); err != nil {
		return nil, g.end(err)
	}
	return g.answer()
}

func (g *guest) answer() ([]byte, error) {
	m, err := g.c.await(border.KindAnswer)
	if err != nil {
		return nil, g.end(err)
	}
	a, err := border.ParseAnswer(m)
	switch {
	case err != nil:
		return nil, g.end(err)
	case a.Over:
		return nil, g.tooMuch()
	case a.Error != "":
		g.hostBytes -= int64(len(a.Error))
		return nil, errors.New(a.Error)
	}
	g.hostBytes -= int64(len(a.Value))
	return a.Value, nil
}

func (g *guest) tooMuch() error {
	return &border.Stop{Fault: border.HostCallsUsed, Message: fmt.Sprintf("host calls' arguments and results exceed %d bytes", g.p.HostBytes)}
}
