package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tierlab/reference/sandbox/internal/border"
)

// exchange is one run on a worker: what the child may still send is counted
// here, whatever the child says of itself.
type exchange struct {
	*worker
	caller context.Context
	ctx    context.Context // of host calls; ends with the run
	run    *Run
	result *Result
	output int   // bytes left
	bytes  int64 // of host calls, left
	over   bool  // the child has been told that host calls have used all bytes
	end    atomic.Int32
}

// Why a run was ended from this side.
const (
	endedNot = iota
	endedWall
	endedCancel
	endedClose
)

// run runs a checked run and releases the worker.
func (w *worker) run(ctx, closing context.Context, r *Run) (*Result, error) {
	start := time.Now()
	inner, cancel := context.WithDeadline(ctx, start.Add(r.Limits.Wall))
	defer cancel()
	x := &exchange{
		worker: w, caller: ctx, ctx: inner, run: r, result: new(Result),
		output: r.Limits.Output, bytes: r.Limits.HostBytes,
	}
	x.result.Used.Cold, w.cold = w.cold, false
	wall := time.AfterFunc(r.Limits.Wall, func() { x.stop(endedWall) })
	cancelled := context.AfterFunc(ctx, func() { x.stop(endedCancel) })
	closed := context.AfterFunc(closing, func() { x.stop(endedClose) })
	done, err := x.converse()
	// Only the first end counts: after this none of the timers kills the child,
	// which may be another run's by then.
	alive := x.end.CompareAndSwap(endedNot, -1) && err == nil
	wall.Stop()
	cancelled()
	closed()
	x.result.Used.Wall = time.Since(start)
	if !alive {
		return x.lost(err)
	}
	x.finish(done)
	w.released <- true
	return x.result, nil
}

// stop ends the run for a reason, if nothing else has.
func (x *exchange) stop(why int32) {
	if x.end.CompareAndSwap(endedNot, why) {
		x.kill()
	}
}

// lost is the result of a run whose child is gone.
func (x *exchange) lost(err error) (*Result, error) {
	x.kill()
	defer func() { x.released <- false }()
	r := x.result
	r.Used.CPU = x.cpuOfDead()
	switch x.end.Load() {
	case endedWall:
		r.Fault = &Fault{WallExceeded, fmt.Sprintf("the program ran longer than %v", x.run.Limits.Wall)}
	case endedCancel:
		return nil, context.Cause(x.caller)
	case endedClose:
		return nil, ErrClosed
	default:
		r.Fault = &Fault{Crash, x.explain(err).Error()}
	}
	return r, nil
}

// reapWithin is how long a result waits for a killed child's figures.
const reapWithin = 2 * time.Millisecond

// cpuOfDead is what a killed child took since it was last ready, or the wall
// time where the system takes too long to say.
func (x *exchange) cpuOfDead() time.Duration {
	select {
	case <-x.exited:
		_, cpu := x.process.post()
		return max(0, cpu-x.cpu)
	case <-time.After(reapWithin):
		return x.result.Used.Wall
	}
}

