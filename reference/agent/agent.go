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
	AttemptDone                      // a model call ended: Status, Parts, tokens, money
	FirstToken                       // the first token of an attempt reached the home
	Validated                        // the validator has looked: Pass
	ToolDone                         // a tool call ended: Status
	Committed                        // what the session asked to store is durable
	TimerFired                       // a timer of the session: Timer
	Killed                           // the kill switch
)

// Event is one thing that happened. Step, Attempt and Tool number within the
// session, the step and the step; fields that a kind does not need are zero.
type Event struct {
	Kind    EventKind
	Timer   TimerKind
	Pass    bool
	Step    int32
	Attempt int32
	Tool    int32
	Status  workloads.Status
	// Decision is read during the call and not kept.
	Decision *router.Decision
	// Call is what an attempt took; read during the call and not kept.
	Call *Call
	USD  float64 // of a tool call, a validation or a commit
}

// Call is what one attempt took. Queue, Prefill, Decode and Network sum to the
// time from sending to the event.
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

// The effects that a Machine asks for.
const (
	Route    EffectKind = 1 + iota // ask the router, answer with Routed at once
	Start                          // start an attempt: Target
	Cancel                         // stop an attempt; no AttemptDone follows
	Validate                       // check an attempt's answer, answer with Validated
	RunTool                        // run a tool call, answer with ToolDone
	SetTimer                       // answer with TimerFired at At
	Commit                         // make the session's events durable, answer with Committed
	StepDone                       // report a step's outcome
	Finish                         // report the session's outcome; nothing follows
)

// Effect is one thing to do.
type Effect struct {
	Kind    EffectKind
	Timer   TimerKind
	Step    int32
	Attempt int32
	Tool    int32
	At      time.Duration
	Target  router.Target
	Status  workloads.Status // of Finish
	Bytes   int64            // of Commit
}
