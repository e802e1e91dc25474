package router

import (
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Target is where an attempt runs.
type Target struct {
	Site    topology.SiteID
	Model   topology.ModelID
	Replica topology.ReplicaID
}

// NoTarget is the absence of a target.
var NoTarget = Target{Site: topology.None, Model: topology.None, Replica: topology.None}

// Request is all that a policy may know of a step and its session. It holds
// neither the answer's length nor anything else of the future.
type Request struct {
	// Draw is keyed by session, step and attempt.
	Draw rng.Stream
	// Session is the replayed session's key, for affinity by hash.
	Session uint64
	Origin  topology.OriginID
	Home    topology.SiteID

	// The step.
	Kind          string
	Task          string
	Modality      string // "" is text
	Pin           topology.ModelID
	PII           bool     // the step's rule or the session's
	Residency     []string // nil: anywhere
	Input         int      // prompt tokens
	LatencyBudget time.Duration
	// Difficulty is a prediction, never the truth.
	Difficulty float64

	// The attempt, from 1. Escalation counts the answers to this step that a
	// validator refused. Tried are the targets of earlier attempts, Last why
	// the latest of them failed.
	Attempt    int
	Escalation int
	Tried      []Target
	Last       workloads.Status

	History History
}

// History is what a session has behind it.
type History struct {
	Steps    int // accepted
	Messages int // in this step's context
	Tokens   int // input and output, all attempts
	Failures int // attempts that failed
	// Cheap counts accepted steps that ran on a model that is not Frontier.
	Cheap int
	USD   float64
	// USDLeft and TimeLeft are what the budget leaves; negative: no limit.
	USDLeft  float64
	TimeLeft time.Duration
	// Warm are the replicas that served this session lately, latest first,
	// with the tokens of this step's context that they may still hold.
	Warm [4]Warm
}

// Warm is a replica that may hold a session's KV cache.
type Warm struct {
	Target Target
	Tokens int
	At     time.Duration
}

// Decision is a policy's answer. Target is NoTarget when no site may serve the
// step.
type Decision struct {
	Target Target
	// Reason is one of the policy's constant phrases.
	Reason string
	// Estimate is the latency that the policy expects; 0: it makes none.
	Estimate time.Duration
	// Fallbacks are tried in order when the target rejects or fails.
	Fallbacks     [3]Target
	FallbackCount int
	// HedgeAfter is how long to wait for the first token before a second
	// attempt starts on Fallbacks[0]; 0: never.
	HedgeAfter time.Duration
	// ReserveUSD bounds the attempt's price, for budgets.
	ReserveUSD float64
}

// Policy routes attempts. It is a pure state machine: the same calls give the
// same answers. It is used by one goroutine at a time.
type Policy interface {
	// Name is what users call the policy.
	Name() string
	// Route fills d.
	Route(req *Request, v *View, d *Decision)
}

// Future is what only a clairvoyant policy sees.
type Future struct {
	Output int
	// Correct says whether model m would answer right at this attempt.
	Correct func(m topology.ModelID) bool
	// Wait is the time that a request sent now would spend queueing, as the
	// simulator's present state has it.
	Wait func(r topology.ReplicaID) time.Duration
	// Cached is how many prompt tokens the replica really holds.
	Cached func(r topology.ReplicaID) int
}

// Clairvoyant is a policy that sees the future. The driver calls RouteKnowing
// in place of Route.
type Clairvoyant interface {
	Policy
	RouteKnowing(req *Request, v *View, f *Future, d *Decision)
}
