package tools

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Kind says why a call came to nothing.
type Kind string

// The kinds. The tool has not run for the first four, and for QuotaUsed unless
// its message says so.
const (
	UnknownTool      Kind = "unknown_tool"
	InvalidArguments Kind = "invalid_arguments" // not JSON, or against the input schema
	Refused          Kind = "refused"           // by Options.Gate, or from code by what the session may call
	Busy             Kind = "busy"              // too many calls of the tool were left behind
	QuotaUsed        Kind = "quota_used"        // calls, bytes or the state's size
	TimedOut         Kind = "timeout"           // the tool's own limit
	Cancelled        Kind = "cancelled"         // the caller's context ended
	ToolFailed       Kind = "failed"            // the tool returned an error or panicked
	BadResult        Kind = "bad_result"        // against the output schema, too large, or a write that is none
	OutcomeUnknown   Kind = "outcome_unknown"   // see Registry.Unknown
)

// Error is how Registry.Call fails. The Result beside it says the same to the
// model.
type Error struct {
	Kind Kind
	Tool string
	// Retryable says that the same call may be made again: it failed for a
	// passing reason, and either nothing happened or the tool's class permits a
	// repetition. Whether it is made again is the session's decision.
	Retryable bool
	Err       error
	// Problems are what is wrong with the arguments or the result, in order of
	// path.
	Problems []Problem
}

func (e *Error) Error() string { return fmt.Sprintf("tool %s: %v", e.Tool, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Problem is one place where a value breaks its schema.
type Problem struct {
	Path  string `json:"path"` // a JSON pointer; "" is the whole value
	Found string `json:"found"`
	Want  string `json:"want"`
}

// NotDone marks the error of a tool that has failed before it had any effect, so
// that even a call of the class Once may be made again.
func NotDone(err error) error { return &marked{err: err, notDone: true} }

// Permanent marks the error of a tool that would fail again.
func Permanent(err error) error { return &marked{err: err} }

type marked struct {
	err     error
	notDone bool
}

func (m *marked) Error() string { return m.err.Error() }
func (m *marked) Unwrap() error { return m.err }

// retryable says whether a tool of a class may be called again after err.
func retryable(repeat Repeat, err error) bool {
	var m *marked
	if errors.As(err, &m) {
		return m.notDone
	}
	return repeat != Once
}

// failure is what a model reads of a call that failed.
type failure struct {
	Error    string    `json:"error"`
	Kind     Kind      `json:"kind,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

// Fail is the result of a call that failed in a way that the model can act on.
func Fail(format string, args ...any) Result {
	return failed(failure{Error: fmt.Sprintf(format, args...)})
}

func failed(f failure) Result {
	f.Error = clip(f.Error, maxMessage)
	content, err := json.Marshal(f)
	if err != nil { // strings marshal
		panic(err)
	}
	return Result{Content: content, Failed: true}
}

// result is what the model hears of the error.
func (e *Error) result() Result {
	return failed(failure{Error: e.Err.Error(), Kind: e.Kind, Problems: e.Problems})
}
