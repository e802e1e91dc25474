package child

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/confine"
)

// Serve answers the pool on in and out. It ends the process when in ends, and
// returns an exit code where it cannot go on. What is printed by accident goes to standard error, of which the
// pool keeps the end for its report of a crash.
func Serve(in io.Reader, out io.Writer) int {
	os.Stdout = os.Stderr
	debug.SetGCPercent(gcPercent)
	c := &child{out: out, inbox: make(chan inbound), start: newEngine}
	go func() {
		err := c.receive(in)
		if err != io.EOF {
			fmt.Fprintln(os.Stderr, "sandbox child: read:", err)
		}
		// When the pool is gone so is this process, whatever program runs in it.
		os.Exit(0)
	}()
	fmt.Fprintln(os.Stderr, "sandbox child:", c.serve(context.Background()))
	return 1
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
	start func(context.Context, *border.Setup) (engine, error)

	engine   engine
	confined []byte // of the first Ready message
}

type inbound struct {
	kind    border.Kind
	message []byte
}

// receive hands on what the pool sends, until that ends.
func (c *child) receive(in io.Reader) error {
	r := border.NewReader(in)
	for {
		kind, message, err := r.Next(func(k border.Kind) int {
			if k == border.KindSetup {
				return maxSetup
			}
			return maxMessage
		})
		if err != nil {
			return err
		}
		c.inbox <- inbound{kind, bytes.Clone(message)}
	}
}

// serve returns why it cannot go on.
func (c *child) serve(ctx context.Context) error {
	if err := c.setUp(ctx); err != nil {
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

// setUp makes everything that programs share.
func (c *child) setUp(ctx context.Context) error {
	m, err := c.await(border.KindSetup)
	if err != nil {
		return err
	}
	s, err := border.ParseSetup(m)
	if err != nil {
		return err
	}
	if c.engine, err = c.start(ctx, s); err != nil {
		return err
	}
	return c.confine(s.Confine)
}

// confine gives up what the pool says. From here on nothing can be opened.
func (c *child) confine(how []byte) error {
	if len(how) == 0 {
		return nil
	}
	var config confine.Config
	if err := json.Unmarshal(how, &config); err != nil {
		return err
	}
	report, err := confine.Apply(config)
	if err != nil {
		return err
	}
	c.confined, err = json.Marshal(report)
	return err
}

// ready makes the next program's instance before the program comes.
func (c *child) ready(ctx context.Context) error {
	if err := c.engine.prepare(ctx); err != nil {
		return err
	}
	cpu, memory := usage()
	r := border.Ready{Resident: memory, CPU: int64(cpu), Confined: c.confined}
	c.confined = nil
	return c.send(r.Append(c.frame))
}

func (c *child) send(frame []byte) error {
	c.frame = frame
	_, err := c.out.Write(frame)
	return err
}

func (c *child) await(want border.Kind) ([]byte, error) {
	m, ok := <-c.inbox
	if !ok {
		return nil, io.EOF
	}
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
	out, err := c.engine.run(ctx, p, g)
	if err := cmp.Or(err, g.lost); err != nil {
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
	case !json.Valid(out.Value):
		d.Fault, d.Message = border.Thrown, "the value is nested too deep to be handed on"
	default:
		d.Value = out.Value
	}
	return c.send(d.Append(c.frame))
}
