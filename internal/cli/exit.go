package cli

import (
	"context"
	"errors"
	"fmt"
)

// The exit codes.
const (
	ExitOK        = 0
	ExitFailed    = 1
	ExitUsage     = 2
	ExitThreshold = 99
)

// inputError is what the user can mend: a flag, a setting or an input file.
type inputError struct{ err error }

func (e inputError) Error() string { return e.err.Error() }
func (e inputError) Unwrap() error { return e.err }

// badInput marks err as the input's fault; nil stays nil, and an interrupt
// stays an interrupt.
func badInput(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return inputError{err}
}

// badInputf is badInput of a new error.
func badInputf(format string, args ...any) error {
	return inputError{fmt.Errorf(format, args...)}
}

// thresholdError says that a run is complete but below what was asked of it.
type thresholdError struct{ what string }

func (e thresholdError) Error() string { return "threshold not met: " + e.what }

// exitCode is the process's exit code for what a command returned.
func exitCode(err error) int {
	var input inputError
	var threshold thresholdError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &threshold):
		return ExitThreshold
	case errors.As(err, &input):
		return ExitUsage
	}
	return ExitFailed
}