// converse sends the program and answers until it is done.
func (x *exchange) converse() (*border.Done, error) {
	if err := x.send(x.start()); err != nil {
		return nil, err
	}
	for {
		kind, m, err := x.frames.Next(x.allowed)
		if err != nil {
			return nil, err
		}
		switch kind {
		case border.KindOutput:
			if len(m) == 0 { // it would use up nothing, and could come for ever
				return nil, &border.FrameError{What: "output of no bytes"}
			}
			x.output -= len(m)
			x.result.Output = append(x.result.Output, m...)
		case border.KindCall:
			err = x.call(m)
		default:
			return x.done(m)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (x *exchange) start() []byte {
	r, l := x.run, x.run.Limits
	var clock int64
	if !r.Clock.IsZero() {
		clock = r.Clock.UnixNano()
	}
	p := border.Program{
		Source: r.Source, Input: r.Input, Hosts: r.Hosts, Clock: clock, Seed: r.Seed,
		Memory: l.Memory, Stack: l.Stack, Output: int64(l.Output), HostCalls: int64(l.HostCalls), HostBytes: l.HostBytes, Fuel: l.Fuel,
	}
	return p.Append(x.frame)
}

// What a message may have beside its bounded parts.
const (
	maxFaultText = 8 << 10
	fieldRoom    = 64
)

// allowed bounds the next message of a kind.
func (x *exchange) allowed(k border.Kind) int {
	switch k {
	case border.KindOutput:
		return x.output
	case border.KindCall:
		if x.over || x.result.Used.HostCalls >= x.run.Limits.HostCalls || len(x.run.Hosts) == 0 {
			return -1
		}
		return int(x.bytes) + maxHostName + fieldRoom
	case border.KindDone:
		return x.output + maxFaultText + fieldRoom
	}
	return -1
}

// call answers a host call. The host function runs beside this goroutine, so
// that one that does not heed its context cannot hold up the run's end.
func (x *exchange) call(m []byte) error {
	c, err := border.ParseCall(m)
	switch {
	case err != nil:
		return err
	case !slices.Contains(x.run.Hosts, c.Name):
		return &border.FrameError{What: fmt.Sprintf("a call of %.40q, which was not granted", c.Name)}
	case int64(len(c.Args)) > x.bytes:
		return &border.FrameError{What: "a call with more bytes than are left"}
	case !json.Valid(c.Args):
		return &border.FrameError{What: fmt.Sprintf("a call of %q whose arguments are no JSON value", c.Name)}
	}
	used := &x.result.Used
	used.HostCalls++
	x.spend(len(c.Args))
	answers := make(chan border.Answer, 1)
	go func(args json.RawMessage) {
		value, err := x.run.Host(x.ctx, c.Name, args)
		answers <- answer(c.Name, value, err)
	}(bytes.Clone(c.Args))
	var a border.Answer
	select {
	case a = <-answers:
	case <-x.ctx.Done():
		if x.caller.Err() != nil {
			x.stop(endedCancel)
		} else {
			x.stop(endedWall)
		}
		return x.ctx.Err()
	}
	if n := len(a.Value) + len(a.Error); int64(n) > x.bytes {
		a, x.over = border.Answer{Over: true}, true
	} else {
		x.spend(n)
	}
	return x.send(a.Append(x.frame))
}

func (x *exchange) spend(n int) {
	x.bytes -= int64(n)
	x.result.Used.HostBytes += int64(n)
}

// answer is what the program gets: a host function's JSON value, or the text of
// an error.
func answer(name string, value json.RawMessage, err error) border.Answer {
	switch {
	case err != nil:
		return border.Answer{Error: either(strings.ToValidUTF8(err.Error(), "\uFFFD"), "error without a text")}
	case len(value) == 0:
		return border.Answer{Value: []byte("null")}
	case !json.Valid(value):
		return border.Answer{Error: fmt.Sprintf("host function %s returned no JSON value", name)}
	}
	return border.Answer{Value: value}
}

// faults are those that a child may report. The wall limit is this side's.
var faults = []FaultKind{Thrown, MemoryFull, StackOverflow, OutputFull, HostCallsUsed, FuelUsed, Crash}

// done checks the message that ends a run.
func (x *exchange) done(m []byte) (*border.Done, error) {
	d, err := border.ParseDone(m)
	switch {
	case err != nil:
		return nil, err
	case d.CPU < 0 || d.Memory < 0:
		return nil, &border.FrameError{What: "a figure below zero"}
	case d.Fault != "" && !slices.Contains(faults, FaultKind(d.Fault)):
		return nil, &border.FrameError{What: fmt.Sprintf("no fault is called %.40q", d.Fault)}
	case d.Fault != "" && len(d.Value) > 0:
		return nil, &border.FrameError{What: "a value beside a fault"}
	case d.Fault == "" && x.over:
		return nil, &border.FrameError{What: "a value from a run that was ended"}
	case len(d.Value) > x.output:
		return nil, &border.FrameError{What: "a value with more bytes than are left"}
	case d.Fault == "" && !json.Valid(d.Value):
		return nil, &border.FrameError{What: "a value that is no JSON"}
	}
	return d, nil
}

func (x *exchange) finish(d *border.Done) {
	r := x.result
	r.Used.CPU, r.Used.Memory, r.Used.Fuel = time.Duration(d.CPU), d.Memory, d.Fuel
	if d.Fault != "" {
		r.Fault = &Fault{FaultKind(d.Fault), d.Message}
		return
	}
	r.Value = bytes.Clone(d.Value)
}
