package agent

import (
	"time"

	"tierlab/reference/router"
	"tierlab/workloads"
)

// EventKind says what happened to a session.
type EventKind uint8

// The events that a driver hands to a Machine.
const (
	Arrived     EventKind = 1 + iota // the session begins
	Routed                           // the router has answered: Decision
	AttemptDone                      // a model call ended: Status, Call
	FirstToken                       // the first token of an attempt reached the home
	Validated                        // the validator has looked: Pass, Fatal
	ToolDone                         // a tool call ended: Status
	Committed                        // what the session asked to store is durable
	TimerFired                       // a timer of the session: Timer
	Killed                           // the kill switch
)

// Event is one thing that happened. Step, Attempt and Tool number within the
// session, the step and the step; fields that a kind does not need are zero.
type Event struct {
	Kind  EventKind
	Timer TimerKind
	Pass  bool
	// Fatal, on AttemptDone and Validated, is the quality model's verdict that
	// this answer, once accepted, fails the session. The driver draws it.
	Fatal   bool
	Step    int32
	Attempt int32
	Tool    int32
	Status  workloads.Status
	// Turn, on Arrived, is the round trip between the user and the home. The
	// event comes that much after the user's first message; each later user
	// turn takes it as well. (The way of the last answer is charged with that
	// of the first message.)
	Turn time.Duration
	// Decision is read during the call and not kept.
	Decision *router.Decision
	// Program, on an AttemptDone or ToolDone of a session whose steps follow from
	// what its model answers, is the session's program as that event makes it. It
	// counts only if the event does: if the answer is the step's, if the tool
	// call was running. See grow.go for what may change.
	Program *Program
	// Call is what an attempt took; read during the call and not kept.
	Call *Call
	// USD is the price of a tool call, a validation, a commit, or (on Routed)
	// of an orchestration service's transitions for the step.
	USD float64
}

// Call is what one attempt took, also when it failed or was cancelled. Queue,
// Prefill, Decode and Network sum to the time from sending to the event. USD
// is the price of its tokens, Egress that of its bytes; both count against the
// reservation.
type Call struct {
	Queue, Prefill, Decode, Network time.Duration
	First                           time.Duration // when the first token reached the home; 0: none did
	Cached, Output                  int
	USD, Egress, Joules             float64
	Correct                         *bool // the quality model's verdict
}

// TimerKind says what a timer is for.
type TimerKind uint8

// The timers of a session.
const (
	Due      TimerKind = 1 + iota // a step's edges are all due
	Backoff                       // a failed step may try again
	Hedge                         // the first token is late
	Timeout                       // an attempt's own limit
	Deadline                      // the session's
)

// EffectKind says what a driver has to do.
type EffectKind uint8

// The effects that a Machine asks for. Each Route, Start, Validate, RunTool
// and Commit is answered by exactly one event, which carries the effect's Step,
// Attempt and Tool; Finish waits for the answers.
const (
	Route      EffectKind = 1 + iota // ask the router (Machine.Request), answer with Routed
	Start                            // start an attempt: Target; answer with AttemptDone
	Cancel                           // stop an attempt: its AttemptDone follows at once
	Validate                         // check an attempt's answer, answer with Validated
	RunTool                          // run a tool call, answer with ToolDone
	CancelTool                       // stop a tool call: its ToolDone follows at once
	SetTimer                         // answer with TimerFired at At; there is no taking back
	Commit                           // make the session's events durable: Bytes; answer with Committed
	StepDone                         // report a step's outcome (Machine.StepOutcome)
	Finish                           // report the session's outcome; nothing follows
)

// Effect is one thing to do.
type Effect struct {
	Kind    EffectKind
	Timer   TimerKind
	Step    int32
	Attempt int32
	Tool    int32
	At      time.Duration
	Target  router.Target // of Start and Validate
	// Watch, on Start, says that a hedge depends on the first token: only
	// then does the driver need to report it.
	Watch  bool
	Status workloads.Status // of Finish; on Cancel, why: cancelled or timeout
	Bytes  int64            // of Commit
}
