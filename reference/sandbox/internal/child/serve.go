package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/tetratelabs/wazero"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/quickjs"
)

// Serve answers the pool on in and out until in ends, and returns the process's
// exit code. What is printed by accident goes to standard error, of which the
// pool keeps the end for its report of a crash.
func Serve(in io.Reader, out io.Writer) int {
	os.Stdout = os.Stderr
	debug.SetGCPercent(gcPercent)
	c := &child{out: out, inbox: make(chan inbound)}
	go c.receive(in)
	if err := c.serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox child:", err)
		return 1
	}
	return 0
}

// gcPercent is lower than usual: the memory of the programs' instances is part
// of the heap, is large, and is never garbage.
const gcPercent = 25

// What the pool may send, in bytes. The pool's own bounds are lower.
const (
	maxSetup   = 1 << 16
	maxMessage = 256 << 20
)

type child struct {
	out   io.Writer
	inbox chan inbound
	frame []byte // memory of the next frame to send

	setup    *border.Setup
	js       *quickjs.Engine
	fresh    *quickjs.Instance
	confined string
}

type inbound struct {
	kind    border.Kind
	message []byte
}

// receive hands on what the pool sends. When the pool is gone so is this
// process, whatever program runs in it.
func (c *child) receive(in io.Reader) {
	r := border.NewReader(in)
	for {
		kind, message, err := r.Next(func(k border.Kind) int {
			if k == border.KindSetup {
				return maxSetup
			}
			return maxMessage
		})
		if err != nil {
			if err != io.EOF {
				fmt.Fprintln(os.Stderr, "sandbox child: read:", err)
			}
			os.Exit(0)
		}
		c.inbox <- inbound{kind, bytes.Clone(message)}
	}
}

func (c *child) serve(ctx context.Context) error {
	if err := c.start(ctx); err != nil {
		return err
	}
	for {
		if err := c.ready(ctx); err != nil {
			return err
		}
		m, err := c.await(border.KindStart)
		if err != nil {
			return err
		}
		p, err := border.ParseStart(m)
		if err != nil {
			return err
		}
		if err := c.run(ctx, p); err != nil {
			return err
		}
	}
}

// start makes everything that programs share.
func (c *child) start(ctx context.Context) error {
	m, err := c.await(border.KindSetup)
	if err != nil {
		return err
	}
	if c.setup, err = border.ParseSetup(m); err != nil {
		return err
	}
	var cache wazero.CompilationCache
	if c.setup.Cache != "" {
		if cache, err = wazero.NewCompilationCacheWithDir(c.setup.Cache); err != nil {
			return fmt.Errorf("the cache of compiled modules: %w", err)
		}
	}
	c.js, err = quickjs.New(ctx, cache, c.setup.Memory)
	return err
}

// ready makes the next program's instance before the program comes.
func (c *child) ready(ctx context.Context) (err error) {
	if c.fresh == nil {
		if c.fresh, err = c.js.Fresh(ctx); err != nil {
			return err
		}
	}
	cpu, memory := usage()
	r := border.Ready{Resident: memory, CPU: int64(cpu), Confined: c.confined}
	return c.send(r.Append(c.frame))
}

func (c *child) send(frame []byte) error {
	c.frame = frame
	_, err := c.out.Write(frame)
	return err
}

func (c *child) await(want border.Kind) ([]byte, error) {
	m := <-c.inbox
	if m.kind != want {
		return nil, fmt.Errorf("a frame of kind %v, where %v was expected", m.kind, want)
	}
	return m.message, nil
}

// run runs one program and reports what came of it. An error is the engine's
// own, after which the process is of no use.
func (c *child) run(ctx context.Context, p *border.Program) error {
	before, _ := usage()
	g := newGuest(c, p)
	out, err := c.execute(ctx, p, g)
	if err != nil {
		return err
	}
	if err := g.flush(); err != nil {
		return err
	}
	after, _ := usage()
	d := border.Done{CPU: int64(after - before), Memory: out.Memory, Fuel: out.Fuel}
	switch {
	case out.Stop != nil:
		d.Fault, d.Message = out.Stop.Fault, out.Stop.Message
	case int64(len(out.Value)) > g.output:
		d.Fault, d.Message = border.OutputFull, outputFull(p)
	default:
		d.Value = out.Value
	}
	return c.send(d.Append(c.frame))
}

func (c *child) execute(ctx context.Context, p *border.Program, g *guest) (*border.Outcome, error) {
	switch p.Language {
	case "javascript":
		i := c.fresh
		c.fresh = nil
		return c.js.Run(ctx, i, p, g)
	}
	return nil, errors.New("unknown language " + p.Language)
}

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
		return g.flush()
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
	if g.calls == 0 {
		return nil, &border.Stop{Fault: border.HostCallsUsed, Message: fmt.Sprintf("the program used its %d host calls", g.p.HostCalls)}
	}
	if int64(len(args)) > g.hostBytes {
		return nil, g.tooMuch()
	}
	g.calls--
	g.hostBytes -= int64(len(args))
	if err := g.flush(); err != nil {
		return nil, err
	}
	call := border.Call{Name: name, Args: args}
	if err := g.c.send(call.Append(g.c.frame)); err != nil {
		return nil, err
	}
	return g.answer()
}

func (g *guest) answer() ([]byte, error) {
	m, err := g.c.await(border.KindAnswer)
	if err != nil {
		return nil, err
	}
	a, err := border.ParseAnswer(m)
	switch {
	case err != nil:
		return nil, err
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
