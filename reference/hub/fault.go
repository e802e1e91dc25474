package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tierlab/workloads"
)

// faultf is a failed call.
func faultf(status workloads.Status, format string, args ...any) *Error {
	return &Error{Status: status, Err: fmt.Errorf(format, args...)}
}

// ended words the end of a call's context: its own limit, or somebody's wish.
func ended(ctx context.Context) *Error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Status: workloads.StatusTimeout, Err: err}
	}
	return &Error{Status: workloads.StatusCancelled, Err: err}
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) *Error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
