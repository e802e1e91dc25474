package border

// Guest is what a running program reaches of the world: the way out of an
// engine, on the child's side. A *Stop returned by one of its methods ends the
// program at once; the engine passes it on.
type Guest interface {
	// Print takes output.
	Print(p []byte) error
	// Call asks a host function. An error that is no *Stop is the program's to
	// handle.
	Call(name string, args []byte) ([]byte, error)
}

// Stop ends a run by one of its limits, or by the program's own error.
type Stop struct {
	Fault   string // one of sandbox.FaultKind
	Message string
}

func (s *Stop) Error() string { return s.Fault + ": " + s.Message }

// Outcome is what an engine makes of a program.
type Outcome struct {
	Value  []byte // JSON; nil where Stop is not
	Stop   *Stop
	Memory int64 // peak in bytes
	Fuel   uint64
}

// The faults that a child can tell: sandbox.FaultKind as text.
const (
	Thrown        = "thrown"
	MemoryFull    = "memory"
	StackOverflow = "stack"
	OutputFull    = "output"
	HostCallsUsed = "host-calls"
	FuelUsed      = "fuel"
	Crash         = "crash"
)

// MaxStack is the most that Program.Stack may be, in bytes.
const MaxStack = 512 << 10
