package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"tierlab/internal/spell"
	"tierlab/workloads"
)

// watchdog ends a request whose server says nothing for too long.
type watchdog struct {
	patience time.Duration
	timer    *time.Timer
	cancel   context.CancelCauseFunc
	ctx      context.Context
}

var errSilent = errors.New("the server sent nothing")

func watch(ctx context.Context, patience time.Duration) (context.Context, *watchdog) {
	w := &watchdog{patience: patience}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(patience, func() { w.cancel(errSilent) })
	return w.ctx, w
}

// alive says that something has come.
func (w *watchdog) alive() { w.timer.Reset(w.patience) }

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// fault says whose doing a failed request was. Ctx is the caller's own.
func (w *watchdog) fault(ctx context.Context, err error) *Error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.Is(context.Cause(w.ctx), errSilent):
		return &Error{Status: workloads.StatusTimeout, Err: fmt.Errorf("%w for %s", errSilent, w.patience)}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Status: workloads.StatusTimeout, Err: err}
	}
	return &Error{Status: workloads.StatusError, Err: err}
}

// hint ends a message about a name that is none of those known.
func hint(name string, known []string) string {
	if text := spell.Hint(name, known); text != "" {
		return text
	}
	return fmt.Sprintf("; it has %d others", len(known))
}
