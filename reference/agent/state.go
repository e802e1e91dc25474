package agent

import (
	"fmt"
	"hash/fnv"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// state is all of a Machine that events change. It holds no pointers, so that
// Digest can print it.
type state struct {
	id     uint64
	origin topology.OriginID
	home   topology.SiteID
	limits workloads.Budget

	now, start, end time.Duration
	turn            time.Duration // between the user and the home
	arrived         bool
	finished        bool
	// status is empty until it is decided how the session ends.
	status workloads.Status
	blamed int32 // the step that stopped the session, or -1

	steps    []step
	attempts []attempt
	tools    []tool
	moments  []happened // that have not set off their edges yet

	active, done         int // steps that are due and not done, or done
	armed, held, pausing int // steps with a Due timer, in holding, in pausing
	open                 int // effects that an event has yet to answer
	toolsDone            int
	violations           int // answers that break the contract
	split                workloads.Split

	money
	past
}

// past is what History reports, and the verdict on the answers.
type past struct {
	accepted, failures, cheap int
	fatal                     int // accepted answers whose error fails the session
	warm                      [4]warm
}

// step is the state of one step. Times are since the start of the run.
type step struct {
	phase    phase
	flags    flags
	edges    int32 // outstanding
	cause    int32 // the edge that makes it due, or -1
	dueAt    time.Duration
	due      time.Duration
	llmDone  time.Duration
	toolsAt  time.Duration // when its tool calls could start
	done     time.Duration
	ready    time.Duration // when it was ready for its next attempt
	mark     time.Duration // up to here its time is attributed
	split    [parts]time.Duration
	overhead picoUSD // reserved for its commits and tools

	first, last int32 // its attempts in the log, or -1
	racing      [2]int32
	attempts    int32
	before      int32 // attempts that belong to its compaction call
	hedges      int32 // of its present call
	lost        int32 // of its present call
	unsettled   int32
	failures    int32
	escalation  int32
	answer      int32 // the latest answer in the log, or -1
	why         workloads.Status
	plan        plan

	toolsLeft, spawnsLeft int32
	priced                int32 // tool calls that its overhead covers
	cut, sum              int32 // compaction: see compact.go
}

// flags are a step's booleans.
type flags uint16

const (
	reserved   flags = 1 << iota // its overhead is reserved
	awaiting                     // a Route, Commit or Validate is not answered
	reported                     // StepDone is out
	ledBySpawn                   // its last tool call to end was a spawn
	compacting                   // its compaction call is under way
	compacted                    // its context has just been compacted
	stored                       // its first attempt has been committed
)

func (f flags) has(x flags) bool { return f&x != 0 }

type tool struct {
	left    int32 // spawned steps that are not done
	running bool
	waiting bool // for its spawned steps
}

type happened struct {
	step int32
	what moment
}

// Program is what the machine runs.
func (m *Machine) Program() *Program { return m.prog }

// Config is how the session behaves.
func (m *Machine) Config() *Config { return m.cfg }

// ID, Key, Origin and Home are what Reset was given.
func (m *Machine) ID() uint64                { return m.id }
func (m *Machine) Key() rng.Stream           { return m.key }
func (m *Machine) Origin() topology.OriginID { return m.origin }
func (m *Machine) Home() topology.SiteID     { return m.home }

// Started is when the session arrived.
func (m *Machine) Started() time.Duration { return m.start }

// Active counts the steps that are due and not done, Done those that are done.
func (m *Machine) Active() int { return m.active }
func (m *Machine) Done() int   { return m.done }

// ToolRunning says that a tool call was asked for and has not been answered.
func (m *Machine) ToolRunning(s, t int32) bool { return m.tools[m.prog.nodes[s].tool+t].running }

// Finished says that Finish is out: the machine takes no more events.
func (m *Machine) Finished() bool { return m.finished }

// Status is how the session ended, or empty.
func (m *Machine) Status() workloads.Status { return m.status }

// Split is the finished session's critical path.
func (m *Machine) Split() workloads.Split { return m.split }

// Cost is what the session has cost so far.
func (m *Machine) Cost() workloads.Cost { return m.cost }

// Reserved is what is set aside for effects under way, in US dollars.
func (m *Machine) Reserved() float64 { return m.reserved.usd() }

// Overrun sums, in US dollars, by how much prices exceeded what had been
// reserved for them: how far a budget can be overshot.
func (m *Machine) Overrun() float64 { return m.overrun }

// Violations counts answers that break the contract: calls whose parts did not
// sum to the time they took, and prices below 0.
func (m *Machine) Violations() int { return m.violations }

// Digest is a hash of all that events have changed: machines that were Reset
// alike and took the same events have the same. It is slow.
func (m *Machine) Digest() uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v", m.state)
	return h.Sum64()
}
