package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/reference/tools"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Config is what a Runtime works with. Store, World, Router, Caller and Owner
// have to be there.
type Config struct {
	Store  journal.Store
	World  *topology.World
	Router *router.Router // of World; the runtime is its only user
	Home   router.HomePolicy
	// Agent says how sessions behave that begin here. CommitEach is always set:
	// it is the output gate. Contexts are not compacted.
	Agent  agent.Config
	Caller hub.Caller
	Tools  Tools          // nil: none
	Ledger *ledger.Ledger // nil: nothing is metered; with one, Router has a MaxOutput
	// Loops say when a session that repeats itself is told so, and stopped; the
	// zero value: ledger.DefaultLoopLimits.
	Loops ledger.LoopLimits
	// Owner is this runtime's name in the store: no two that live at once may
	// share it.
	Owner string
	// Hibernate is how long a session waits awake for nothing but a timer, a
	// message or a person; 0: for as long as it takes.
	Hibernate time.Duration
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
	// MaxTokens bounds the answers of open sessions that do not say; 0: 1024.
	MaxTokens int
	// Validate looks at answers if Agent.Validate is set.
	Validate func(ctx context.Context, c *hub.Call, a *hub.Message) Checked
	// Play says how recorded tool calls are made; nil: PlayTimes.
	Play func(*workloads.Tool) Play
	// Vocab bounds the token ids of recorded sessions' prompts; 0: they get none.
	// Seed names their contents, Retain asks servers to keep contexts over tool
	// calls.
	Vocab  int
	Seed   uint64
	Retain time.Duration
	// Snapshot is how many records may follow a snapshot before the next is
	// made; 0: 512.
	Snapshot int
	// Watchdog is how often the store is asked for timers that nobody serves and
	// messages that nobody has delivered; 0: every 2 s. Overdue is how late
	// another owner's timer must be for this runtime to take its session over;
	// 0: 10 s.
	Watchdog, Overdue time.Duration
	Inbox             Inbox
	// Patience is how long a session tries to write to a store that cannot
	// before it stops; 0: 30 s.
	Patience time.Duration
	// Trouble is told of what goes wrong with a session beside its model and
	// tool calls; nil: nobody is.
	Trouble func(session string, err error)
}

// Tools is the registry as sessions use it.
type Tools interface {
	Lookup(name string) (*tools.Tool, bool)
	// Call validates, runs and bounds a call. An error is a failure beside
	// which the Result says the same to the model.
	Call(ctx context.Context, name string, c *tools.Call) (tools.Result, error)
	// Unknown is what a call comes to that may have been made, and may not be
	// made again.
	Unknown(name string, c *tools.Call) (tools.Result, *tools.Error)
}

// Checked is what a validator says of an answer.
type Checked struct {
	Pass bool
	Why  string
	USD  float64
}

// Inbox bounds the messages that wait for a session. What exceeds it is refused
// to the sender; zero fields take the default.
type Inbox struct {
	Messages int // 64
	Sender   int // of them from one sender: 16
	Bytes    int // of one message: 64 KiB
}

func (c *Config) check() error {
	var errs []error
	missing := func(absent bool, what string) {
		if absent {
			errs = append(errs, fmt.Errorf("session: Config.%s is missing", what))
		}
	}
	missing(c.Store == nil, "Store")
	missing(c.World == nil, "World")
	missing(c.Router == nil, "Router")
	missing(c.Caller == nil, "Caller")
	missing(c.Owner == "", "Owner")
	if c.Ledger != nil && c.Router != nil && c.Router.View().MaxOutput <= 0 {
		errs = append(errs, errors.New("session: a Ledger reserves for the longest answer: give the Router a Config.MaxOutput"))
	}
	if c.Agent.CompactAbove > 0 {
		errs = append(errs, errors.New("session: contexts are not compacted: set no Agent.CompactAbove"))
	}
	if c.Agent.Validate != (c.Validate != nil) {
		errs = append(errs, errors.New("session: Agent.Validate and Config.Validate go together"))
	}
	return errors.Join(append(errs, c.Agent.Check())...)
}

func (c *Config) fill() {
	or := func(d *time.Duration, standard time.Duration) {
		if *d <= 0 {
			*d = standard
		}
	}
	number := func(n *int, standard int) {
		if *n <= 0 {
			*n = standard
		}
	}
	or(&c.Watchdog, 2*time.Second)
	or(&c.Overdue, 10*time.Second)
	or(&c.Patience, 30*time.Second)
	number(&c.Snapshot, 512)
	number(&c.MaxTokens, 1024)
	number(&c.Inbox.Messages, 64)
	number(&c.Inbox.Sender, 16)
	number(&c.Inbox.Bytes, 64<<10)
	c.Agent.CommitEach = true
	if c.Loops == (ledger.LoopLimits{}) {
		c.Loops = ledger.DefaultLoopLimits()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Play == nil {
		c.Play = PlayTimes(&c.Agent)
	}
	if c.Tools == nil {
		c.Tools = none{}
	}
}

// none is a registry without tools.
type none struct{}

func (none) Lookup(string) (*tools.Tool, bool) { return nil, false }
func (none) Call(_ context.Context, name string, _ *tools.Call) (tools.Result, error) {
	return tools.Result{}, fmt.Errorf("there is no tool %q", name)
}

func (none) Unknown(name string, _ *tools.Call) (tools.Result, *tools.Error) {
	return tools.Fail("it is not known how the call of %s ended", name), nil
}

// Play is how a recorded tool call is made: by Run, or, if that is nil, by
// letting For pass.
type Play struct {
	For time.Duration
	Run func(ctx context.Context, c *tools.Call) (tools.Result, error)
}

// PlayTimes lets every recorded call take its recorded time, under a ToolCap.
func PlayTimes(c *agent.Config) func(*workloads.Tool) Play {
	limit := *c
	return func(t *workloads.Tool) Play { return Play{For: limit.CapTool(t.Duration.D())} }
}

// PlayNothing ends every recorded call at once.
func PlayNothing(*workloads.Tool) Play { return Play{} }

// PlayCode makes recorded calls that have code by run, and lets the others pass
// as otherwise says.
func PlayCode(run func(ctx context.Context, code *workloads.Code, c *tools.Call) (tools.Result, error), otherwise func(*workloads.Tool) Play) func(*workloads.Tool) Play {
	return func(t *workloads.Tool) Play {
		if t.Code == nil {
			return otherwise(t)
		}
		return Play{Run: func(ctx context.Context, c *tools.Call) (tools.Result, error) { return run(ctx, t.Code, c) }}
	}
}
