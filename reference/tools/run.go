package tools

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// outcome is what a tool's Run returned.
type outcome struct {
	result Result
	err    error
}

// The stages of a running call: whoever moves it on from running decides whose
// outcome counts.
const (
	running int32 = iota
	over
	leftBehind
)

// run has the tool do its work in a goroutine of its own, which is left behind
// if the tool does not end in time.
func (r *Registry) run(ctx context.Context, e *entry, c *Call) (Result, *Error) {
	if n := e.left.Load(); n >= int64(r.options.MaxLeft) {
		return Result{}, &Error{Kind: Busy, Tool: e.tool.Name, Retryable: true,
			Err: fmt.Errorf("%d calls of it have not ended after their time was over: no more are made until one of them does", n)}
	}
	limited, cancel := context.WithTimeout(ctx, r.limit(e))
	defer cancel()
	if limited.Err() != nil {
		return Result{}, r.overtime(ctx, e)
	}
	var stage atomic.Int32
	done := make(chan outcome, 1)
	go func() {
		o := guarded(limited, e, c)
		if stage.CompareAndSwap(running, over) {
			done <- o
			return
		}
		e.left.Add(-1)
		r.late.Add(1)
	}()
	select {
	case o := <-done:
		return r.settle(ctx, limited, e, o)
	case <-limited.Done():
	}
	e.left.Add(1)
	if stage.CompareAndSwap(running, leftBehind) {
		return Result{}, r.overtime(ctx, e)
	}
	e.left.Add(-1)
	return r.settle(ctx, limited, e, <-done)
}

func (r *Registry) limit(e *entry) time.Duration {
	if e.tool.Timeout > 0 {
		return e.tool.Timeout
	}
	return r.options.Timeout
}

// guarded is the tool's Run, with a panic made an error.
func guarded(ctx context.Context, e *entry, c *Call) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = outcome{err: Permanent(fmt.Errorf("the tool panicked: %s", clip(fmt.Sprint(p), maxFound)))}
		}
	}()
	result, err := e.tool.Run(ctx, c)
	return outcome{result, err}
}

// settle makes of a tool's error what the machine can tell.
func (r *Registry) settle(ctx, limited context.Context, e *entry, o outcome) (Result, *Error) {
	switch {
	case o.err == nil:
		return o.result, nil
	case limited.Err() != nil && errors.Is(o.err, limited.Err()):
		return o.result, r.overtime(ctx, e)
	}
	var typed *Error
	if errors.As(o.err, &typed) && typed.Tool == e.tool.Name {
		return o.result, typed
	}
	return o.result, &Error{Kind: ToolFailed, Tool: e.tool.Name, Retryable: retryable(e.tool.Repeat, o.err), Err: o.err}
}

// overtime is the error of a call whose time is over.
func (r *Registry) overtime(ctx context.Context, e *entry) *Error {
	p := &Error{Kind: TimedOut, Tool: e.tool.Name, Retryable: e.tool.Repeat != Once, Err: fmt.Errorf("no result within %v", r.limit(e))}
	if ctx.Err() != nil {
		p.Kind, p.Err = Cancelled, fmt.Errorf("the call was given up: %w", context.Cause(ctx))
	}
	if e.tool.Repeat != Pure {
		p.Err = fmt.Errorf("%w; whether it had an effect is not known", p.Err)
	}
	return p
}
