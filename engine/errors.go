package engine

import (
	"errors"
	"fmt"

	"tierlab/engine/sample"
)

// The errors of Submit, beside *RequestError and the failure of the backend.
var (
	ErrFull     = errors.New("engine: the queue is full")                           // HTTP 429
	ErrDraining = errors.New("engine: it ends what it has begun and takes no more") // HTTP 503
	ErrClosed   = errors.New("engine: it is closed")                                // HTTP 503
)

// RequestError says what is wrong with a request: HTTP 400.
type RequestError struct {
	Param   string // as the OpenAI API names it, where it has a name for it
	Message string // names the parameter
}

func (e *RequestError) Error() string { return e.Message }

// PanicError is a panic of the engine's loop or of a part that it drives.
type PanicError struct {
	Value any
	Stack []byte // for a log: Error leaves it out
}

func (e *PanicError) Error() string { return fmt.Sprintf("engine: panic: %v", e.Value) }

func badParam(param, format string, args ...any) error {
	return &RequestError{Param: param, Message: fmt.Sprintf(format, args...)}
}

// asRequestError names the fault of a sampling parameter.
func asRequestError(err error) error {
	var p *sample.ParamError
	if errors.As(err, &p) {
		return &RequestError{Param: p.Param, Message: p.Message}
	}
	return err
}
