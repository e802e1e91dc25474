package sandbox

import (
	"context"
	"encoding/json"
	"time"
)

// Language is what a program is written in.
type Language string

// The languages.
const (
	JavaScript Language = "javascript"
	// Wasm is a WebAssembly module, binary or (as text in a recording) base64.
	Wasm Language = "wasm"
)

// Run is one program to run, in an instance of its own.
type Run struct {
	Language Language
	Source   []byte
	// Session is whose program it is: all runs of one session together hold no
	// more than Config.PerSession children. Empty: nobody's, and not counted.
	Session string
	// Input is a JSON value: the global `input` of JavaScript, standard input of
	// a WebAssembly module. nil is null.
	Input  json.RawMessage
	Limits Limits
	// Hosts names the host functions that the program may call; Host answers
	// them, on this side of the border, one at a time. Any other name is refused
	// in the child already. Its error's text is thrown into the program.
	Hosts []string
	Host  func(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error)
	// Clock is what the program's clock stands at, frozen; zero is the epoch.
	// Seed feeds its random numbers.
	Clock time.Time
	Seed  uint64
}

// Limits bound a run. A zero field takes the pool's default, which is also the
// most that a run may ask for.
type Limits struct {
	Wall      time.Duration // from request to result; then the child is killed
	Memory    int64         // bytes of the program's heap or linear memory
	Stack     int64         // bytes of the program's stack
	Output    int           // bytes of value, output and errors together
	HostCalls int
	HostBytes int64  // bytes of host calls' arguments and results together
	Fuel      uint64 // deterministic units of work, where the language has them; 0 in the default: not counted
}

// Result is what came of a run that was run: well, or stopped by a limit.
type Result struct {
	Value  json.RawMessage // of the program; nil after a fault
	Output []byte          // what it printed
	Fault  *Fault          // nil: it came to its end
	Used   Used
}

// Fault is why a program did not come to its end.
type Fault struct {
	Kind    FaultKind
	Message string // of the program's own error, or what the limit was
}

func (f *Fault) Error() string { return string(f.Kind) + ": " + f.Message }

// FaultKind says which limit a program met.
type FaultKind string

// The faults. A Crash is a child that died of something else.
const (
	Thrown        FaultKind = "thrown" // the program's own error, a syntax error included
	WallExceeded  FaultKind = "wall"
	MemoryFull    FaultKind = "memory"
	StackOverflow FaultKind = "stack"
	OutputFull    FaultKind = "output"
	HostCallsUsed FaultKind = "host-calls"
	FuelUsed      FaultKind = "fuel"
	Crash         FaultKind = "crash"
)

// Used is what a run took.
type Used struct {
	// Queue passed until a child was free, Wall from there to the result.
	Queue, Wall, CPU time.Duration
	Memory           int64 // peak of the program's memory in bytes, where known
	HostCalls        int
	HostBytes        int64
	Fuel             uint64
	Cold             bool // no warm child was there: one was started for it
}
