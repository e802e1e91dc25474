package topology

import "time"

// Platform says where state, orchestration and tools are, and what they cost.
type Platform struct {
	State         StateStore
	Orchestration Orchestration
	Sandbox       Sandbox
	// ToolsAt is "home", "data", or the tier whose nearest site runs the tools.
	ToolsAt string
	// KeepAlive is how long a connection stays open without use.
	KeepAlive time.Duration
	// ViewInterval is how often a site reports its load; the report's way to
	// the reader is added.
	ViewInterval time.Duration
	// InitialWindow is the congestion window of a new connection in bytes
	// (RFC 6928: 10 segments).
	InitialWindow int
	TLSRoundTrips int // of connection set-up, TCP included
	BytesPerToken float64
	SSEBytes      float64 // framing per streamed token
}

// StateStore is where a session's events become durable.
type StateStore struct {
	External bool
	// CommitP50 and CommitP99 are the store's own time per write (lognormal).
	CommitP50, CommitP99 time.Duration
	USDPerWrite          float64
}

// Orchestration is who drives the steps.
type Orchestration struct {
	Service       bool
	TransitionP50 time.Duration
	TransitionP99 time.Duration
	USDPerStep    float64
	StepsPerCall  int // transitions for one model call and its tools
}

// Sandbox is where tools run.
type Sandbox struct {
	Kind           string // isolate or container
	StartP50       time.Duration
	StartP99       time.Duration
	WarmShare      float64 // of calls that find a warm sandbox
	WarmStart      time.Duration
	USDPerCall     float64
	USDPerGBSecond float64 // of the memory held while a tool runs
	MemoryGB       float64
}

// Price is what a tool call costs that runs for the given time, in US dollars.
func (s *Sandbox) Price(run time.Duration) float64 {
	return s.USDPerCall + run.Seconds()*s.MemoryGB*s.USDPerGBSecond
}
